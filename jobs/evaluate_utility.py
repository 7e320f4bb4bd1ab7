"""What anonymization costs a classifier: the course page's network, trained on raw photos and on every variant.

    python jobs/evaluate_utility.py RAW --labels boxes.csv --crops 6 --methods smooth,solid --json FILE --plot FILE
    python jobs/evaluate_utility.py RAW ANONYMIZED

RAW holds one folder per class. ANONYMIZED is the output of a run over it; without it the variants are made here, all
methods with the same masks. Needs `pip install 'ray-anonymizer[utility]'`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import MutableMapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import get_args

from anonymizer import sanitize
from anonymizer.audit import evidence
from anonymizer.config import Method
from anonymizer.errors import UsageError
from anonymizer.lab.utility import arms, course_network, curves, faces, samples, trainings, utility, variants

PACKAGES = ("keras", "torch", "numpy", "opencv-python-headless", "pillow", "onnxruntime", "ray-anonymizer")


def main(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Runs the experiment; 0, or 2 when it cannot be run as asked."""
    # Keras reads this once, when it is imported; an explicit choice of another backend stands.
    environ.setdefault("KERAS_BACKEND", "torch")
    try:
        sanitize.refuse_secrets(argv)
        arguments = _parser().parse_args(argv)
        course_network.require_keras()
        measured = evaluate(arguments, _versions(environ["KERAS_BACKEND"]))
        found = utility.evidence(measured)
        picture = curves.png(measured) if arguments.plot else b""
    except UsageError as error:
        print(f"evaluate_utility: {error}", file=sys.stderr)
        return 2
    _show(measured, found)
    if arguments.json:
        arguments.json.write_text(evidence.dumps(found), encoding="utf-8")
    if arguments.plot:
        arguments.plot.write_bytes(picture)
    return 0


def evaluate(arguments: argparse.Namespace, versions: dict[str, str]) -> utility.Measured:
    """Lists, anonymizes, cuts and trains.

    Raises:
        UsageError: It cannot be done as asked.
    """
    methods = _chosen_methods(arguments)
    journal = trainings.Journal(arguments.journal)
    listing = samples.list_photos(arguments.raw, arguments.classes)
    locate, masks = _masks(arguments, listing)
    cutting = samples.Cutting(arguments.crops, arguments.centre, arguments.limit_per_class, arguments.seed)
    making = variants.Making(methods, arguments.anonymized, arguments.remedies, arguments.seed)
    made = variants.make_variants(listing, samples.draw(listing, cutting), locate, making)
    schedule = trainings.Schedule(tuple(range(arguments.seed, arguments.seed + arguments.seeds)), arguments.epochs)
    histories = trainings.train_all(
        made, _arms(arguments, methods), schedule, course_network.train, journal, _told(arguments.verbose)
    )
    return utility.Measured(made, histories, schedule, cutting, masks, versions)


def _chosen_methods(arguments: argparse.Namespace) -> tuple[str, ...]:
    methods: tuple[str, ...] | None = arguments.methods
    if methods is None:
        methods = () if arguments.anonymized else get_args(Method)
    if arguments.anonymized and not arguments.anonymized.is_dir():
        raise UsageError("ANONYMIZED is no folder")
    if arguments.remedies and not methods:
        raise UsageError("--remedies are made with a method: give --methods")
    return methods


def _masks(arguments: argparse.Namespace, listing: samples.Listing) -> tuple[faces.Locate, str]:
    """Where faces are, and how to say so; labels are the truth, unless the detector is asked for."""
    if arguments.masks == "truth" and arguments.labels is None and not arguments.faceless:
        raise UsageError("--masks truth needs --labels, or --faceless for classes that show nobody")
    if arguments.labels is not None and arguments.masks != "detector":
        return faces.by_labels(faces.read_labels(arguments.labels), listing), "labels"
    if arguments.faceless and arguments.masks != "detector":
        names = ", ".join(arguments.faceless)
        return faces.by_detector(listing, arguments.faceless), f"the detector's boxes, false alarms in {names} left out"
    return faces.by_detector(listing), "the detector's boxes, false alarms included"


