"""What anonymization costs a classifier: the course page's experiment, repeated for every redaction method.

    python jobs/evaluate_utility.py DATA --methods smooth,blur,pixelate,gaussian --json FILE

DATA holds one folder per class. Needs `pip install 'ray-anonymizer[utility]'`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import MutableMapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import get_args

from anonymizer import Anonymizer
from anonymizer.config import Method
from anonymizer.errors import UsageError
from anonymizer.evaluation import course_network, utility

PACKAGES = ("keras", "torch", "numpy", "opencv-python-headless", "pillow", "onnxruntime", "ray-anonymizer")


def main(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    """Runs the experiment; 0, or 2 when it cannot be run as asked."""
    arguments = _parser().parse_args(argv)
    plan = utility.Plan(arguments.methods, arguments.epochs, arguments.seed, arguments.limit_per_class)
    # Keras reads this once, when it is imported; an explicit choice of another backend stands.
    environ.setdefault("KERAS_BACKEND", "torch")
    try:
        course_network.require_keras()
        measured = evaluate(arguments.data, plan)
    except UsageError as error:
        print(f"evaluate_utility: {error}", file=sys.stderr)
        return 2
    measured["versions"] = _versions(environ["KERAS_BACKEND"])
    print(utility.table(measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    return 0


def evaluate(data: Path, plan: utility.Plan) -> dict[str, object]:
    """Lists, anonymizes, trains and gathers.

    Raises:
        UsageError: DATA holds no two classes, or a class has no photo left.
    """
    listing = utility.list_photos(data, plan)
    anonymizers = {method: Anonymizer({"redaction": {"method": method}}) for method in plan.methods}
    variants = utility.make_variants(listing, anonymizers)
    histories = utility.train_all(listing, variants, plan, course_network.train)
    measured: dict[str, object] = utility.result(listing, variants, plan, histories)
    return measured


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evaluate_utility", description=__doc__.partition("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path, help="folder with one folder per class")
    parser.add_argument("--methods", type=_methods, default=("smooth", "blur", "pixelate", "gaussian"))
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
    parser.add_argument("--epochs", type=_positive, default=course_network.EPOCHS)
    parser.add_argument("--seed", type=int, default=42, help="of the split, the weights and the order of batches")
    parser.add_argument("--limit-per-class", metavar="N", type=_positive, help="draw so many photos of each class")
    return parser


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
