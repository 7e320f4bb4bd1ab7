"""Animated PNG: frames taken apart and composed to what a viewer sees; canvases cut down to what changes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymizer.errors import DecodeError, ImageTooLarge
from anonymizer.image.codec.png.chunks import Chunk, Header
from anonymizer.image.codec.png.read import Stored, read_picture
from anonymizer.records import Mask, Samples

KEEP, CLEAR, RESTORE = 0, 1, 2
"""What becomes of a frame's rectangle before the next one is drawn (PNG, 11.3.6.2)."""

_SOURCE, _OVER = 0, 1
#: The greatest number that PNG knows (third edition, 7.1); a greater one is a mistake.
_MOST_PLAYS = 2**31 - 1
_MAX_FRAMES = 10_000
_DEFAULT_DENOMINATOR = 100
_FCTL = struct.Struct(">IIIIIHHBB")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the canvas."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True, slots=True)
class Control:
    """fcTL: where a frame is drawn and how, how long it is shown, and what becomes of it.

    Attributes:
        box: Its rectangle.
        delay: Numerator and denominator, in seconds.
        disposal: `KEEP`, `CLEAR` or `RESTORE`.
        over: Blended over what is there; otherwise it replaces that.
    """

    box: Box
    delay: tuple[int, int]
    disposal: int
    over: bool

    def payload(self, number: int) -> bytes:
        """fcTL's, with its place in the sequence."""
        box = self.box
        place = (box.width, box.height, box.x, box.y)
        return _FCTL.pack(number, *place, *self.delay, self.disposal, _OVER if self.over else _SOURCE)


@dataclass(frozen=True, slots=True)
class Film:
    """An animation taken apart: how often it is played (0 = for ever), and each frame's control and streams."""

    plays: int
    frames: tuple[tuple[Control, tuple[memoryview, ...]], ...]


def read_film(header: Header, chunks: Sequence[Chunk]) -> Film | None:
    """Takes an animation apart; None for a still picture, which also is what viewers make of an invalid acTL.

    A default picture that is no frame of the animation, and frames beyond the announced number, are left out: nobody
    who sees the animation sees them.

    Raises:
        DecodeError: Frames are missing, out of sequence or beyond the canvas.
        ImageTooLarge: More frames than anybody needs.
    """
    names = [name for name, _ in chunks]
    if names.count(b"acTL") != 1 or names.index(b"acTL") > names.index(b"IDAT"):
        return None
    count, plays = struct.unpack(">II", chunks[names.index(b"acTL")].payload)
    if count == 0:
        return None
    if count > _MAX_FRAMES:
        raise ImageTooLarge
    frames = list(_frames(header, chunks))[:count]
    if len(frames) < count:
        raise DecodeError
    first, streams = frames[0]
    if first.disposal == RESTORE:
        # There is nothing yet that could be restored (PNG, 11.3.6.2).
        frames[0] = replace(first, disposal=CLEAR), streams
    return Film(min(plays, _MOST_PLAYS), tuple((control, tuple(streams)) for control, streams in frames))


def _frames(header: Header, chunks: Sequence[Chunk]) -> list[tuple[Control, list[memoryview]]]:
    frames: list[tuple[Control, list[memoryview]]] = []
    expected, default_seen = 0, False
    for name, payload in chunks:
        if name in (b"fcTL", b"fdAT"):
            if int.from_bytes(payload[:4], "big") != expected:
                raise DecodeError
            expected += 1
        if name == b"fcTL":
            frames.append((_control(header, payload, whole=not default_seen), []))
        elif name == b"IDAT":
            default_seen = True
            if len(frames) > 1:
                raise DecodeError
            if frames:
                frames[0][1].append(payload)
        elif name == b"fdAT":
            if not default_seen or not frames:
                raise DecodeError
            frames[-1][1].append(payload[4:])
    return frames


def _control(header: Header, payload: memoryview, *, whole: bool) -> Control:
    _, width, height, x, y, numerator, denominator, disposal, blend = _FCTL.unpack(payload)
    inside = width > 0 and height > 0 and x + width <= header.width and y + height <= header.height
    if not inside or disposal > RESTORE or blend > _OVER:
        raise DecodeError
    if whole and (width, height) != (header.width, header.height):
        raise DecodeError
    delay = numerator, denominator or _DEFAULT_DENOMINATOR
    return Control(Box(x, y, width, height), delay, disposal, blend == _OVER)


