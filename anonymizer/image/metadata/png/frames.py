"""The pictures of a PNG that we wrote: one, or the frames of an animation in unbroken sequence."""

from __future__ import annotations

import struct

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.png.rows import Usage

_FCTL = struct.Struct(">IIIIIHHBB")
_LAST_DISPOSAL = 2
_MAX_PLAYS = 2**31 - 1

Body = list[tuple[bytes, bytes]]
"""Name and payload of chunks."""


def check_still(body: Body, usage: Usage) -> None:
    """One picture, in IDAT chunks and nothing else.

    Raises:
        ScrubCheckFailed: Anything else.
    """
    if not body or any(name != b"IDAT" for name, _ in body):
        raise ScrubCheckFailed
    usage.check_picture(usage.layout.width, usage.layout.height, (payload for _, payload in body))


def check_film(body: Body, usage: Usage, frame_count: int) -> None:
    """A header with the number of frames; then each one's control, the first's IDAT, the others' fdAT.

    Raises:
        ScrubCheckFailed: Anything else: another number, a gap in the sequence, a frame beyond the canvas, a picture
            that is no frame.
    """
    (name, payload), rest = body[0], body[1:]
    if name != b"acTL" or struct.unpack(">II", payload)[0] != frame_count or _plays(payload) > _MAX_PLAYS:
        raise ScrubCheckFailed
    number = 0
    for frame in range(frame_count):
        if not rest or rest[0][0] != b"fcTL":
            raise ScrubCheckFailed
        width, height = _checked_control(rest[0][1], usage, number, whole=frame == 0)
        number += 1
        pieces, rest = _pieces(rest[1:])
        if frame:
            number, pieces = _unnumbered(pieces, number)
        elif any(name != b"IDAT" for name, _ in pieces):
            raise ScrubCheckFailed
        usage.check_picture(width, height, (payload for _, payload in pieces))
    if rest:
        raise ScrubCheckFailed


def _plays(payload: bytes) -> int:
    return int.from_bytes(payload[4:], "big")


def _checked_control(payload: bytes, usage: Usage, number: int, *, whole: bool) -> tuple[int, int]:
    """Width and height of the frame."""
    found, width, height, x, y, _, denominator, disposal, over = _FCTL.unpack(payload)
    canvas = usage.layout
    inside = width > 0 and height > 0 and x + width <= canvas.width and y + height <= canvas.height
    if found != number or not inside or denominator == 0 or disposal > _LAST_DISPOSAL or over:
        raise ScrubCheckFailed
    if whole and (width, height) != (canvas.width, canvas.height):
        raise ScrubCheckFailed
    return width, height


def _pieces(body: Body) -> tuple[Body, Body]:
    """The chunks up to the next control, and the rest."""
    count = next((at for at, (name, _) in enumerate(body) if name == b"fcTL"), len(body))
    return body[:count], body[count:]


def _unnumbered(pieces: Body, number: int) -> tuple[int, Body]:
    """The next free number, and fdAT without theirs."""
    for at, (name, payload) in enumerate(pieces):
        if name != b"fdAT" or payload[:4] != struct.pack(">I", number + at):
            raise ScrubCheckFailed
    return number + len(pieces), [(name, payload[4:]) for name, payload in pieces]
