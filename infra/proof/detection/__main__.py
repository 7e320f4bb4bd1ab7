"""Fit and evaluate the detector, and evaluate `verify --sample`: `python -m infra.proof.detection WHAT`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2

from anonymizer.image.detectors import weights
from anonymizer.image.detectors.centerface.presets import PRESETS
from infra.docs.generate import pages
from infra.proof.detection import card, cross, fit, glances, hdr, misses, ranges, sample
from infra.proof.machine import processor

ROOT = Path(__file__).parents[3]
SENSITIVITY = ROOT / "anonymizer/audit/verify/sensitivity.py"
COEFFICIENTS = ROOT / "anonymizer/image/detectors/centerface/coefficients.py"
RANGES = ROOT / "anonymizer/image/detectors/centerface/ranges.py"


def _measure(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    values = card.measured(options.data, options.pieces, options.presets)
    return "detection", values, f"{card.summary(values)}\n\n{card.tables(values)}"


def _cross(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    folded, scores = fit.crossed(options.data)
    values = cross.measured(options.data, tuple(options.presets), folded) | scores
    return "detection-cross", values, f"{cross.table(values)}\n\n{fit.reliability_table(values)}"


def _glances(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    values = glances.measured(options.data, tuple(options.presets))
    return "detection-glances", values, glances.table(values)


def _hdr(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    values = hdr.measured(options.data)
    return "detection-hdr", values, hdr.table(values)


def _sample(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    values = sample.sensitivity(options.data, options.weights)
    if options.write:
        SENSITIVITY.write_text(sample.module(values), encoding="utf-8")
    return "second-look", values, sample.sensitivity_table(values)


def _proof(options: argparse.Namespace) -> tuple[str, Mapping[str, Any], str]:
    values = sample.proofs(options.data)
    return "second-look-proof", values, sample.proofs_table(values)


#: What measures: gives the measurement's name, its figures, and their tables.
_MEASURE: dict[str, Callable[[argparse.Namespace], tuple[str, Mapping[str, Any], str]]] = {
    "measure": _measure,
    "cross": _cross,
    "glances": _glances,
    "hdr": _hdr,
    "sample": _sample,
    "proof": _proof,
}


def _fit(options: argparse.Namespace) -> str:
    text = fit.run(options.data)
    if options.write:
        COEFFICIENTS.write_text(text, encoding="utf-8")
    return text


def _ranges(options: argparse.Namespace) -> str:
    network = weights.cleaned(weights.centerface(None, lambda path: Path(path).read_bytes()))
    text = ranges.run(network, options.data)
    if options.write:
        RANGES.write_text(text, encoding="utf-8")
    return text


def _misses(options: argparse.Namespace) -> str:
    folder = options.data / options.folder
    return "\n".join(misses.sheet(folder, preset, options.count, options.out) for preset in options.presets)


#: What sets the detector, or shows: gives what is printed.
_OTHER: dict[str, Callable[[argparse.Namespace], str]] = {"fit": _fit, "ranges": _ranges, "misses": _misses}


def main(argv: list[str]) -> int:
    """Runs the chosen part and prints its result."""
    options = _parser().parse_args(argv)
    if not (options.data / "wider_val").is_dir():
        print(f"{options.data} holds no labelled photographs (wider_val, nonface, mask853, lfw)", file=sys.stderr)
        return 2
    if options.write and set(options.presets) != set(PRESETS):
        print("--write is for all presets", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    if options.what in _OTHER:
        print(_OTHER[options.what](options))
        return 0
    name, values, tables = _MEASURE[options.what](options)
    print(f"{processor()}\n\n{tables}")
    if options.write:
        pages.measured(name, f"make bench-detection WHAT={options.what} WRITE=--write", values)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.detection", description=__doc__)
    parser.add_argument("what", choices=sorted((*_MEASURE, *_OTHER)))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", help="folder of the labelled sets")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument(
        "--weights",
        type=Path,
        default=ROOT.parent / "shared/models/face_detection_yunet_2026may.onnx",
        help="sample: of the second detector",
    )
    parser.add_argument(
        "--pieces",
        type=Path,
        default=Path(tempfile.gettempdir()) / "anonymizer-detection",
        help="measure: where what was measured is kept, one file for a preset and a set",
    )
    text = "put figures into the pages, and coefficients and ranges where they belong"
    parser.add_argument("--write", action="store_true", help=text)
    parser.add_argument("--set", dest="folder", default="wider_val", help="misses: of which set (default: wider_val)")
    parser.add_argument("--count", type=int, default=30, help="misses: how many are shown (default: 30)")
    parser.add_argument("--out", type=Path, default=Path("misses.png"), help="misses: the contact sheet")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
