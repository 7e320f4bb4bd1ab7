"""JPEG: exact on coefficients where that is possible, else from pixels; the primary picture only."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, TypeAlias

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image.codec.jpeg import blocks as jpeg_blocks
from anonymizer.image.codec.jpeg import deep as jpeg_deep
from anonymizer.image.codec.jpeg import scans as jpeg_scans
from anonymizer.image.codec.jpeg import source as jpeg_source
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from anonymizer.image.codec.jpeg.layout import Layout, Model
from anonymizer.image.codec.jpeg.markers import color_marker, reframed
from anonymizer.image.codec.orientation import read_orientation
from anonymizer.image.codec.pixels import Upright, check_size, image_of, only_frame, samples_of, upright_frame
from anonymizer.image.profiles import PROFILES
from anonymizer.records import PIXELS, Encoded, Frame, Partial, Picture, Samples

_FALLBACK_QUALITY = 95

# A few bytes make a scan, and libjpeg looks at every coefficient for each: some seconds for this many pixels.
_MAX_SCANNED_PIXELS = 4_000_000_000

_MAX_STEP = 255

_SUBSAMPLINGS: dict[tuple[int, ...], int] = {(1, 1, 1, 1, 1, 1): 0, (2, 1, 1, 1, 1, 1): 1, (2, 2, 1, 1, 1, 1): 2}
"""Horizontal and vertical factors of the three components to what Pillow calls 4:4:4, 4:2:2 and 4:2:0."""

_MODELS: dict[str, Model] = {"L": "gray", "RGB": "ycbcr", "CMYK": "cmyk"}
"""Pillow's mode of an image to how it codes the colours of a JPEG."""


Reduction: TypeAlias = Callable[[int, int], int]
"""From a picture's upright width and height in pixels to how many times smaller it may be read: 1, 2 or 4."""


class WholeNeeded(Exception):
    """The frame to be written holds a part of the picture, and all of it is needed."""


@dataclass(frozen=True, slots=True)
class _Encoder:
    """What is kept of a source to write it alike.

    Attributes:
        layout: Upright.
        orientation: EXIF's: how `bare` has to be turned.
        bare: The source without all that is not its picture, if its coefficients can be kept; else None. Only what
            lies outside of the mask is read from it.
    """

    layout: Layout
    orientation: int
    bare: bytes | None = field(repr=False, compare=False)


def decode(data: bytes, config: CodecConfig, reduction: Reduction | None = None) -> Picture:
    """Reads the primary picture of a JPEG, MPO or Ultra HDR file. See `anonymizer.image.codec.decode`.

    Detector and coefficients see one and the same picture: Pillow is given the bytes that `encode` will transform.
    """
    source = jpeg_source.read(data)
    check_size(source.layout.width, source.layout.height, config)
    if source.layout.width * source.layout.height * source.scan_count > _MAX_SCANNED_PIXELS:
        raise ImageTooLarge
    orientation = read_orientation(source.exif)
    layout = source.layout.turned(orientation)
    keeps = (
        config.jpeg == "exact"
        and source.complete
        and layout.usual
        and layout.regular
        and source.layout.can_turn(orientation)
        and jpeg_turbo.is_available()
    )
    upright = None
    if keeps and source.ended and reduction is not None:
        upright = _reduced(source, orientation, reduction(layout.width, layout.height))
    if upright is None:
        upright = upright_frame(_samples(source, config), None, source.profile, orientation)
    exact = keeps and not upright.converted
    return Picture(
        "jpeg",
        (upright.frame,),
        grid=layout.grid if exact else PIXELS,
        profile=upright.profile,
        converted=upright.converted,
        encoder=_Encoder(layout, orientation, source.bare if exact else None),
    )


def orientation_segment(orientation: int) -> bytes:
    """An EXIF segment that says how a picture is turned; behind SOI it counts before all others."""
    block = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
    return struct.pack(">BBH", 0xFF, 0xE1, len(block) + 2) + block


def _reduced(source: jpeg_source.Source, orientation: int, factor: int) -> Upright | None:
    """A smaller picture, of which `encode` needs no more if coefficients are copied.

    Args:
        source: Complete, with all that it takes to keep its coefficients.
        orientation: EXIF's.
        factor: How many times smaller.

    Returns:
        None where it has to be the whole picture.
    """
    if factor == 1:
        return None
    pixels = jpeg_turbo.decompress(source.bare, source.layout, scan_limit=jpeg_scans.MAX_SCANS, factor=factor)
    if pixels is None:
        return None
    upright = upright_frame(pixels, None, source.profile, orientation)
    if upright.converted:
        return None
    layout = source.layout.turned(orientation)
    return replace(upright, frame=replace(upright.frame, partial=Partial(layout.width, layout.height, factor)))


