"""What the header of a JPEG says about its picture: size, components, tables, and how colours are coded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from anonymizer.image.codec.orientation import swaps_axes
from anonymizer.records import Grid

Model = Literal["gray", "ycbcr", "rgb", "cmyk", "ycck"]
"""How the components code colours."""

Codes: TypeAlias = Literal["standard", "optimized", "progressive"]
"""Sequential with the Huffman codes of T.81, annex K.3, or with codes made to measure (twice the time, smaller by a
few per cent), or progressive, whose codes are always made to measure.
"""

BLOCK = 8
"""Samples along each side of a block (T.81, A.1.1)."""

_MIRRORED_WIDTH, _MIRRORED_HEIGHT = (2, 3, 7, 8), (3, 4, 6, 7)
"""Orientations whose undoing mirrors the stored picture across its width or height."""

IDS: dict[Model, bytes] = {"gray": b"\1", "ycbcr": b"\1\2\3", "rgb": b"RGB", "cmyk": b"CMYK", "ycck": b"\1\2\3\4"}
"""Names of the components as libjpeg writes them (`jpeg_set_colorspace`), whatever the source calls them."""


@dataclass(frozen=True, slots=True)
class Component:
    """One component.

    Attributes:
        horizontal: Sampling factor; how many blocks of it lie side by side in an MCU.
        vertical: The same downwards.
        table: 64 quantization steps, row after row; empty if the file has none.
    """

    horizontal: int
    vertical: int
    table: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How samples and blocks lie, stored or upright.

    Attributes:
        width: In pixels.
        height: In pixels.
        components: In their order; a single one always has the factors 1 and 1, since its MCU is one block.
        model: How they code colours.
        adobe: Whether an Adobe segment says so. Without one, viewers differ about whether 255 is paper or full ink.
        progressive: Whether the scans are.
        optimized: Whether its Huffman codes were made for it; most cameras and libraries use those of T.81, annex K.3.
        bits: Of each sample.
        predictor: What a lossless picture's samples are foretold from, 1 to 7 (T.81, table H.1); 0 = it is made of DCT
            coefficients.
    """

    width: int
    height: int
    components: tuple[Component, ...]
    model: Model
    adobe: bool
    progressive: bool
    optimized: bool = True
    bits: int = 8
    predictor: int = 0

    @property
    def usual(self) -> bool:
        """DCT of eight bits, which everybody reads."""
        return self.bits == 8 and not self.predictor

    @property
    def mcu(self) -> tuple[int, int]:
        """Width and height in pixels of the smallest unit that holds whole blocks of each component."""
        widest = max(component.horizontal for component in self.components)
        return BLOCK * widest, BLOCK * max(component.vertical for component in self.components)

    @property
    def grid(self) -> Grid:
        """MCUs, and how far beside one the colours of a decoder depend on it.

        libjpeg's "fancy" upsampling (`jdsample.c`) takes a quarter of the nearest neighbour: one pixel. Twice that,
        and no less than a sample of the coarsest component, leaves room for other decoders.
        """
        width, height = self.mcu
        ratios = [width // BLOCK // part.horizontal for part in self.components]
        ratios += [height // BLOCK // part.vertical for part in self.components]
        return Grid(width, height, max(ratios) if max(ratios) > 1 else 0)

    @property
    def regular(self) -> bool:
        """Whether each component is sampled a whole number of times more coarsely, and each step is one."""
        width, height = self.mcu
        return all(
            width // BLOCK % part.horizontal == 0
            and height // BLOCK % part.vertical == 0
            and len(part.table) == BLOCK * BLOCK
            and min(part.table) > 0
            for part in self.components
        )

    @property
    def codes(self) -> Codes:
        """How a picture is written that was stored so."""
        if self.progressive:
            return "progressive"
        return "optimized" if self.optimized else "standard"

    def can_turn(self, orientation: int) -> bool:
        """Whether a stored picture can be turned upright block by block: mirrored sides have to be whole MCUs."""
        width, height = self.mcu
        across = orientation not in _MIRRORED_WIDTH or self.width % width == 0
        return across and (orientation not in _MIRRORED_HEIGHT or self.height % height == 0)

    def turned(self, orientation: int) -> Layout:
        """The layout of the upright picture."""
        if not swaps_axes(orientation):
            return self
        parts = tuple(Component(part.vertical, part.horizontal, _transposed(part.table)) for part in self.components)
        return replace(self, width=self.height, height=self.width, components=parts)


def _transposed(table: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.reshape(table, (BLOCK, BLOCK)).T.ravel().tolist()) if table else ()
