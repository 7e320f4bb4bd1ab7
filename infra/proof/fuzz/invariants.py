"""Check the invariants of every decoded picture and of every file encoded from it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.records import Encoded, Frame, Grid, Picture, Samples

MAX_PIXELS = 4_000_000
STRUCTURAL = frozenset(("animation", "app.adobe", "icc", "png.rendering"))
"""Names that the inventory may give to what we write ourselves."""

PIXEL_EXACT = frozenset(("png", "bmp", "gif", "tiff", "jp2", "jxl", "webp"))


class Broken(Exception):
    """Something does not hold that has to; its text is the finding's."""


def _page_bytes(frame: Frame) -> int:
    held = frame.pixels.nbytes + (0 if frame.alpha is None else frame.alpha.nbytes)
    return min(held, 3 * frame.width * frame.height)


def demand_sane(picture: Picture) -> None:
    """What was read is what `Frame` promises, within the limit, and hides nothing under alpha.

    Raises:
        Broken: It is not.
    """
    if not picture.frames:
        raise Broken("decode gives no frame")
    pixels = [frame.width * frame.height for frame in picture.frames]
    # Pages of TIFF count by their bytes, as far as those of RGB (`codec.max_pixels`).
    together = sum(map(_page_bytes, picture.frames)) / 3 if picture.format == "tiff" else sum(pixels)
    if max(pixels) > MAX_PIXELS or together > MAX_PIXELS:
        raise Broken("decode gives more pixels than the limit allows")
    for frame in picture.frames:
        kinds = {frame.pixels.dtype.name, frame.pixels.dtype.name if frame.alpha is None else frame.alpha.dtype.name}
        if kinds not in ({"uint8"}, {"uint16"}):
            raise Broken("decode gives samples of another type")
        if frame.alpha is not None and frame.alpha.shape != frame.pixels.shape[:2]:
            raise Broken("decode gives alpha of another size")
        if frame.alpha is not None and frame.pixels[frame.alpha == 0].any():
            raise Broken("colour hidden under alpha 0")


def redacted(picture: Picture, chance: Random) -> Picture:
    """The picture with a rectangle of each frame filled, rounded out to the grid as the redaction step does it."""
    return replace(picture, frames=tuple(_filled(frame, picture.grid, chance) for frame in picture.frames))


def _filled(frame: Frame, grid: Grid, chance: Random) -> Frame:
    rows, columns = (
        _span(chance, size, step) for size, step in ((frame.height, grid.height), (frame.width, grid.width))
    )
    mask = np.zeros((frame.height, frame.width), np.bool_)
    mask[rows, columns] = True
    pixels = frame.pixels.copy()
    pixels[mask] = chance.randrange(256)
    alpha = frame.alpha
    if alpha is not None:
        alpha = np.where(mask, np.iinfo(alpha.dtype).max, alpha).astype(alpha.dtype)
    return Frame(pixels, alpha, mask)


def _span(chance: Random, size: int, step: int) -> slice:
    start = chance.randrange(size) // step * step
    return slice(start, min(size, start + step * chance.randrange(1, 4)))


def demand_clean(picture: Picture, written: Encoded) -> None:
    """What is written passes its check and carries nothing that the inventory has a name for.

    Raises:
        Broken: It does not.
    """
    first = picture.frames[0]
    try:
        metadata.check(written.data, written.format, first.width, first.height, len(picture.frames))
    except ScrubCheckFailed as refused:
        raise Broken("check refuses what encode wrote") from refused
    names = set(metadata.inventory(written.data, written.format)) - STRUCTURAL
    if names:
        raise Broken(f"the inventory finds in what encode wrote: {sorted(names)}")
    if codec.sniff(written.data) != written.format:
        raise Broken("sniff takes what encode wrote for another format")


def demand_same_again(picture: Picture, written: Encoded, config: CodecConfig) -> None:
    """Writing again gives the same bytes, and reading them the same frames.

    Raises:
        Broken: It does not.
    """
    if codec.encode(picture).data != written.data:
        raise Broken("the same picture gives other bytes")
    try:
        again = codec.decode(written.data, config)
    except ObjectError as refused:
        raise Broken("decode refuses what encode wrote") from refused
    if len(again.frames) != len(picture.frames):
        raise Broken("frames were lost or added")
    if written.encoding == "exact" and written.format in PIXEL_EXACT:
        for before, after in zip(picture.frames, again.frames, strict=True):
            demand_same_samples(before, after)


def demand_same_samples(before: Frame, after: Frame) -> None:
    """Outside of the redacted area both frames show the same.

    Raises:
        Broken: They do not.
    """
    if before.pixels.shape[:2] != after.pixels.shape[:2]:
        raise Broken("a frame has another size")
    outside = np.True_ if before.redacted is None else ~before.redacted
    for one, other in zip(_seen(before), _seen(after), strict=True):
        differs = one != other
        if (differs & (outside if differs.ndim == 2 else np.expand_dims(outside, -1))).any():
            raise Broken("exact, but a sample outside of the redacted area changed")


def _seen(frame: Frame) -> tuple[Samples, Samples]:
    """Colours as RGB (or ink) and alpha, whatever layout holds them."""
    top = np.iinfo(frame.pixels.dtype).max
    alpha = np.full(frame.pixels.shape[:2], top, frame.pixels.dtype) if frame.alpha is None else frame.alpha
    pixels = frame.pixels if frame.pixels.ndim == 3 else np.repeat(frame.pixels[..., None], 3, axis=2)
    return np.where(alpha[..., None] == 0, 0, pixels), alpha
