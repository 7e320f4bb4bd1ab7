"""One variant of a format, and the picture that all variants show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.image.codec.samples import saved
from tests.image.formats.kinds import deep, frames, with_alpha

Make = Callable[[], bytes]
MODES = {"1": "1 bit", "L": "gray", "LA": "gray and alpha", "P": "palette", "RGB": "RGB", "RGBA": "RGB and alpha"}
MODES |= {"CMYK": "CMYK", "I;16": "gray of 16 bit"}
"""Modes of Pillow, and what a variant calls them."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One file.

    Attributes:
        name: Format first, then what is particular.
        make: Its bytes.
        bits: Of a sample.
        group: Name of the table's line that it shares with others; "" = it has its own.
    """

    name: str
    make: Make
    bits: int = 8
    group: str = ""

    @property
    def line(self) -> str:
        return self.group or self.name


def picture() -> NDArray[np.uint8]:
    return np.asarray(frames()[0], np.uint8)


def wide() -> NDArray[np.uint16]:
    return np.asarray(deep(picture()), np.uint16)


def image(mode: str = "RGB") -> Image.Image:
    """The picture in a mode of Pillow."""
    if mode == "I;16":
        return Image.fromarray(wide()[..., 0])
    if mode in ("RGBA", "LA"):
        return Image.fromarray(with_alpha(picture())).convert(mode)
    plain = Image.fromarray(picture())
    return plain.quantize(60) if mode == "P" else plain.convert(mode)


def saved_as(format_name: str, mode: str = "RGB", **settings: Any) -> Make:
    return lambda: saved(image(mode), format_name, **settings)
