"""What a viewer of a GIF shows: frames drawn onto a canvas, and what becomes of each before the next one.

Canvases are (H, W) arrays of numbers, one for each pixel: R, G, B and A in the bytes of a little-endian uint32, 0 where
nothing is. What lies outside of all frames is transparent, as browsers show it, whatever background the file names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.gif.blocks import Block, Stream, unpacked
from anonymizer.records import Frame, Mask, Pixels

Canvas = NDArray[np.uint32]

LEAVE, CLEAR, RESTORE = 1, 2, 3


class Box(NamedTuple):
    """A part of the canvas; half-open."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def composed(stream: Stream) -> Iterator[Canvas]:
    """The canvas as it is shown with each of the frames; what reaches beyond it is cut off."""
    canvas = np.zeros((stream.height, stream.width), np.dtype("<u4"))
    for block in stream.blocks:
        before = canvas
        canvas = _drawn(before, block)
        yield canvas
        area = Box(block.left, block.top, block.left + block.width, block.top + block.height)
        canvas = disposed(before, canvas, area, block.control.disposal)


def disposed(before: Canvas, shown: Canvas, area: Box, disposal: int) -> Canvas:
    """The canvas that the next frame is drawn onto.

    Args:
        before: The canvas before the frame was drawn.
        shown: The canvas with the frame.
        area: The frame's.
        disposal: Its number (GIF89a, section 23).
    """
    if disposal not in (CLEAR, RESTORE):
        return shown
    after = shown.copy()
    after[area.slices] = 0 if disposal == CLEAR else before[area.slices]
    return after


def surrounding(mask: Mask) -> Box | None:
    """The smallest box with all of a mask; None for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def canvas_of(frame: Frame) -> Canvas:
    """A frame as a canvas of its own; a pixel is seen or not, and what is half seen is seen."""
    height, width = frame.pixels.shape[:2]
    rgba = np.full((height, width, 4), 255, np.uint8)
    rgba[..., :3] = frame.pixels if frame.pixels.ndim == 3 else frame.pixels[..., None]
    if frame.alpha is not None:
        rgba[frame.alpha < 128] = 0
    return rgba.view(np.dtype("<u4"))[..., 0]


def channels_of(canvas: Canvas) -> Pixels:
    """(H, W, 4) RGBA."""
    return canvas.view(np.uint8).reshape(*canvas.shape, 4)


def _drawn(before: Canvas, block: Block) -> Canvas:
    canvas = before.copy()
    area = canvas[block.top : block.top + block.height, block.left : block.left + block.width]
    indices = unpacked(block)[: area.shape[0], : area.shape[1]]
    colors = _colors(block.palette)[indices]
    if block.control.transparent is None:
        area[...] = colors
    else:
        np.copyto(area, colors, where=indices != block.control.transparent)
    return canvas


def _colors(palette: Pixels | None) -> Canvas:
    """What each of 256 indices means; without a palette shades of gray, beyond its end black."""
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    if palette is None:
        table[:, :3] = np.arange(256)[:, None]
    else:
        table[: len(palette), :3] = palette
    return table.view(np.dtype("<u4"))[..., 0]
