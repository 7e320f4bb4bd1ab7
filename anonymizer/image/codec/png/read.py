"""PNG picture data to samples. Decoders get to see the chunks that make the pixels, and no other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from anonymizer.errors import DecodeError
from anonymizer.image.codec.pixels import samples_of
from anonymizer.image.codec.png.chunks import GRAY, GRAY_ALPHA, PALETTE, RGB, SIGNATURE, Header, chunk
from anonymizer.records import Samples

_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Stored:
    """Samples of a picture as they are stored: not upright, colours as they are.

    Attributes:
        pixels: As in `Frame`, uint8 or uint16.
        alpha: (H, W) of the same type; None where the file has neither an alpha channel nor a transparent colour.
    """

    pixels: Samples
    alpha: Samples | None


def read_picture(header: Header, others: Mapping[bytes, memoryview], streams: Sequence[memoryview]) -> Stored:
    """Decodes one picture.

    Args:
        header: Its size and layout.
        others: Payloads of further chunks; palette and transparent colours are taken from them.
        streams: Payloads of its IDAT chunks (of an animation's frame: fdAT, without their numbers).

    Raises:
        DecodeError: Rows are missing. Decoders may raise anything else.
    """
    _check_rows(header, streams)
    if header.depth == 16:
        pixels, alpha = _sixteen_bit(header, streams)
        stored = pixels
    else:
        image = PngImageFile(BytesIO(_bare(header, others.get(b"PLTE"), streams)))
        image.load()
        pixels, alpha = samples_of(image)
        stored = np.asarray(image, np.uint8) if header.color_type == PALETTE else pixels
    key = others.get(b"tRNS")
    if key is not None and header.color_type in (GRAY, RGB, PALETTE):
        alpha = _keyed(stored, header, bytes(key))
    return Stored(pixels, alpha)


def _bare(header: Header, palette: memoryview | None, streams: Sequence[memoryview]) -> bytes:
    parts = [SIGNATURE, chunk(b"IHDR", header.payload)]
    if palette is not None and header.color_type == PALETTE:
        parts.append(chunk(b"PLTE", palette))
    return b"".join((*parts, chunk(b"IDAT", *streams), chunk(b"IEND")))


def _check_rows(header: Header, streams: Sequence[memoryview]) -> None:
    """Refuses a stream that holds too few rows: Pillow does not always notice, and shows black."""
    inflater = zlib.decompressobj()
    missing = sum(rows * size for rows, size in header.sizes())
    for stream in streams:
        pending: bytes | memoryview = stream
        while pending and missing > 0:
            missing -= len(inflater.decompress(pending, min(missing, _PIECE_BYTES)))
            pending = inflater.unconsumed_tail
    if missing:
        raise DecodeError


def _sixteen_bit(header: Header, streams: Sequence[memoryview]) -> tuple[Samples, Samples | None]:
    """Pillow reduces colours of 16 bit to 8; OpenCV does not. It reads BGR, and gray with alpha as colours."""
    bare = np.frombuffer(_bare(header, None, streams), np.uint8)
    decoded: NDArray[Any] | None = cv2.imdecode(bare, cv2.IMREAD_UNCHANGED)
    del bare  # As large as the file, and samples take their own memory now.
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[:2] != (header.height, header.width):
        raise DecodeError
    if header.color_type == GRAY:
        return decoded, None
    if header.color_type == GRAY_ALPHA:
        return np.ascontiguousarray(decoded[..., 0]), np.ascontiguousarray(decoded[..., 3])
    pixels = np.ascontiguousarray(decoded[..., 2::-1])
    return pixels, None if header.color_type == RGB else np.ascontiguousarray(decoded[..., 3])


def _keyed(stored: Samples, header: Header, key: bytes) -> Samples:
    """Alpha that a tRNS chunk gives a picture without an alpha channel (PNG, 11.3.2.1).

    Args:
        stored: (H, W) palette indices, or samples as in `Stored.pixels`.
        header: Its header.
        key: Payload of tRNS: one sample, three samples, or an alpha for each of the first palette entries.
    """
    if header.color_type == PALETTE:
        alphas = np.full(256, 255, np.uint8)
        alphas[: len(key)] = np.frombuffer(key[:256], np.uint8)
        return alphas[stored]
    # Only the low bits of a sample count, as many as the picture has; few bits were spread over 0 to 255.
    greatest = 2**header.depth - 1
    spread = 255 // greatest if header.depth < 8 else 1
    count = 1 if header.color_type == GRAY else 3
    samples = [(sample & greatest) * spread for sample in struct.unpack_from(f">{count}H", key)]
    matches = stored == np.array(samples, stored.dtype)
    opaque = np.iinfo(stored.dtype).max
    return np.where(matches if stored.ndim == 2 else matches.all(axis=-1), 0, opaque).astype(stored.dtype)