def composed(header: Header, others: Mapping[bytes, memoryview], film: Film) -> list[Stored]:
    """The canvas as a viewer shows it with each frame; alpha only where the file has some or leaves holes."""
    canvases: list[Stored] = []
    state: Stored | None = None
    for control, streams in film.frames:
        part = read_picture(replace(header, width=control.box.width, height=control.box.height), others, streams)
        before = state or _empty(header, part)
        canvases.append(_drawn(before, part, control))
        if control.disposal == RESTORE:
            state = before
        elif control.disposal == CLEAR:
            state = _cleared(canvases[-1], control.box)
        else:
            state = canvases[-1]
    if part.alpha is None and all(_is_opaque(canvas.alpha) for canvas in canvases):
        return [Stored(canvas.pixels, None) for canvas in canvases]
    return canvases


def _is_opaque(alpha: Samples | None) -> bool:
    return alpha is None or bool((alpha == np.iinfo(alpha.dtype).max).all())


def _alpha_of(picture: Stored) -> Samples:
    if picture.alpha is not None:
        return picture.alpha
    return np.full(picture.pixels.shape[:2], np.iinfo(picture.pixels.dtype).max, picture.pixels.dtype)


def _empty(header: Header, like: Stored) -> Stored:
    shape = header.height, header.width
    pixels = np.zeros((*shape, *like.pixels.shape[2:]), like.pixels.dtype)
    return Stored(pixels, np.zeros(shape, like.pixels.dtype))


def _cleared(canvas: Stored, box: Box) -> Stored:
    pixels, alpha = canvas.pixels.copy(), _alpha_of(canvas).copy()
    pixels[box.slices] = 0
    alpha[box.slices] = 0
    return Stored(pixels, alpha)


def _drawn(canvas: Stored, part: Stored, control: Control) -> Stored:
    pixels, alpha = canvas.pixels.copy(), _alpha_of(canvas).copy()
    place = control.box.slices
    if control.over:
        part = _over(part, Stored(pixels[place], alpha[place]))
    pixels[place] = part.pixels
    alpha[place] = _alpha_of(part)
    return Stored(pixels, alpha)


def _over(front: Stored, back: Stored) -> Stored:
    """`front` drawn over `back` (PNG, 13.16, with an alpha channel of the result)."""
    front_alpha, back_alpha = _alpha_of(front), _alpha_of(back)
    greatest = np.iinfo(front_alpha.dtype).max
    pixels, alpha = back.pixels.copy(), back_alpha.copy()
    opaque = (front_alpha == greatest) | ((front_alpha != 0) & (back_alpha == 0))
    pixels[opaque], alpha[opaque] = front.pixels[opaque], front_alpha[opaque]
    mixed = ~opaque & (front_alpha != 0)
    share = front_alpha[mixed] / greatest
    rest = back_alpha[mixed] / greatest * (1 - share)
    total = share + rest
    weight = share / total if pixels.ndim == 2 else (share / total)[:, None]
    blended = front.pixels[mixed] * weight + back.pixels[mixed] * (1 - weight)
    pixels[mixed] = np.rint(blended).astype(pixels.dtype)
    alpha[mixed] = np.rint(total * greatest).astype(alpha.dtype)
    return Stored(pixels, alpha)


def changed_boxes(canvases: Sequence[Samples], disposals: Sequence[int], *, can_clear: bool) -> Iterator[Box]:
    """The rectangle of each frame that has to be drawn anew: the first whole, later ones as small as may be.

    Args:
        canvases: (H, W) or (H, W, C) samples as they are stored; a pixel of zeros is invisible if any can be.
        disposals: What becomes of each frame's rectangle.
        can_clear: Whether such a pixel exists; otherwise all that was cleared has to be drawn again.
    """
    shape = canvases[0].shape[:2]
    state, lost = np.zeros_like(canvases[0]), np.full(shape, not can_clear)
    for number, (canvas, disposal) in enumerate(zip(canvases, disposals, strict=True)):
        box = _bounds(lost | _differs(state, canvas)) if number else Box(0, 0, shape[1], shape[0])
        yield box
        if disposal == RESTORE:
            continue
        state, lost = canvas, np.zeros(shape, np.bool_)
        if disposal == CLEAR:
            state = canvas.copy()
            state[box.slices] = 0
            lost[box.slices] = not can_clear


def _differs(one: Samples, other: Samples) -> Mask:
    differs: Mask = one != other
    return differs if differs.ndim == 2 else np.logical_or.reduce(differs, axis=2)


def _bounds(mask: Mask) -> Box:
    """The smallest rectangle around all that is set; one pixel where nothing is, for a frame cannot be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Box(0, 0, 1, 1)
    x, y = int(columns[0]), int(rows[0])
    return Box(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)
