"""WebP: chunks of a RIFF container (RFC 9649)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.blocks import exif_names, trailer_names, xmp_names
from anonymizer.image.profiles import PROFILES

_MAX_CHUNKS = 20_000

_PICTURE = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM"))
_CHUNK_NAMES: dict[bytes, str] = {b"ICCP": "icc", b"C2PA": "c2pa"}

_PROFILE_FLAG, _ALPHA_FLAG, _ANIMATION_FLAG = 0x20, 0x10, 0x02
_FRAME_HEADER_BYTES = 16
# A frame is written over the canvas, not blended, and stays there (RFC 9649, 2.7.1.1).
_OUR_FRAME_FLAGS = 0x02
_OUR_BACKGROUND = bytes(4)


class Chunk(NamedTuple):
    """One chunk; `end` is the offset behind its padding, `padding` 0 or 1 bytes that have to be zero."""

    name: bytes
    payload: bytes
    padding: bytes
    end: int


class Coded(NamedTuple):
    """What the header of a coded picture says."""

    width: int
    height: int
    has_alpha: bool


def chunks(data: bytes) -> Iterator[Chunk]:
    """Walks the chunks up to the end that the RIFF header announces; stops earlier where one is cut short."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return
    yield from _walk(data, 12, min(8 + _announced(data), len(data)))


def inventory(data: bytes) -> Iterator[str]:
    """What a source carries; see `anonymizer.image.metadata.inventory`."""
    found = list(chunks(data))
    names = [chunk.name for chunk in found]
    if (b"ANIM" in names or b"ANMF" in names) and not _plays(found):
        yield "animation"
    for name, payload, padding, _ in found:
        if name == b"EXIF":
            yield from exif_names(payload)
        elif name == b"XMP ":
            yield from xmp_names(payload)
        elif name == b"ANMF":
            yield from _frame_names(payload)
        elif name not in _PICTURE and not (name == b"ICCP" and payload in PROFILES.values()):
            yield _CHUNK_NAMES.get(name, "chunk.other")
        if padding.strip(b"\0"):
            yield "gap"
    limit = 8 + _announced(data)
    if not found or found[-1].end < limit:
        yield "unreadable"
    yield from trailer_names(data[limit:])


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """What we write: a bare picture, or VP8X with public profile, alpha or frames; see `metadata.check`."""
    found = list(chunks(data))
    if 8 + _announced(data) != len(data) or not _is_complete(found, len(data)):
        raise ScrubCheckFailed
    if found[0].name == b"VP8X":
        flags = _extended_flags(found[1:], (width, height), frame_count)
        # Canvas sizes are stored less one; reserved bits are zero.
        if found[0].payload != struct.pack("<I", flags) + _less_one(width) + _less_one(height):
            raise ScrubCheckFailed
    elif len(found) != 1 or frame_count != 1 or _coded(found)[:2] != (width, height):
        raise ScrubCheckFailed


def _walk(data: bytes, at: int, limit: int) -> Iterator[Chunk]:
    for _ in range(_MAX_CHUNKS):
        if at + 8 > limit:
            return
        name, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size
        if end > limit:
            return
        padding = data[end : min(end + size % 2, limit)]
        at = end + len(padding)
        yield Chunk(name, data[end - size : end], padding, at)


def _is_complete(found: Sequence[Chunk], end: int) -> bool:
    """Whether chunks reach the end of what holds them, with zeros for padding."""
    padded = all(chunk.padding == b"\0" * (len(chunk.payload) % 2) for chunk in found)
    return bool(found) and found[-1].end == end and padded


