"""Codestreams from libjxl's encoder: of frames, or of a JPEG's coefficients; nothing but the picture is in them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from anonymizer.errors import EncodeError
from anonymizer.image.codec.jxl.library import (
    BasicInfo,
    BitDepth,
    ColorEncoding,
    ExtraChannelInfo,
    FrameHeader,
    PixelFormat,
)
from anonymizer.records import Samples

_DONE, _MORE_OUTPUT = 0, 2

# JxlEncoderFrameSettingId.
_EFFORT, _PATCHES, _DOTS, _GROUP_ORDER, _PROGRESSIVE_DC, _JPEG_CHROMA, _BUFFERING = 0, 8, 7, 13, 19, 30, 34
_WALKABLE = ((_PATCHES, 0), (_DOTS, 0), (_GROUP_ORDER, 0), (_PROGRESSIVE_DC, 0), (_BUFFERING, 0))
"""One frame in the file for each that is shown, its parts in their order: so that `metadata.jxl` can walk it."""

_FROM_CODESTREAM = 1
_OUTPUT_BYTES = 1 << 20

# H.273: white point D65, primaries and transfer functions that have numbers; 2 = custom, 65535 = gamma.
_D65, _CUSTOM, _SRGB, _GAMMA = 1, 2, 13, 65535
_RGB, _GRAY = 0, 1
_RELATIVE = 1
_ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_ROMM = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
_D50_XY = (0.3457, 0.3585)


@dataclass(frozen=True, slots=True)
class Form:
    """How frames are written.

    Attributes:
        depth: Bits of a sample; frames of 9 to 16 bit hold values up to 2^depth - 1.
        colors: 1 or 3; one more channel is alpha.
        profile: Name in `anonymizer.image.profiles`; None = sRGB.
        distance: 0 = lossless; else how far from the source, in just noticeable differences.
        effort: The library's, 1 to 9.
        ticks: Of an animation: numerator and denominator of ticks a second.
        loop: How often an animation is shown; 0 = for ever.
        durations: Ticks of each frame.
    """

    depth: int
    colors: int
    profile: str | None
    distance: float
    effort: int
    ticks: tuple[int, int] | None = None
    loop: int = 0
    durations: tuple[int, ...] = (0,)


def of_frames(library: ctypes.CDLL, frames: list[Samples], form: Form) -> bytes:
    """A codestream, or where its level needs one a container with it, of frames of one shape (H, W, C).

    Raises:
        EncodeError: The library refuses.
    """
    height, width, channels = frames[0].shape
    has_alpha = channels > form.colors
    with _encoder(library) as encoder:
        _describe(library, encoder, (width, height), form, has_alpha=has_alpha)
        settings = _settings(library, encoder, form.effort)
        if form.distance:
            _must(library.JxlEncoderSetFrameDistance(settings, form.distance))
            if has_alpha:
                _must(library.JxlEncoderSetExtraChannelDistance(settings, 0, 0))
        else:
            _must(library.JxlEncoderSetFrameLossless(settings, 1))
        _must(library.JxlEncoderSetFrameBitDepth(settings, ctypes.byref(BitDepth(_FROM_CODESTREAM, 0, 0))))
        for pixels, duration in zip(frames, form.durations, strict=True):
            _add_frame(library, settings, pixels, duration if form.ticks is not None else None)
        return _output(library, encoder)


def of_jpeg(library: ctypes.CDLL, jpeg: bytes, size: tuple[int, int], form: Form) -> bytes:
    """A codestream of a JPEG's coefficients, without loss, and without what it takes to make that very file again.

    Args:
        library: See `library.load`.
        jpeg: A whole JPEG file, gray or in colours.
        size: Its width and height.
        form: Of 8 bit, with distance 0.

    Raises:
        EncodeError: The library refuses.
    """
    with _encoder(library) as encoder:
        _describe(library, encoder, size, form, has_alpha=False)
        settings = _settings(library, encoder, form.effort)
        # Otherwise chroma is written as what is left of it beside luma, and decoders' roundings change it.
        _must(library.JxlEncoderFrameSettingsSetOption(settings, _JPEG_CHROMA, 0))
        _must(library.JxlEncoderAddJPEGFrame(settings, jpeg, len(jpeg)))
        return _output(library, encoder)


def color_encoding(profile: str | None, colors: int) -> ColorEncoding:
    """A public colour space in the words of the codestream, which then holds no ICC profile."""
    found = ColorEncoding(color_space=_RGB if colors == 3 else _GRAY, white_point=_D65, primaries=1)
    found.transfer_function, found.rendering_intent = _SRGB, _RELATIVE
    if profile == "display-p3":
        found.primaries = 11
    elif profile == "rec2020":
        found.primaries, found.transfer_function = 9, 1
    elif profile == "adobe-rgb":
        _custom(found, _ADOBE, 0.454707)
    elif profile == "prophoto-rgb":
        _custom(found, _ROMM, 0.5555556)
        found.white_point = _CUSTOM
        found.white_point_xy[:] = _D50_XY
    elif profile == "gray-gamma22":
        found.transfer_function, found.gamma = _GAMMA, 0.4545455
    return found


def _custom(found: ColorEncoding, primaries: tuple[float, ...], gamma: float) -> None:
    found.primaries, found.transfer_function, found.gamma = _CUSTOM, _GAMMA, gamma
    found.primaries_xy[:] = primaries


def _describe(library: ctypes.CDLL, encoder: int, size: tuple[int, int], form: Form, *, has_alpha: bool) -> None:
    """The codestream's header."""
    info = BasicInfo()
    library.JxlEncoderInitBasicInfo(ctypes.byref(info))
    (info.xsize, info.ysize), info.bits_per_sample = size, form.depth
    info.num_color_channels, info.num_extra_channels = form.colors, int(has_alpha)
    info.alpha_bits = form.depth if has_alpha else 0
    info.uses_original_profile = int(form.distance == 0)
    if form.ticks is not None:
        info.have_animation, info.num_loops = 1, form.loop
        info.tps_numerator, info.tps_denominator = form.ticks
    _must(library.JxlEncoderSetBasicInfo(encoder, ctypes.byref(info)))
    if has_alpha:
        alpha = ExtraChannelInfo()
        library.JxlEncoderInitExtraChannelInfo(0, ctypes.byref(alpha))
        alpha.bits_per_sample = form.depth
        _must(library.JxlEncoderSetExtraChannelInfo(encoder, 0, ctypes.byref(alpha)))
    colors = color_encoding(form.profile, form.colors)
    _must(library.JxlEncoderSetColorEncoding(encoder, ctypes.byref(colors)))


