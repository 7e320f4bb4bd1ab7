"""Defines a decoded picture, as codecs and redactors exchange it, and an encoded file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Encoding = Literal["exact", "reencoded"]

Pixels = NDArray[np.uint8]
"""(H, W) gray or (H, W, 3) RGB, uint8."""

Samples = NDArray[np.unsignedinteger[Any]]
"""Samples as the file has them, uint8 or uint16."""

Mask = NDArray[np.bool_]


PQ, HLG = 16, 18
"""Transfers of ITU-R BT.2100 (ITU-T H.273, table 3)."""


@dataclass(frozen=True, slots=True)
class CodePoints:
    """What HDR samples mean (ITU-T H.273).

    Attributes:
        primaries: ColourPrimaries, table 2.
        transfer: TransferCharacteristics, table 3: `PQ` or `HLG`.
        full_range: All values count; else, of 8 bit, 16 is black and 235 white.
    """

    primaries: int
    transfer: int
    full_range: bool = True


@dataclass(frozen=True, slots=True)
class Partial:
    """What a frame's pixels hold if that is not the whole picture.

    Attributes:
        width: Width of the whole picture, in pixels.
        height: Height of the whole picture, in pixels.
        factor: Each pixel stands for so many across and down (the last ones of a side for fewer); 1 = the pixels have
            the picture's size, and mean something below `Frame.redacted` only.
    """

    width: int
    height: int
    factor: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame.

    Attributes:
        pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) CMYK (the dtype's maximum = full ink), uint8 or uint16.
        alpha: (H, W) of the same dtype, 0 = transparent; None = fully opaque.
        redacted: (H, W) bool, the pixels that the redactor replaced; None = none. Encoders that copy data of the source
            (JPEG coefficients) copy it outside of these pixels only.
        hdr: What the samples mean if they are HDR; None = they are of standard range, see `Picture.profile`.
        partial: What the pixels hold if that is not the whole picture: enough for a codec that copies the rest from the
            source. None = all of it.
    """

    pixels: Samples
    alpha: Samples | None = None
    redacted: Mask | None = None
    hdr: CodePoints | None = None
    partial: Partial | None = None

    @property
    def height(self) -> int:
        """Height of the whole picture, in pixels."""
        return int(self.pixels.shape[0]) if self.partial is None else self.partial.height

    @property
    def width(self) -> int:
        """Width of the whole picture, in pixels."""
        return int(self.pixels.shape[1]) if self.partial is None else self.partial.width


@dataclass(frozen=True, slots=True)
class Grid:
    """Size of the blocks that a format encodes independently: masks are extended to whole blocks from the top left.

    Attributes:
        width: Width of a block, in pixels.
        height: Height of a block, in pixels.
        reach: Distance in pixels to which a changed block changes its decoded neighbours too (chroma upsampling): a
            redactor must not compute its fill from these pixels.
    """

    width: int = 1
    height: int = 1
    reach: int = 0


PIXELS = Grid()
"""The grid of formats in which every pixel can be changed independently."""


@dataclass(frozen=True, slots=True)
class Animation:
    """Timing of an animation, read from the source's headers.

    Attributes:
        durations_ms: Duration of each frame in milliseconds, as precisely as the format gives it.
        loop: Number of repetitions; 0 = for ever, None = the format's default (once).
        disposals: Disposal method of each frame, in the format's own numbers.
    """

    durations_ms: tuple[float, ...]
    loop: int | None = None
    disposals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: decoders return it and encoders take it.

    Attributes:
        format: Lower-case name of the container that was read (`jpeg`, `png`, `tiff`, ...).
        frames: Upright frames as a viewer shows them (those of an animation are composed), in the order of the file.
            All have the same layout and dtype; the pages of a TIFF may differ in size, layout and dtype.
        grid: The blocks to which masks are extended.
        profile: Name of the public colour space of the samples (see `anonymizer.image.codec.profiles`); None = sRGB,
            or CMYK without a profile.
        converted: The samples were converted to another colour space, so they differ from the file's; the image looks
            the same.
        animation: Timing, if the format has it and there is more than one frame.
        encoder: What the format's own codec needs in addition to write the file alike: headers, and for JPEG the parts
            of the source with its coefficients. Only that codec reads it. Never metadata.
    """

    format: str
    frames: tuple[Frame, ...]
    grid: Grid = PIXELS
    profile: str | None = None
    converted: bool = False
    animation: Animation | None = None
    encoder: object = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """An encoded file.

    Attributes:
        data: The bytes of the file.
        format: Its container; another one than the picture's if that cannot be written safely.
        encoding: `exact` if nothing changed outside the redacted areas (JPEG: coefficients, other formats: samples).
    """

    data: bytes
    format: str
    encoding: Encoding
