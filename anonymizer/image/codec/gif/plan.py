"""How canvases become the frames of a GIF: what is drawn where, in which colours, and what becomes of it.

A function of the canvases, their masks and the source's disposals alone. The viewer's canvas is followed all along, so
that whatever the source did, each canvas comes out as it was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from anonymizer.errors import EncodeError
from anonymizer.image.codec.gif.blocks import Block, Control, packed
from anonymizer.image.codec.gif.canvas import (
    CLEAR,
    LEAVE,
    RESTORE,
    Box,
    Canvas,
    canvas_of,
    channels_of,
    disposed,
    surrounding,
)
from anonymizer.image.codec.palette import Indexed, to_palette
from anonymizer.records import Frame, Mask

# One entry is left for the index that draws nothing.
_REDUCED_COLORS = 255

# Stands in for A where the fill had to be approximated: the canvas remembers which colour was meant.
_ROUGH = np.uint32(0x7F000000)
_OPAQUE = np.uint32(0xFF000000)


@dataclass(frozen=True, slots=True)
class Plan:
    """Blocks, one for each frame, without delays; `exact` if all that is seen outside the masks is as it was given."""

    blocks: tuple[Block, ...]
    exact: bool


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A frame on its way.

    Attributes:
        wanted: The canvas that is to be seen.
        redacted: (H, W), where the redactor was.
        drawn: (H, W), what has to be drawn for that.
        area: What the block will cover.
    """

    wanted: Canvas
    redacted: Mask
    drawn: Mask
    area: Box


def blocks_of(frames: Sequence[Frame], disposals: Sequence[int]) -> Plan:
    """Plans all frames of one size.

    Args:
        frames: Gray or RGB, uint8; alpha is seen or not.
        disposals: The source's, one for each frame, or none; kept where the canvases come out right with them.
    """
    blocks: list[Block] = []
    # Readers ask the first frame (Pillow) or the last one (OpenCV) whether there is any transparency.
    see_through = any(frame.alpha is not None and not canvas_of(frame).all() for frame in frames)
    exact = all(_is_plain(frame) for frame in frames)
    canvas: Canvas = np.zeros(frames[0].pixels.shape[:2], np.dtype("<u4"))
    for number, frame in enumerate(frames):
        drawing = _drawing(canvas, frame, whole=number == 0)
        following = canvas_of(frames[number + 1]) if number + 1 < len(frames) else None
        asked = disposals[number] if number < len(disposals) else 0
        disposal, area = _disposal(canvas, drawing, following, asked)
        indexed, drawing = _painted(replace(drawing, area=area), spare=see_through or disposal == CLEAR)
        shown, is_exact = _after(canvas, drawing, indexed)
        exact = exact and is_exact
        # Both mean the same; to Pillow, 0 means what it meant for the frame before.
        told = LEAVE if disposal == 0 and any(block.control.disposal > LEAVE for block in blocks) else disposal
        blocks.append(_block(indexed, drawing.area, told))
        canvas = disposed(canvas, shown, drawing.area, disposal)
    return Plan(tuple(blocks), exact)


def _is_plain(frame: Frame) -> bool:
    """Whether nothing outside the mask is half seen: GIF knows no such thing."""
    if frame.alpha is None:
        return True
    half = (frame.alpha != 0) & (frame.alpha != 255)
    return not (half if frame.redacted is None else half & ~frame.redacted).any()


def _drawing(canvas: Canvas, frame: Frame, *, whole: bool) -> _Drawing:
    """What differs from the canvas; the first frame covers all of it, since viewers disagree about backgrounds."""
    wanted = canvas_of(frame)
    redacted = np.zeros(wanted.shape, np.bool_) if frame.redacted is None else frame.redacted
    # An approximated fill may stay as it is while it is meant to, and nowhere else.
    meant = np.where(redacted & (canvas != 0), canvas | _OPAQUE, canvas)
    drawn = (meant != wanted) & (wanted != 0)
    height, width = wanted.shape
    area = Box(0, 0, width, height) if whole else surrounding(drawn) or Box(0, 0, 1, 1)
    return _Drawing(wanted, redacted, drawn, area)


