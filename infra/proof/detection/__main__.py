"""`python -m infra.proof.detection WHAT`: how the detector is set, and what it and the second look are worth."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2

from anonymizer.image.detectors import weights
from anonymizer.image.detectors.presets import PRESETS
from infra.proof.detection import card, fit, measure, misses, ranges, sample

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "infra/docs/detection.md"
SENSITIVITY = ROOT / "anonymizer/audit/verify/sensitivity.py"
CARD = ROOT / "infra/docs/model-card.md"
VERIFICATION = ROOT / "infra/docs/verification.md"
COEFFICIENTS = ROOT / "anonymizer/image/detectors/coefficients.py"
RANGES = ROOT / "anonymizer/image/detectors/ranges.py"


def embedded(text: str, name: str, figures: str) -> str:
    """The page with other figures between the markers of that name.

    Raises:
        ValueError: A marker is missing.
    """
    begin, end = f"<!-- {name}: begin (make bench-detection) -->", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"no place for {name} in the page")
    return f"{before}{begin}\n{figures}\n{end}{after}"


def _tell(options: argparse.Namespace, page: Path, figures: str) -> None:
    """Prints figures and, with `--write`, puts them into their page."""
    print(figures)
    if options.write:
        page.write_text(embedded(page.read_text(encoding="utf-8"), options.what, figures), encoding="utf-8")


def _card(options: argparse.Namespace) -> None:
    _tell(options, CARD, card.tables(options.data, options.pieces, options.presets))


def _sample(options: argparse.Namespace) -> None:
    """What `verify --sample` is worth."""
    text, figures = sample.sensitivity(options.data, options.weights)
    if options.write:
        SENSITIVITY.write_text(text, encoding="utf-8")
    _tell(options, VERIFICATION, figures)


def _proof(options: argparse.Namespace) -> None:
    _tell(options, VERIFICATION, sample.proofs(options.data))


def _misses(options: argparse.Namespace) -> None:
    for preset in options.presets:
        print(misses.sheet(options.data / options.folder, preset, options.count, options.out))


def _ranges(options: argparse.Namespace) -> None:
    """Writes a module, and has no figures."""
    network = weights.cleaned(weights.centerface(None, lambda path: Path(path).read_bytes()))
    text = ranges.run(network, options.data)
    if options.write:
        RANGES.write_text(text, encoding="utf-8")
    print(text)


def _fit(options: argparse.Namespace) -> None:
    text, figures = fit.run(options.data)
    if options.write:
        COEFFICIENTS.write_text(text, encoding="utf-8")
    print(text)
    _tell(options, PAGE, figures)


def _cross(options: argparse.Namespace) -> None:
    _tell(options, PAGE, measure.crossed(options.data, tuple(options.presets), fit.folded(options.data)))


def _measure(options: argparse.Namespace) -> None:
    _tell(options, PAGE, measure.table(options.data, tuple(options.presets)))


WHAT: dict[str, Callable[[argparse.Namespace], None]] = {
    "card": _card,
    "cross": _cross,
    "fit": _fit,
    "measure": _measure,
    "misses": _misses,
    "proof": _proof,
    "ranges": _ranges,
    "sample": _sample,
}


def main(argv: list[str]) -> int:
    """Fits, measures or shows; prints what came of it."""
    options = _parser().parse_args(argv)
    if not (options.data / "wider_val").is_dir():
        print(f"{options.data} holds no labelled photographs (wider_val, nonface, mask853, lfw)", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    WHAT[options.what](options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.detection", description=__doc__)
    parser.add_argument("what", choices=tuple(WHAT))
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
        default=Path(tempfile.gettempdir()) / "anonymizer-model-card",
        help="card: where what was measured is kept, one file for a preset and a set",
    )
    parser.add_argument("--write", action="store_true", help="put coefficients and tables where they belong")
    parser.add_argument("--set", dest="folder", default="wider_val", help="misses: of which set (default: wider_val)")
    parser.add_argument("--count", type=int, default=30, help="misses: how many are shown (default: 30)")
    parser.add_argument("--out", type=Path, default=Path("misses.png"), help="misses: the contact sheet")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
