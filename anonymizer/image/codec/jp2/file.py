"""The boxes around a codestream (ISO/IEC 15444-1, annex I): nothing about resolution, nothing else."""

from __future__ import annotations

import struct

from anonymizer.image.codec.jp2.header import START_OF_TILE, segments
from anonymizer.records import Frame

_COMMENT = 0xFF64
_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_FILE_TYPE = b"jp2 \0\0\0\0jp2 "

# Enumerated colour spaces (I.5.3.3; CMYK and sYCC: ISO/IEC 15444-2, M.11.7.3.1).
CMYK, SYCC = 12, 18
_SRGB, _GRAY = 16, 17


def without_comments(codestream: bytes) -> bytes:
    """The codestream without the encoder's name and version in its main header (A.9.2)."""
    kept = [codestream[:2]]
    for marker, start, end in segments(codestream, 0):
        if marker == START_OF_TILE:
            kept.append(codestream[start - 4 :])
        elif marker != _COMMENT:
            kept.append(codestream[start - 4 : end])
    return b"".join(kept)


def file_of_frame(frame: Frame, profile: bytes | None, codestream: bytes) -> bytes:
    """The file of a frame."""
    channels = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2]
    (count,) = struct.unpack_from(">H", codestream, 40)
    # Gray of 16 bit with alpha has become three equal colours.
    channels = max(channels, count - 1) if frame.alpha is not None else channels
    # Each colour to its channel, the last channel is the opacity of all.
    roles = [(number, 0, number + 1) for number in range(channels)] + [(channels, 1, 0)]
    color = color_box(channels, profile)
    return file_of(
        (frame.height, frame.width), codestream[42] + 1, color, roles if frame.alpha is not None else [], codestream
    )


def color_box(channels: int, profile: bytes | None) -> bytes:
    """The box that tells the colour space of 1, 3 or 4 channels: an ICC profile, or a number without one."""
    space = {1: _GRAY, 3: _SRGB, 4: CMYK}[channels]
    return _box(b"colr", b"\1\0\0" + struct.pack(">I", space) if profile is None else b"\2\0\0" + profile)


def file_of(
    shape: tuple[int, int], depth: int, color: bytes, roles: list[tuple[int, int, int]], codestream: bytes
) -> bytes:
    """Signature, type, header and codestream.

    Args:
        shape: Height and width.
        depth: Bits of a sample.
        color: The box of colours.
        roles: Of every channel its number, what it is and of which colour (I.5.3.6); none where all are colours.
        codestream: As it is.
    """
    (count,) = struct.unpack_from(">H", codestream, 40)
    parts = [_box(b"ihdr", struct.pack(">IIHBBBB", *shape, count, depth - 1, 7, 0, 0)), color]
    if roles:
        table = b"".join(struct.pack(">HHH", *role) for role in roles)
        parts.append(_box(b"cdef", struct.pack(">H", len(roles)) + table))
    return b"".join((_SIGNATURE, _box(b"ftyp", _FILE_TYPE), _box(b"jp2h", *parts), _box(b"jp2c", codestream)))


def _box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)