def _samples(source: jpeg_source.Source, config: CodecConfig) -> Samples:
    """The stored picture; Pillow reads what is damaged or in ink, as far as anybody can.

    Raises:
        UnsupportedFormat: Bits, colours or sampling of a lossless or 12-bit picture that nothing here reads.
        DecodeError: The file ends before its picture does.
    """
    if not source.layout.usual:
        jpeg_deep.check(source.layout)
        if not source.complete or (source.arithmetic and not source.ended):
            raise DecodeError
        return jpeg_deep.decompress(source.bare, source.layout, scan_limit=jpeg_scans.MAX_SCANS)
    pixels = None
    if source.complete:
        pixels = jpeg_turbo.decompress(source.bare, source.layout, scan_limit=jpeg_scans.MAX_SCANS)
    if not source.ended and config.jpeg_incomplete == "fail" and not _is_whole(source, pixels):
        raise DecodeError
    if pixels is not None:
        return pixels
    image = JpegImageFile(BytesIO(source.bare))
    image.load()
    return samples_of(image)[0]


def _is_whole(source: jpeg_source.Source, pixels: Samples | None) -> bool:
    """Whether a file without EOI lacks nothing else: the library reads all of it and warns of nothing."""
    if not source.complete or source.arithmetic:
        return False
    if pixels is not None:
        return True
    try:
        jpeg_turbo.transform(source.bare, 1, "standard", scan_limit=jpeg_scans.MAX_SCANS, patches={})
    except jpeg_turbo.TransformRefused:
        return False
    return True


def encode(picture: Picture) -> Encoded:
    """Writes the source's coefficients outside the mask, and those of the frame's pixels inside.

    Where that is not possible (`decode` knows most cases; the library refuses damaged files), the frame is written
    with the source's quantization tables and subsampling, or without a source with quality 95, 4:4:4. A lossless
    picture stays one, sample for sample; 12 bit of DCT stay 12, with quality 95, 4:4:4.

    Raises:
        WholeNeeded: It is not possible, and the frame does not hold the whole picture.
    """
    frame = only_frame(picture)
    if frame.alpha is not None:
        raise EncodeError
    profile = PROFILES[picture.profile] if picture.profile is not None else None
    encoder = picture.encoder if isinstance(picture.encoder, _Encoder) else None
    if encoder is not None and not encoder.layout.usual and frame.partial is None:
        return _deep(picture, frame, encoder.layout, profile)
    fresh = _exact(frame, encoder) if encoder is not None else None
    if encoder is not None and fresh is not None:
        marker = color_marker(encoder.layout.model, encoder.layout.adobe)
        return Encoded(reframed(fresh, marker, profile), "jpeg", "exact")
    if frame.partial is not None:
        raise WholeNeeded
    image = image_of(frame)
    marker = color_marker(_MODELS[image.mode], adobe=True)
    return Encoded(reframed(_plain(image, encoder), marker, profile), "jpeg", "reencoded")


def _deep(picture: Picture, frame: Frame, layout: Layout, profile: bytes | None) -> Encoded:
    """A lossless or 12-bit picture of the frame's samples."""
    fresh = jpeg_deep.compress(frame.pixels, layout.bits, layout.predictor)
    model: Model = "gray" if frame.pixels.ndim == 2 else "rgb" if layout.predictor else "ycbcr"
    exact = layout.predictor > 0 and not picture.converted
    data = reframed(fresh, color_marker(model, adobe=True), profile)
    return Encoded(data, "jpeg", "exact" if exact else "reencoded")


def _exact(frame: Frame, encoder: _Encoder) -> bytes | None:
    """The source's coefficients with those under the mask replaced; None if the library refuses."""
    if encoder.bare is None:
        return None
    try:
        return jpeg_turbo.transform(
            encoder.bare,
            encoder.orientation,
            encoder.layout.codes,
            scan_limit=jpeg_scans.MAX_SCANS,
            patches=jpeg_blocks.patches(frame, encoder.layout),
        )
    except jpeg_turbo.TransformRefused:
        return None


def _plain(image: Image.Image, encoder: _Encoder | None) -> bytes:
    settings = _settings(image.mode, encoder.layout) if encoder is not None else _quality()
    progressive = encoder is not None and encoder.layout.progressive
    output = BytesIO()
    try:
        image.save(output, "JPEG", optimize=True, progressive=progressive, **settings)
    except OSError:
        # Pillow guesses the size of the buffer that optimizing needs; noise at a high quality does not fit in.
        output = BytesIO()
        image.save(output, "JPEG", **settings)
    return output.getvalue()


def _quality() -> dict[str, Any]:
    return {"quality": _FALLBACK_QUALITY, "subsampling": 0}


def _settings(mode: str, layout: Layout) -> dict[str, Any]:
    """The source's tables and subsampling, where its colours are coded as Pillow will and Pillow can write them."""
    tables = [list(component.table) for component in layout.components]
    usable = all(table and min(table) >= 1 and max(table) <= _MAX_STEP for table in tables)
    if layout.model != _MODELS[mode] or not usable:
        return _quality()
    # The last table that is given serves the components behind it.
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    factors = tuple(factor for part in layout.components for factor in (part.horizontal, part.vertical))
    return {"qtables": tables, "subsampling": _SUBSAMPLINGS.get(factors, 0)}