def _add_frame(library: ctypes.CDLL, settings: int, pixels: Samples, duration: int | None) -> None:
    """One frame more; with a duration where there is an animation."""
    if duration is not None:
        timing = FrameHeader()
        library.JxlEncoderInitFrameHeader(ctypes.byref(timing))
        timing.duration = duration
        _must(library.JxlEncoderSetFrameHeader(settings, ctypes.byref(timing)))
    stored = np.ascontiguousarray(pixels)
    sample = PixelFormat(stored.shape[2], 2 if stored.dtype == np.uint8 else 3, 0, 0)
    place = (stored.ctypes.data, stored.nbytes)
    _must(library.JxlEncoderAddImageFrame(settings, ctypes.byref(sample), *place))


def _settings(library: ctypes.CDLL, encoder: int, effort: int) -> int:
    settings: int | None = library.JxlEncoderFrameSettingsCreate(encoder, None)
    if not settings:
        raise EncodeError
    for name, value in ((_EFFORT, effort), *_WALKABLE):
        _must(library.JxlEncoderFrameSettingsSetOption(settings, name, value))
    return settings


@contextmanager
def _encoder(library: ctypes.CDLL) -> Iterator[int]:
    encoder = library.JxlEncoderCreate(None)
    if not encoder:
        raise EncodeError
    try:
        yield encoder
    finally:
        library.JxlEncoderDestroy(encoder)


def _output(library: ctypes.CDLL, encoder: int) -> bytes:
    """All that the encoder has to give, now that nothing is added any more."""
    library.JxlEncoderCloseInput(encoder)
    parts, buffer = list[bytes](), ctypes.create_string_buffer(_OUTPUT_BYTES)
    while True:
        place = ctypes.c_void_p(ctypes.addressof(buffer))
        left = ctypes.c_size_t(len(buffer))
        status = library.JxlEncoderProcessOutput(encoder, ctypes.byref(place), ctypes.byref(left))
        parts.append(buffer.raw[: len(buffer) - left.value])
        if status == _DONE:
            return b"".join(parts)
        if status != _MORE_OUTPUT:
            raise EncodeError


def _must(status: int) -> None:
    if status != _DONE:
        raise EncodeError