def _extended_flags(found: Sequence[Chunk], size: tuple[int, int], frame_count: int) -> int:
    """Checks what follows VP8X; gives the flags that this has to have.

    Raises:
        ScrubCheckFailed: It is nothing that we write, or could have been written without VP8X.
    """
    flags = 0
    if found and found[0].name == b"ICCP":
        if found[0].payload not in PROFILES.values():
            raise ScrubCheckFailed
        flags, found = _PROFILE_FLAG, found[1:]
    if found and found[0].name == b"ANIM":
        frames = found[1:]
        if found[0].payload[:-2] != _OUR_BACKGROUND or not 1 < frame_count == len(frames):
            raise ScrubCheckFailed
        pictures = [_frame(chunk, size) for chunk in frames]
        flags |= _ANIMATION_FLAG
    else:
        pictures = [_coded(found)]
        needless = not flags and len(found) == 1
        if frame_count != 1 or pictures[0][:2] != size or needless:
            raise ScrubCheckFailed
    return flags | (_ALPHA_FLAG if any(picture.has_alpha for picture in pictures) else 0)


def _frame(chunk: Chunk, size: tuple[int, int]) -> Coded:
    """Checks a frame of an animation (RFC 9649, 2.7.1.1)."""
    header = chunk.payload[:_FRAME_HEADER_BYTES]
    left, top, width, height = (int.from_bytes(header[at : at + 3], "little") for at in (0, 3, 6, 9))
    inside = 2 * left + width + 1 <= size[0] and 2 * top + height + 1 <= size[1]
    if chunk.name != b"ANMF" or header[15] != _OUR_FRAME_FLAGS or not inside:
        raise ScrubCheckFailed
    parts = list(_walk(chunk.payload, _FRAME_HEADER_BYTES, len(chunk.payload)))
    if not _is_complete(parts, len(chunk.payload)):
        raise ScrubCheckFailed
    coded = _coded(parts)
    if coded[:2] != (width + 1, height + 1):
        raise ScrubCheckFailed
    return coded


def _coded(found: Sequence[Chunk]) -> Coded:
    """Checks VP8L, VP8, or ALPH and VP8; gives what they announce."""
    names = [chunk.name for chunk in found]
    if names == [b"VP8L"]:
        return _lossless(found[0].payload)
    if names == [b"VP8 "]:
        return Coded(*_lossy_size(found[0].payload), has_alpha=False)
    if names == [b"ALPH", b"VP8 "]:
        width, height = _lossy_size(found[1].payload)
        method, preprocessing = found[0].payload[0] & 3, found[0].payload[0] >> 4
        surplus = method == 0 and len(found[0].payload) != 1 + width * height
        if method <= 1 and preprocessing <= 1 and not surplus:
            return Coded(width, height, has_alpha=True)
    raise ScrubCheckFailed


def _plays(found: Sequence[Chunk]) -> bool:
    """Whether a source is an animation of several frames."""
    animated = found[0].name == b"VP8X" and bool(found[0].payload[:1][0] & _ANIMATION_FLAG)
    return animated and sum(chunk.name == b"ANMF" for chunk in found) > 1


def _frame_names(payload: bytes) -> Iterator[str]:
    for name, _, padding, _ in _walk(payload, _FRAME_HEADER_BYTES, len(payload)):
        if name not in (b"ALPH", b"VP8 ", b"VP8L"):
            yield "chunk.other"
        if padding.strip(b"\0"):
            yield "gap"


def _announced(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little")


def _less_one(size: int) -> bytes:
    return (size - 1).to_bytes(3, "little")


def _lossy_size(payload: bytes) -> tuple[int, int]:
    """Size of a key frame that is shown, unscaled, with a first partition inside the data (RFC 6386, 9.1)."""
    tag = int.from_bytes(payload[:3], "little")
    is_key, is_shown, first_bytes = not tag & 1, tag >> 4 & 1, tag >> 5
    if not is_key or not is_shown or first_bytes > len(payload) - 10 or payload[3:6] != b"\x9d\x01\x2a":
        raise ScrubCheckFailed
    width, height = struct.unpack_from("<HH", payload, 6)
    return width, height


def _lossless(payload: bytes) -> Coded:
    """Header of version 0 (RFC 9649, 3.4)."""
    (bits,) = struct.unpack_from("<I", payload, 1)
    if payload[0] != 0x2F or bits >> 29:
        raise ScrubCheckFailed
    return Coded((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
