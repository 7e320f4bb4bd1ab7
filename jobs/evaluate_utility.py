"""Measures what anonymization costs a classifier: trains the course page's network on raw photos and every variant.

    python jobs/evaluate_utility.py RAW --labels boxes.csv --crops 6 --methods smooth,solid --json FILE --plot FILE
    python jobs/evaluate_utility.py RAW ANONYMIZED

RAW has one folder per class. ANONYMIZED is the OUTPUT of a run over it; without it the job makes the variants itself,
all methods with the same masks. Needs `pip install 'ray-anonymizer[utility]'`.
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
    """Runs the experiment; returns exit status 0, or 2 if the arguments or the data are wrong."""
    # Keras reads this once, when it is imported; a backend that the user chose is kept.
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
    """Lists the photos, makes the variants, cuts the crops and trains the networks.

    Raises:
        UsageError: The arguments or the data are wrong.
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
        made, _arms(arguments, methods), schedule, course_network.train, journal, _log(arguments.verbose)
    )
    return utility.Measured(made, histories, schedule, cutting, masks, versions)


def _chosen_methods(arguments: argparse.Namespace) -> tuple[str, ...]:
    methods: tuple[str, ...] | None = arguments.methods
    if methods is None:
        methods = () if arguments.anonymized else get_args(Method)
    if arguments.anonymized and not arguments.anonymized.is_dir():
        raise UsageError("ANONYMIZED is not a folder")
    if arguments.remedies and not methods:
        raise UsageError("--remedies needs --methods")
    return methods


def _masks(arguments: argparse.Namespace, listing: samples.Listing) -> tuple[faces.Locate, str]:
    """Chooses the source of the masks and its description: the labels, or the detector if it was chosen."""
    if arguments.masks == "truth" and arguments.labels is None and not arguments.faceless:
        raise UsageError("--masks truth needs --labels, or --faceless for classes without people")
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


def _log(verbose: bool) -> trainings.Told:
    def log(line: str) -> None:
        if verbose:
            print(line, file=sys.stderr, flush=True)

    return log


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
    parser.add_argument("anonymized", metavar="ANONYMIZED", type=Path, nargs="?", help="OUTPUT of a run over RAW")
    data = parser.add_argument_group("photos")
    data.add_argument("--classes", type=_names, default=(), metavar="A,B", help="only these folders of RAW")
    data.add_argument(
        "--crops", type=_positive, default=1, metavar="N", help="square crops per photo (1: the whole photo)"
    )
    data.add_argument("--centre", type=_share, default=1.0, help="central share of each photo to crop from, e.g. 0.75")
    data.add_argument("--limit-per-class", metavar="N", type=_positive, help="maximum number of crops per class")
    masks = parser.add_argument_group("masks")
    masks.add_argument("--labels", metavar="CSV", type=Path, help="face boxes: image,x,y,w,h")
    masks.add_argument("--faceless", type=_names, default=(), metavar="CLASS", help="classes without people")
    masks.add_argument(
        "--masks", choices=get_args(faces.Masks), help="default: truth if --labels or --faceless is given"
    )
    masks.add_argument("--methods", type=_methods, metavar="A,B", help=f"default: {','.join(get_args(Method))}")
    training = parser.add_argument_group("training")
    training.add_argument(
        "--seeds", type=_positive, default=5, metavar="N", help="train on N random splits (default 5)"
    )
    training.add_argument("--seed", type=int, default=42, help="first seed of the splits, and seed of the crops")
    training.add_argument("--epochs", type=_positive, default=course_network.EPOCHS)
    training.add_argument("--remedies", action="store_true", help="also train with decoys and with consented faces")
    training.add_argument("--control", action="store_true", help="also train with random labels")
    training.add_argument("--journal", metavar="FILE", type=Path, help="file that stores finished trainings, to resume")
    written = parser.add_argument_group("results")
    written.add_argument(
        "--json", metavar="FILE", type=Path, help="JSON file to write, for `anonymizer report --evidence`"
    )
    written.add_argument("--plot", metavar="FILE", type=Path, help="PNG file of the learning curves to write")
    written.add_argument("--verbose", action="store_true", help="log each training")
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
