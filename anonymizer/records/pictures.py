"""A picture between its codec and the redactor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Encoding = Literal["exact", "reencoded"]

Pixels = NDArray[np.uint8]
"""(H, W) gray or (H, W, 3) RGB, uint8."""

Samples = NDArray[np.unsignedinteger[Any]]
"""Samples as a file holds them, uint8 or uint16."""

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
class Frame:
    """One upright frame.

    Attributes:
        pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) CMYK (the type's greatest value = full ink), uint8 or uint16.
        alpha: (H, W) of the same type, 0 = invisible; None = all of it is opaque.
        redacted: (H, W) bool, what the redactor has replaced; None = nothing. Encoders read what else they keep of
            the source (coefficients) outside of it only.
        hdr: What the samples mean if they are HDR; None = they are of standard range, see `Picture.profile`.
    """

    pixels: Samples
    alpha: Samples | None = None
    redacted: Mask | None = None
    hdr: CodePoints | None = None

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class Grid:
    """What a format can change on its own: masks are rounded out to such blocks, counted from the top left.

    Attributes:
        width: Of a block, in pixels.
        height: Of a block, in pixels.
        reach: Pixels beside a changed block that a decoder shows differently too (chroma upsampling): no fill may
            read them.
    """

    width: int = 1
    height: int = 1
    reach: int = 0


PIXELS = Grid()
"""Every pixel can be changed on its own."""


@dataclass(frozen=True, slots=True)
class Animation:
    """How frames follow each other, read from the source's headers.

    Attributes:
        durations_ms: One for each frame, as near as the format tells it.
        loop: How often it is shown; 0 = for ever, None = the format's default (once).
        disposals: One for each frame, in the numbers of its format: what becomes of a frame before the next is drawn.
    """

    durations_ms: tuple[float, ...]
    loop: int | None = None
    disposals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: what codecs give and take.

    Attributes:
        format: Lower-case name of the container that was read (`jpeg`, `png`, `tiff`, ...).
        frames: Upright frames as they are seen (an animation's are composed), in the order of the file. All have one
            layout and type; the pages of a TIFF may differ in size, layout and type.
        grid: To which blocks masks are rounded out.
        profile: Name of the public colour space that the samples are in (see `anonymizer.image.codec.profiles`);
            None = sRGB, or CMYK without one.
        converted: The colours were converted, so that what is seen is the same and the samples are not.
        animation: Timing, where the format has it and there is more than one frame.
        encoder: What its own codec needs beside the frames to write it alike: headers, and for JPEG the parts of the
            source that its coefficients are in. Opaque to everybody else. Never metadata.
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
    """A finished file.

    Attributes:
        data: The whole of it.
        format: Of its container; another one than the picture's where that cannot be written cleanly.
        encoding: `exact` if outside the redacted areas nothing changed: coefficients for JPEG, samples otherwise.
    """

    data: bytes
    format: str
    encoding: Encoding
