"""TIFF in every layout, packing and colour that can be made in code."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from infra.proof.formats.variant import MODES, Variant, picture, saved_as
from infra.proof.fuzz.sources import tiled
from tests.image.codec import old_jpeg
from tests.image.codec import tiff_samples as made


def tiff() -> Iterator[Variant]:
    """All of them."""
    yield from _tiff()
    yield from _tiff_ycbcr()
    yield from _tiff_old_jpeg()


_PACKINGS = {None: "not packed", "tiff_lzw": "LZW", "tiff_adobe_deflate": "deflate", "packbits": "PackBits"}


def _tiff() -> Iterator[Variant]:
    for (mode, name), (packing, packed) in itertools.product(MODES.items(), _PACKINGS.items()):
        yield Variant(
            f"TIFF, {name}, {packed}", saved_as("tiff", mode, compression=packing), 16 if mode == "I;16" else 8
        )
    for mode, name in (("L", "gray"), ("RGB", "YCbCr")):
        yield Variant(f"TIFF, {name}, JPEG", saved_as("tiff", mode, compression="jpeg"))
    for packing in ("group3", "group4", "tiff_ccitt"):
        yield Variant(f"TIFF, 1 bit, {packing.removeprefix('tiff_')}", saved_as("tiff", "1", compression=packing))
    yield Variant("TIFF, BigTIFF", saved_as("tiff", big_tiff=True))
    for number in range(2, 9):
        yield Variant(f"TIFF, orientation {number}", saved_as("tiff", tiffinfo={274: number}))
    yield Variant("TIFF, gray tiles, big-endian", lambda: tiled(">"))
    for planar in (False, True):
        name = "planes" if planar else "tiles"
        yield Variant(f"TIFF, RGB, {name}", partial(_tiles, planar))
    for bits, kind in itertools.product((1, 2, 4), (0, 1)):
        name = ("0 is white", "0 is black")[kind]
        rows = made.packed_bits(picture()[..., 0] >> (8 - bits), bits)
        yield Variant(f"TIFF, gray of {bits} bit, {name}", partial(_gray_of_bits, rows, bits, kind), bits)


def _tiles(planar: bool) -> bytes:
    return made.tiff_of(made.tiled(picture(), 2, 32, planar=planar))


def _gray_of_bits(rows: NDArray[np.uint8], bits: int, photometric: int) -> bytes:
    page = made.page(rows, photometric, bits=bits)
    page.tags[256] = (made.LONG, (picture().shape[1],))
    return made.tiff_of(page)


def _tiff_ycbcr() -> Iterator[Variant]:
    for shape, packing in itertools.product(((1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)), (1, 8)):
        name = f"TIFF, YCbCr {shape[0]}x{shape[1]}, {'not packed' if packing == 1 else 'deflate'}"
        yield Variant(name, partial(_shared, shape, packing))


def _shared(shape: tuple[int, int], packing: int) -> bytes:
    ycc = np.asarray(Image.fromarray(picture()).convert("YCbCr"))
    units, _ = made.shared(ycc, *shape)
    page = made.page(ycc, 6)
    page.segments = [units if packing == 1 else zlib.compress(units)]
    page.tags |= {259: (made.SHORT, (packing,)), 530: (made.SHORT, shape)}
    return made.tiff_of(page)


def _tiff_old_jpeg() -> Iterator[Variant]:
    for way, order in itertools.product(old_jpeg.WAYS, "<>"):
        name = f"TIFF, old-style JPEG, {way.__name__.replace('_', ' ')}{', big-endian' if order == '>' else ''}"
        for blocks in old_jpeg.BLOCKS:
            yield Variant(f"{name}, {blocks}", partial(_old_jpeg, way, blocks, order), group=name)


def _old_jpeg(way: Callable[[str], made.Made], blocks: str, order: str) -> bytes:
    return made.tiff_of(way(blocks), order=order)
