"""Draw comparisons: the demo's contact sheet and the README's before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageFile, ImageOps

# Truncated samples are shown as far as they can be decoded.
ImageFile.LOAD_TRUNCATED_IMAGES = True

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 BGR, as in OpenCV."""

WIDTH_PX = 1500
MARGIN_PX = 28
GAP_PX = 14
ROW_PX = 240
"""A row gets pictures until its height at full width is at most this."""
LAST_ROW_PX = 300
TEXT_PX = 22
PAPER = 250
INK = (60, 60, 60)
FAINT = (150, 150, 150)
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Pair:
    """A sample before and after; `after` None = not published; `label` and `note` are written below."""

    before: Image
    after: Image | None
    label: str
    note: str


def read_upright(path: Path) -> Image | None:
    """The picture with its EXIF orientation applied, as far as it can be decoded; None if it is not an image."""
    try:
        with PIL.Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except PIL.UnidentifiedImageError:
        return None
    return np.ascontiguousarray(np.asarray(upright)[..., ::-1])


def contact_sheet(pairs: Sequence[Pair]) -> Image:
    """Draws inputs above outputs, in rows that fill the width."""
    bands = [_band(row, height) for row, height in _rows(pairs)]
    sheet = np.concatenate([_title(), *bands])
    return np.concatenate([sheet, _paper(MARGIN_PX // 2, WIDTH_PX)])


def before_after(before: Image, after: Image, width: int) -> Image:
    """Draws two pictures of `width` pixels side by side, with a white gap."""
    gap = GAP_PX
    left, right = (_scaled(picture, round(picture.shape[0] * width / picture.shape[1])) for picture in (before, after))
    return np.concatenate([left, np.full((left.shape[0], gap, 3), 255, np.uint8), right], axis=1)


def _rows(pairs: Iterable[Pair]) -> Iterator[tuple[list[Pair], int]]:
    """Rows of pairs, and the height at which each fills the width (the last one may stay short)."""
    row: list[Pair] = []
    for pair in pairs:
        row.append(pair)
        height = _filling_height(row)
        if height <= ROW_PX:
            yield row, height
            row = []
    if row:
        yield row, min(LAST_ROW_PX, _filling_height(row))


def _filling_height(row: Sequence[Pair]) -> int:
    room = WIDTH_PX - 2 * MARGIN_PX - GAP_PX * (len(row) - 1)
    return int(room / sum(pair.before.shape[1] / pair.before.shape[0] for pair in row))


def _band(row: Sequence[Pair], height: int) -> Image:
    band = _paper(2 * height + GAP_PX // 2 + 2 * TEXT_PX + GAP_PX, WIDTH_PX)
    x = MARGIN_PX
    for pair in row:
        before = _scaled(pair.before, height)
        width = before.shape[1]
        after = _empty(height, width) if pair.after is None else _fitted(pair.after, height, width)
        below = height + GAP_PX // 2
        band[:height, x : x + width] = before
        band[below : below + height, x : x + width] = after
        _text(band, pair.label, x, below + height + TEXT_PX - 5, INK)
        _text(band, pair.note, x, below + height + 2 * TEXT_PX - 8, FAINT)
        x += width + GAP_PX
    return band


def _title() -> Image:
    title = _paper(MARGIN_PX + TEXT_PX + GAP_PX // 2, WIDTH_PX)
    _text(title, "above: input   below: output", MARGIN_PX, MARGIN_PX + TEXT_PX // 2, INK, 0.55)
    return title


def _empty(height: int, width: int) -> Image:
    """A gray panel in place of an output that was not published."""
    panel = np.full((height, width, 3), 232, np.uint8)
    text = "no output"
    text_width = cv2.getTextSize(text, FONT, 0.45, 1)[0][0]
    _text(panel, text, (width - text_width) // 2, height // 2, FAINT)
    return panel


def _text(image: Image, text: str, x: int, y: int, ink: tuple[int, int, int], scale: float = 0.42) -> None:
    """Writes text into `image`, in place."""
    cv2.putText(image, text, (x, y), FONT, scale, ink, 1, cv2.LINE_AA)


def _scaled(image: Image, height: int) -> Image:
    return _fitted(image, height, round(image.shape[1] * height / image.shape[0]))


def _fitted(image: Image, height: int, width: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _paper(height: int, width: int) -> Image:
    return np.full((height, width, 3), PAPER, np.uint8)
