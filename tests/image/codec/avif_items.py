"""AVIF files with properties of one's choice."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from unittest import mock

from anonymizer.image import codec
from anonymizer.image.codec.isobmff import avif_file
from anonymizer.image.codec.isobmff.avif_file import streams
from anonymizer.records import Frame, Picture, Samples
from tests.image.codec import heic
from tests.image.codec.heic import box


def item(pixels: Samples, *properties: bytes, size: tuple[int, int] | None = None) -> heic.Item:
    """A coded picture.

    Args:
        pixels: (H, W, 3), 8 or 16 bit (coded in 12).
        properties: Boxes beside size, depth, configuration and colours.
        size: What it says of its width and height, where that is not what it has.
    """
    color, _, matrix = streams(codec.encode(Picture("avif", (Frame(pixels),))).data)
    width, height = size or (pixels.shape[1], pixels.shape[0])
    told = (
        box(b"ispe", struct.pack(">III", 0, width, height)),
        box(b"pixi", bytes(4), bytes([3, *[color.depth] * 3])),
        box(b"av1C", color.config),
        box(b"colr", b"nclx", struct.pack(">HH", 1, 13), matrix),
    )
    return heic.Item(b"av01", color.samples[0], (*told, *properties))


def file(*items: heic.Item, primary: int = 1) -> bytes:
    """An AVIF of items, numbered from 1."""
    return heic.heic(*items, primary=primary, brands=b"avifmif1miaf")


def film(frames: Sequence[Samples], *properties: bytes) -> bytes:
    """A sequence whose sample entry holds further boxes.

    Args:
        frames: (H, W, 3), 8 or 16 bit.
        properties: The boxes.
    """
    plain = avif_file._colors
    with mock.patch.object(avif_file, "_colors", lambda coded: [*plain(coded), *properties]):
        return codec.encode(Picture("avif", tuple(Frame(pixels) for pixels in frames))).data
