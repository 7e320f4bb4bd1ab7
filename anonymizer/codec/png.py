"""PNG. Pillow gets to see the chunks that make the picture, and no other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from anonymizer.codec.orientation import read_orientation
from anonymizer.codec.pixels import check_size, frame_of, image_of
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, MultiFrame
from anonymizer.records import Picture, Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 500_000
_MAX_PROFILE_BYTES = 8 * 2**20
_COMPRESS_LEVEL = 6

_GRAY, _RGB, _PALETTE, _GRAY_ALPHA = 0, 2, 3, 4
_GIVEN_TO_PILLOW = (b"IHDR", b"PLTE", b"IDAT", b"IEND")


@dataclass(frozen=True, slots=True)
class _Source:
    """What counts of a PNG file.

    Attributes:
        bare: A file with only the chunks that Pillow needs.
        others: Payloads of the other chunks, the first of each name.
    """

    width: int
    height: int
    depth: int
    color_type: int
    bare: bytes
    others: dict[bytes, bytes]


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a single PNG picture; 16 bit become 8. See `anonymizer.codec.decode`.

    A colour key (tRNS) of a 16-bit RGB picture is compared by its upper eight bits: Pillow reads no more.
    """
    source = _read(data)
    check_size(source.width, source.height, config)
    image: Image.Image = PngImageFile(BytesIO(source.bare))
    image.load()
    key = source.others.get(b"tRNS")
    alpha = _alpha(np.asarray(image), source, key) if key is not None else None
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if source.color_type == _GRAY_ALPHA:
        # Pillow reads 16-bit gray with alpha as colours.
        image = image.convert("LA")
    orientation = read_orientation(source.others.get(b"eXIf"))
    profile = _inflated(source.others.get(b"iCCP"))
    return Picture("png", (frame_of(image, profile, orientation, alpha),))


def encode(picture: Picture) -> bytes:
    """Writes 8-bit gray or RGB, with alpha where the frame has one; IHDR, IDAT and IEND only."""
    output = BytesIO()
    image_of(picture).save(output, "PNG", compress_level=_COMPRESS_LEVEL)
    return output.getvalue()


def _read(data: bytes) -> _Source:
    if not data.startswith(_SIGNATURE):
        raise DecodeError
    kept, names, header = [_SIGNATURE], list[bytes](), b""
    others: dict[bytes, bytes] = {}
    for name, payload, raw in _chunks(data):
        if name == b"fdAT" or (name == b"acTL" and int.from_bytes(payload[:4], "big") > 1):
            raise MultiFrame
        if name in _GIVEN_TO_PILLOW:
            kept.append(raw)
            names.append(name)
            header = payload if name == b"IHDR" else header
        else:
            others.setdefault(name, payload)
    # Pillow would take the last of several headers, and any palette or none.
    if names[0] != b"IHDR" or names.count(b"IHDR") > 1:
        raise DecodeError
    width, height, depth, color_type = struct.unpack_from(">IIBB", header)
    if color_type == _PALETTE and names.index(b"PLTE") > names.index(b"IDAT"):
        raise DecodeError
    return _Source(width, height, depth, color_type, b"".join(kept), others)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(name, payload, whole chunk) of every chunk to IEND; what follows it is not part of the picture.

    Raises:
        DecodeError: The file ends before IEND, or a chunk of the picture fails its checksum.
    """
    at = len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            raise DecodeError
        payload = data[at + 8 : end - 4]
        critical = not name[0] & 0x20
        if critical and zlib.crc32(payload, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end], "big"):
            raise DecodeError
        yield name, payload, data[at:end]
        if name == b"IEND":
            return
        at = end
    raise DecodeError


def _inflated(profile_chunk: bytes | None) -> bytes | None:
    """The ICC profile of an iCCP chunk: name, 0, method 0, zlib stream."""
    name, _, compressed = (profile_chunk or b"").partition(b"\0")
    if not name or not compressed:
        return None
    try:
        return zlib.decompressobj().decompress(compressed[1:], _MAX_PROFILE_BYTES)
    except zlib.error:
        return None


def _alpha(stored: NDArray[Any], source: _Source, key: bytes) -> Pixels | None:
    """Alpha that a tRNS chunk gives a picture without an alpha channel (PNG, 11.3.2.1).

    Args:
        stored: As Pillow read it: (H, W) samples or palette indices, or (H, W, 3).
        source: Its header.
        key: Payload of tRNS: one sample, three samples, or an alpha for each of the first palette entries.
    """
    if source.color_type == _PALETTE:
        alphas = np.full(256, 255, np.uint8)
        alphas[: len(key)] = np.frombuffer(key[:256], np.uint8)
        return np.take(alphas, stored)
    # Only the low bits of a sample count, as many as the picture has.
    mask = 2**source.depth - 1
    if source.color_type == _GRAY:
        # Pillow spreads 2 and 4 bits over 0 to 255 and leaves 16 bits alone; 1 bit arrives as booleans.
        (sample,) = struct.unpack_from(">H", key)
        spread = 255 // mask if 1 < source.depth < 8 else 1
        matches = stored.astype(np.uint16) == (sample & mask) * spread
    elif source.color_type == _RGB:
        samples = np.array(struct.unpack_from(">3H", key)) & mask
        matches = (stored == (samples >> 8 if source.depth == 16 else samples)).all(axis=-1)
    else:
        return None
    return np.where(matches, np.uint8(0), np.uint8(255))
