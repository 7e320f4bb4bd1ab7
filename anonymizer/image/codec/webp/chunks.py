"""The chunks of a WebP file (RFC 9649), read from a source and written afresh."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.errors import DecodeError, ImageTooLarge

# Each frame costs time, however small: no film that people made has as many.
_MAX_FRAMES = 10_000
_MAX_CHUNKS = 20_000

_PROFILE_FLAG, _ALPHA_FLAG, _ANIMATION_FLAG = 0x20, 0x10, 0x02
_OVERWRITE = 0x02
_FRAME_HEADER_BYTES = 16
_LOSSLESS_ALPHA_BIT = 28


@dataclass(frozen=True, slots=True)
class Part:
    """One coded picture and its place on the canvas.

    Attributes:
        chunks: (name, payload): ALPH or none, then `VP8 ` or VP8L.
        left: Even.
        top: Even.
        flags: Of its frame: how it is blended and what becomes of it.
    """

    chunks: tuple[tuple[bytes, bytes], ...]
    width: int
    height: int
    left: int = 0
    top: int = 0
    duration_ms: int = 0
    flags: int = _OVERWRITE

    @property
    def lossless(self) -> bool:
        return self.chunks[-1][0] == b"VP8L"

    @property
    def has_alpha(self) -> bool:
        name, payload = self.chunks[-1]
        return len(self.chunks) > 1 or (name == b"VP8L" and bool(payload[4] >> _LOSSLESS_ALPHA_BIT - 24 & 1))


@dataclass(frozen=True, slots=True)
class Source:
    """What counts of a file; `loop` is None for a still, `flags` are those of the canvas."""

    width: int
    height: int
    parts: tuple[Part, ...]
    flags: int | None
    loop: int | None = None
    exif: bytes | None = None
    profile: bytes | None = None


def read(data: bytes) -> Source:
    """The coded pictures of a file and how they follow each other.

    Raises:
        DecodeError: The file ends before it says, or there is no picture in it.
        ImageTooLarge: It has more frames than are handled.
    """
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    found = list(_chunks(data, 12, end))
    name, payload = found[0]
    first: dict[bytes, bytes] = dict(reversed(found))
    exif, profile = first.get(b"EXIF"), first.get(b"ICCP")
    if name != b"VP8X":
        part = _picture(found[:1])
        return Source(part.width, part.height, (part,), None, None, exif, profile)
    flags, (width, height) = payload[0], (_more_one(payload[4:7]), _more_one(payload[7:10]))
    if not flags & _ANIMATION_FLAG:
        return Source(width, height, (_picture(found[1:]),), flags, None, exif, profile)
    frames = [payload for name, payload in found if name == b"ANMF"]
    if len(frames) > _MAX_FRAMES:
        raise ImageTooLarge
    (loop,) = struct.unpack_from("<H", first[b"ANIM"], 4)
    return Source(width, height, tuple(_frame(payload) for payload in frames), flags, loop, exif, profile)


def bare(source: Source) -> bytes:
    """A file with nothing but what makes the picture; an animation's canvas may be transparent."""
    if source.loop is not None:
        return animation(source.width, source.height, source.parts, source.loop, None, alpha=True)
    part = source.parts[0]
    if source.flags is None:
        return _file(part.chunks)
    return _file((_canvas(source.width, source.height, source.flags & _ALPHA_FLAG), *part.chunks))


def still(part: Part, profile: bytes | None) -> bytes:
    """A file of one picture."""
    if profile is None and len(part.chunks) == 1:
        return _file(part.chunks)
    flags = (_PROFILE_FLAG if profile is not None else 0) | (_ALPHA_FLAG if part.has_alpha else 0)
    profiles = () if profile is None else ((b"ICCP", profile),)
    return _file((_canvas(part.width, part.height, flags), *profiles, *part.chunks))


def animation(
    width: int, height: int, parts: Sequence[Part], loop: int, profile: bytes | None, *, alpha: bool
) -> bytes:
    """A file of several pictures on a canvas without a background.

    Args:
        width: Of the canvas.
        height: Of the canvas.
        parts: Each lies inside the canvas.
        loop: How often it is shown; 0 = for ever.
        profile: ICC profile or none.
        alpha: The canvas may be transparent.
    """
    flags = _ANIMATION_FLAG | (_PROFILE_FLAG if profile is not None else 0) | (_ALPHA_FLAG if alpha else 0)
    profiles = () if profile is None else ((b"ICCP", profile),)
    frames = [(b"ANMF", _frame_header(part) + b"".join(map(_chunk, part.chunks))) for part in parts]
    return _file((_canvas(width, height, flags), *profiles, (b"ANIM", struct.pack("<IH", 0, loop)), *frames))


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """(name, payload) of every chunk.

    Raises:
        DecodeError: One reaches beyond the end of the data, or there are too many or none.
    """
    for _ in range(_MAX_CHUNKS):
        if at + 8 > end:
            return
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if at + size > min(end, len(data)):
            raise DecodeError
        yield name, data[at : at + size]
        at += size + size % 2
    raise DecodeError


def _picture(found: Sequence[tuple[bytes, bytes]]) -> Part:
    """The first coded picture among chunks, with the alpha in front of it."""
    alpha: tuple[tuple[bytes, bytes], ...] = ()
    for name, payload in found:
        if name == b"ALPH" and not alpha:
            alpha = ((name, payload),)
        elif name == b"VP8L":
            (bits,) = struct.unpack_from("<I", payload, 1)
            return Part(((name, payload),), (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        elif name == b"VP8 ":
            width, height = struct.unpack_from("<HH", payload, 6)
            return Part((*alpha, (name, payload)), width & 0x3FFF, height & 0x3FFF)
    raise DecodeError


def _frame(payload: bytes) -> Part:
    """A picture of an animation (RFC 9649, 2.7.1.1)."""
    left, top = 2 * int.from_bytes(payload[0:3], "little"), 2 * int.from_bytes(payload[3:6], "little")
    size = _more_one(payload[6:9]), _more_one(payload[9:12])
    part = _picture(list(_chunks(payload, _FRAME_HEADER_BYTES, len(payload))))
    if size != (part.width, part.height):
        raise DecodeError
    return Part(part.chunks, *size, left, top, int.from_bytes(payload[12:15], "little"), payload[15] & 3)


def _frame_header(part: Part) -> bytes:
    numbers = (part.left // 2, part.top // 2, part.width - 1, part.height - 1, part.duration_ms)
    return b"".join(number.to_bytes(3, "little") for number in numbers) + bytes([part.flags])


def _canvas(width: int, height: int, flags: int) -> tuple[bytes, bytes]:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", struct.pack("<I", flags) + sides


def _chunk(item: tuple[bytes, bytes]) -> bytes:
    name, payload = item
    return struct.pack("<4sI", name, len(payload)) + payload + bytes(len(payload) % 2)


def _file(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(map(_chunk, chunks))
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _more_one(field: bytes) -> int:
    return int.from_bytes(field, "little") + 1
