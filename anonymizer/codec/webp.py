"""WebP, lossy and lossless, single pictures."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL.WebPImagePlugin import WebPImageFile

from anonymizer.codec.orientation import read_orientation
from anonymizer.codec.pixels import check_size, frame_of, image_of
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, MultiFrame
from anonymizer.records import Picture

_LOSSY_QUALITY = 90
_METHOD = 4
_MAX_CHUNKS = 10_000


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a single WebP picture. See `anonymizer.codec.decode`."""
    chunks = _chunks(data)
    check_size(*_announced_size(chunks), config)
    names = [name for name, _ in chunks]
    if names.count(b"ANMF") > 1:
        raise MultiFrame
    image = WebPImageFile(BytesIO(data))
    check_size(image.width, image.height, config)
    image.load()
    found = dict(reversed(chunks))
    orientation = read_orientation(found.get(b"EXIF"))
    frame = frame_of(image, found.get(b"ICCP"), orientation)
    return Picture("webp", (frame,), {"lossless": b"VP8L" in names})


def encode(picture: Picture) -> bytes:
    """Writes lossless as lossless; lossy at quality 90, since WebP's headers do not tell the source's quality."""
    output = BytesIO()
    image_of(picture).save(
        output,
        "WEBP",
        lossless=picture.encoder.get("lossless") is True,
        quality=_LOSSY_QUALITY,
        alpha_quality=100,
        method=_METHOD,
        exact=False,
        exif=b"",
        icc_profile=b"",
        xmp=b"",
    )
    return output.getvalue()


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(name, payload) of every chunk up to the end that the RIFF header announces.

    Raises:
        DecodeError: The file ends before that.
    """
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    found: list[tuple[bytes, bytes]] = []
    at = 12
    while at + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if at + size > len(data) or len(found) >= _MAX_CHUNKS:
            raise DecodeError
        found.append((name, data[at : at + size]))
        at += size + size % 2
    if not found:
        raise DecodeError
    return found


def _announced_size(chunks: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Width and height from the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    name, payload = chunks[0]
    if name == b"VP8X":
        return int.from_bytes(payload[4:7], "little") + 1, int.from_bytes(payload[7:10], "little") + 1
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", payload, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", payload, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise DecodeError
