"""Evaluates whether redacted faces can be re-identified by attackers who know the method and trained on other people.

    python jobs/evaluate_privacy.py RAW ANONYMIZED --labels identity.csv --json FILE --plot FILE
    python jobs/evaluate_privacy.py RAW --labels identity.csv --methods smooth,solid,pixelate:cells=4

RAW is the folder of the originals, ANONYMIZED the OUTPUT of a run over it; give several as NAME=FOLDER. With
`--methods` the job redacts the photos itself as well. Needs `pip install 'ray-anonymizer[privacy]'`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from anonymizer import sanitize
from anonymizer.audit import evidence
from anonymizer.config import DetectorName
from anonymizer.errors import UsageError
from anonymizer.lab.privacy import attackers, plot, result
from anonymizer.lab.privacy.measure import Plan, measure
from anonymizer.lab.privacy.variants import LADDER


def main(argv: Sequence[str]) -> int:
    """Runs the evaluation; returns exit status 0, or 2 if the arguments or the data are wrong."""
    try:
        sanitize.refuse_secrets(argv)
        arguments = _parser().parse_args(argv)
        attackers.require_sklearn()
        if arguments.plot:
            plot.require_matplotlib()
        measured = measure(_plan(arguments), lambda line: print(line, file=sys.stderr, flush=True))
    except UsageError as error:
        print(f"evaluate_privacy: {error}", file=sys.stderr)
        return 2
    found = result.evidence(measured)
    print(result.text(found))
    if arguments.json:
        arguments.json.write_text(evidence.dumps(found), encoding="utf-8")
    if arguments.plot:
        plot.draw(measured, arguments.plot)
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    methods = arguments.methods or (() if arguments.anonymized else ("smooth", "blur", "pixelate", "solid", "gaussian"))
    return Plan(
        root=arguments.raw,
        labels=arguments.labels,
        folders=tuple(arguments.anonymized),
        methods=(*methods, *(LADDER if arguments.strengths else ())),
        copies=arguments.copies,
        detectors=arguments.detectors,
        weights=arguments.weights,
        recognizer=arguments.recognizer,
        folds=arguments.folds,
        photos_per_person=arguments.photos_per_person,
        people=arguments.people,
        seed=arguments.seed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate_privacy", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("raw", metavar="RAW", type=Path, help="folder of the originals")
    add("anonymized", metavar="[NAME=]FOLDER", type=_folder, nargs="*", help="OUTPUT of a run over RAW; repeatable")
    add("--labels", metavar="CSV", type=Path, required=True, help="columns image (key below RAW) and identity")
    add(
        "--methods",
        type=_methods,
        help="also redact RAW with these methods: smooth,solid,pixelate:cells=4,gaussian:sigma=0.1,"
        "smooth:padding=1.8; default without FOLDER: all five at default strength",
    )
    add("--strengths", action="store_true", help="also test each method at other strengths")
    add("--copies", metavar="N", type=_positive, default=1, help="also attack with N near copies of every photo")
    add("--detectors", type=_detectors, default=("centerface",), help="detectors to run on the redacted photos")
    add("--weights", metavar="FILE", type=Path, help="model file of the detector yunet")
    add("--recognizer", metavar="FILE", type=Path, help="also attack with this face recogniser (ONNX)")
    add("--folds", metavar="N", type=_folds, default=5, help="folds of people for cross-validation")
    add("--photos-per-person", metavar="N", type=_several, default=6, help="maximum number of photos per person")
    add("--people", metavar="N", type=_positive, help="sample N of the people with two or more photos")
    add("--seed", type=int, default=42, help="seed of all random choices")
    add("--json", metavar="FILE", type=Path, help="file to write the evidence to, for `anonymizer report --evidence`")
    add("--plot", metavar="FILE", type=Path, help="PNG file to write")
    return parser


def _folder(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    return (name, Path(path)) if separator else (Path(text).name, Path(text))


def _methods(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _detectors(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in get_args(DetectorName):
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(get_args(DetectorName))}")
    return names


def _at_least(text: str, least: int) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"at least {least}")
    return number


def _positive(text: str) -> int:
    return _at_least(text, 1)


def _several(text: str) -> int:
    return _at_least(text, 2)


_folds = _several

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