def _arms(arguments: argparse.Namespace, methods: tuple[str, ...]) -> list[arms.Arm]:
    published = (variants.PUBLISHED,) if arguments.anonymized else ()
    everything = published + methods
    wanted = [arms.plain(everything)]
    if arguments.remedies:
        wanted.append(arms.remedies(methods))
    if arguments.control:
        wanted.append(arms.control(everything))
    return list(chain(*wanted))


def _told(verbose: bool) -> trainings.Told:
    def told(line: str) -> None:
        if verbose:
            print(line, file=sys.stderr, flush=True)

    return told


def _show(measured: utility.Measured, found: evidence.Evidence) -> None:
    made = measured.variants
    counts = ", ".join(f"{name} {int((made.labels == index).sum())}" for index, name in enumerate(made.classes))
    print(f"{len(made.crops)} crops of {len({crop.photo for crop in made.crops})} photos ({counts})")
    for code, count in made.refused.items():
        print(f"  left out: {code} {count}")
    for table in found.tables:
        print(f"\n{table.title}")
        rows = [table.columns, *table.rows]
        widths = [max(len(row[index]) for row in rows) for index in range(len(table.columns))]
        for row in rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        print(table.note)
    print("\n" + "\n".join(found.statements))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate_utility", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", metavar="RAW", type=Path, help="folder with one folder per class")
    parser.add_argument("anonymized", metavar="ANONYMIZED", type=Path, nargs="?", help="what a run over RAW wrote")
    data = parser.add_argument_group("photos")
    data.add_argument("--classes", type=_names, default=(), metavar="A,B", help="only these folders of RAW")
    data.add_argument(
        "--crops", type=_positive, default=1, metavar="N", help="squares cut from each photo (1: the whole)"
    )
    data.add_argument("--centre", type=_share, default=1.0, help="cut them from this part of each photo (0.75)")
    data.add_argument("--limit-per-class", metavar="N", type=_positive, help="so many crops of each class")
    masks = parser.add_argument_group("masks")
    masks.add_argument("--labels", metavar="CSV", type=Path, help="face boxes: image,x,y,w,h")
    masks.add_argument("--faceless", type=_names, default=(), metavar="CLASS", help="nobody is shown in these classes")
    masks.add_argument("--masks", choices=get_args(faces.Masks), help="default: truth where something says it")
    masks.add_argument("--methods", type=_methods, metavar="A,B", help=f"default: {','.join(get_args(Method))}")
    training = parser.add_argument_group("training")
    training.add_argument("--seeds", type=_positive, default=5, metavar="N", help="splits, each trained anew (5)")
    training.add_argument("--seed", type=int, default=42, help="the first of them; of the crops, too")
    training.add_argument("--epochs", type=_positive, default=course_network.EPOCHS)
    training.add_argument("--remedies", action="store_true", help="also with decoys and with people who consented")
    training.add_argument("--control", action="store_true", help="also with random labels")
    training.add_argument("--journal", metavar="FILE", type=Path, help="keep trainings there, and go on from it")
    written = parser.add_argument_group("results")
    written.add_argument("--json", metavar="FILE", type=Path, help="all figures, as evidence for `anonymizer report`")
    written.add_argument("--plot", metavar="FILE", type=Path, help="learning curves, PNG")
    written.add_argument("--verbose", action="store_true", help="a line for each training")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def _methods(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in get_args(Method)]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown method {unknown[0]!r}; known: {', '.join(get_args(Method))}")
    return names


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError("more than 0, at most 1")
    return number


def _versions(backend: str) -> dict[str, str]:
    versions = {"python": platform.python_version(), "keras_backend": backend}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