def _disposal(canvas: Canvas, drawing: _Drawing, following: Canvas | None, asked: int) -> tuple[int, Box]:
    """The disposal that leaves a canvas on which the next frame can be drawn, and the area that it needs.

    Nothing can be drawn that makes a pixel transparent: a disposal has to do that.
    """
    area = drawing.area
    if following is None:
        return asked, area

    def leftover(disposal: int) -> Mask:
        left: Mask = (disposed(canvas, drawing.wanted, area, disposal) != 0) & (following == 0)
        return left

    if not leftover(asked).any():
        return asked, area
    too_much = surrounding(leftover(CLEAR))
    if too_much is None:
        return CLEAR, area
    if not leftover(RESTORE).any():
        return RESTORE, area
    return CLEAR, _joined(area, too_much)


def _joined(one: Box, other: Box) -> Box:
    lows = map(min, one[:2], other[:2])
    highs = map(max, one[2:], other[2:])
    return Box(*lows, *highs)


def _painted(drawing: _Drawing, *, spare: bool) -> tuple[Indexed, _Drawing]:
    """Indices for the area, in exact colours if there is a way to hold them.

    Args:
        drawing: It comes back as it was painted: more may be drawn, or nothing but what has to be.
        spare: Have an index that draws nothing even if it is not used: Pillow also clears with that one.
    """
    for attempt in _attempts(drawing):
        frame = _frame_of(attempt)
        limits = (255, 256) if spare and attempt.drawn[attempt.area.slices].all() else (256,)
        for limit in limits:
            indexed = to_palette(frame, limit)
            if indexed is not None:
                return (_with_spare(indexed) if limit == 255 else indexed), attempt
    indexed = to_palette(_reduced(_frame_of(drawing)))
    if indexed is None:
        raise EncodeError
    return indexed, drawing


def _attempts(drawing: _Drawing) -> Iterator[_Drawing]:
    yield drawing
    area = drawing.area.slices
    wanted, drawn = drawing.wanted[area], drawing.drawn[area]
    if drawn.all():
        return
    # The index that draws nothing may be the one colour too many: draw what is there anyway, or a smaller part.
    if wanted.all():
        everything = drawing.drawn.copy()
        everything[area] = True
        yield replace(drawing, drawn=everything)
    tight = surrounding(drawing.drawn)
    if tight is not None and not wanted[~drawn].any():
        yield replace(drawing, area=tight)


def _frame_of(drawing: _Drawing) -> Frame:
    area = drawing.area.slices
    drawn = drawing.drawn[area]
    channels = channels_of(np.ascontiguousarray(drawing.wanted[area]))
    alpha = np.where(drawn, np.uint8(255), np.uint8(0))
    return Frame(channels[..., :3], alpha, drawing.redacted[area] & drawn)


def _reduced(frame: Frame) -> Frame:
    """The same in fewer colours, none of which is bound to be exact."""
    seen = frame.alpha != 0
    row = Image.fromarray(frame.pixels[seen][None])
    few = row.quantize(_REDUCED_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    pixels = np.zeros_like(frame.pixels)
    pixels[seen] = np.asarray(few)[0]
    return Frame(pixels, frame.alpha)


def _with_spare(indexed: Indexed) -> Indexed:
    return Indexed(indexed.indices + np.uint8(1), np.concatenate((np.zeros((1, 4), np.uint8), indexed.palette)))


def _after(canvas: Canvas, drawing: _Drawing, indexed: Indexed) -> tuple[Canvas, bool]:
    """The canvas as it is then shown, and whether nothing but the fill was approximated."""
    painted = np.zeros(canvas.shape, canvas.dtype)
    painted[drawing.area.slices] = indexed.palette.view(np.dtype("<u4"))[:, 0][indexed.indices]
    rough = drawing.drawn & (painted != drawing.wanted)
    shown = np.where(drawing.drawn, drawing.wanted, canvas)
    shown[rough & drawing.redacted] ^= _OPAQUE ^ _ROUGH
    return shown, not (rough & ~drawing.redacted).any()


def _block(indexed: Indexed, area: Box, disposal: int) -> Block:
    """Colours in descending order, then the index that draws nothing: Pillow mistakes shades of gray from 0 upwards."""
    left, top, right, bottom = area
    last = len(indexed.palette) - 1
    is_seen = indexed.palette[::-1, 3] != 0
    control = Control(0, disposal, None if is_seen[last] else last)
    palette = np.ascontiguousarray(indexed.palette[::-1, :3])
    indices = np.uint8(last) - indexed.indices
    return Block(left, top, right - left, bottom - top, control, palette, packed(indices))
