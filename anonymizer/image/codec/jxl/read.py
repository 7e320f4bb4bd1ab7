"""What libjxl's decoder says of a file: its headers and frames, its pixels, the JPEG that it was made from."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec.depth import spread
from anonymizer.image.codec.jxl.library import (
    BasicInfo,
    BitDepth,
    ColorEncoding,
    ExtraChannelInfo,
    FrameHeader,
    Memory,
    PixelFormat,
)
from anonymizer.image.codec.orientation import swaps_axes
from anonymizer.image.codec.pixels import check_size
from anonymizer.records import Samples

# JxlDecoderStatus.
_DONE, _ERROR, _MORE_INPUT, _WANTS_PIXELS, _WANTS_JPEG = 0, 1, 2, 5, 6
_INFO, _COLORS, _FRAME, _IMAGE, _JPEG = 0x40, 0x100, 0x400, 0x1000, 0x2000

_ORIGINAL, _OF_DATA = 0, 1
_ALPHA, _BLACK = 0, 4
_PQ, _HLG = 16, 18

_MAX_CHANNELS = 8
"""Beside the colours; each takes as much memory as one of those."""

# Bytes that the decoder may take: so much, and so much for each sample. Photos take 0.7 to 7 a sample; frames that
# later ones refer to, of which there may be four, 4 each.
_BASE_BYTES, _BYTES_PER_SAMPLE = 256 * 2**20, 48

_FROM_CODESTREAM = 1
_FIRST_JPEG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture.

    Attributes:
        width: Of the upright picture.
        height: Of the upright picture.
        depth: Bits of a sample, 1 to 16.
        colors: 1 or 3.
        extra: Channels beside the colours.
        alpha: One of these is alpha.
        alpha_kept: There is none, or its samples and those of the colours come out of the decoder as they are coded.
        lossless: Samples are coded in their own colour space, not in the one that is made for loss (XYB).
        orientation: EXIF's: how the stored picture is turned.
        ticks: Numerator and denominator of ticks a second; of an animation.
        loop: How often it is shown; 0 = for ever.
        durations: Ticks of each frame that is shown.
    """

    width: int
    height: int
    depth: int
    colors: int
    extra: int
    alpha: bool
    alpha_kept: bool
    lossless: bool
    orientation: int
    ticks: tuple[int, int] | None
    loop: int
    durations: tuple[int, ...]


def header(library: ctypes.CDLL, data: bytes, config: CodecConfig) -> Header:
    """Reads the headers of a file and counts its frames; no pixel is decoded.

    Raises:
        DecodeError: Damaged or cut short.
        UnsupportedFormat: Float samples, CMYK, light beyond white (PQ, HLG), or many channels.
        ImageTooLarge: More pixels than allowed, all frames together.
    """
    info, durations = BasicInfo(), list[int]()
    with _decoder(library, data, _INFO | _COLORS | _FRAME, _BASE_BYTES) as decoder:
        # Otherwise the header says 1: that the decoder turns it.
        _must(library.JxlDecoderSetKeepOrientation(decoder, 1))
        for event in _events(library, decoder):
            if event == _INFO:
                _must(library.JxlDecoderGetBasicInfo(decoder, ctypes.byref(info)))
                _refuse_unreadable(library, decoder, info)
                check_size(info.xsize, info.ysize, config)
            elif event == _COLORS:
                _refuse_bright(library, decoder)
            elif event == _FRAME:
                frame = FrameHeader()
                _must(library.JxlDecoderGetFrameHeader(decoder, ctypes.byref(frame)))
                durations.append(frame.duration)
                check_size(info.xsize, info.ysize, config, len(durations))
    sides = (info.ysize, info.xsize) if swaps_axes(info.orientation) else (info.xsize, info.ysize)
    return Header(
        width=sides[0],
        height=sides[1],
        depth=info.bits_per_sample,
        colors=info.num_color_channels,
        extra=info.num_extra_channels,
        alpha=info.alpha_bits > 0,
        alpha_kept=info.alpha_bits == 0 or _keeps_alpha(info),
        lossless=bool(info.uses_original_profile),
        orientation=info.orientation,
        ticks=(info.tps_numerator, info.tps_denominator) if info.have_animation else None,
        loop=info.num_loops,
        durations=tuple(durations),
    )


def frames(library: ctypes.CDLL, data: bytes, header: Header) -> tuple[list[Samples], bytes | None]:
    """Decodes the frames as they are shown, upright, alpha straight.

    Args:
        library: See `library.load`.
        data: The file.
        header: From `header`.

    Returns:
        (H, W, C) each, colours and then alpha, uint8 or (from 9 bit on, over the whole range) uint16; and their ICC
        profile.

    Raises:
        DecodeError: Damaged or cut short, or more memory would be needed than such a picture takes.
    """
    found: list[Samples] = []
    profile: bytes | None = None
    limit = _BASE_BYTES + _BYTES_PER_SAMPLE * header.width * header.height * (header.colors + header.extra)
    with _decoder(library, data, _COLORS | _IMAGE, limit) as decoder:
        _must(library.JxlDecoderSetUnpremultiplyAlpha(decoder, 1))
        for event in _events(library, decoder):
            if event == _COLORS:
                profile = _profile(library, decoder)
            elif event == _WANTS_PIXELS:
                if len(found) == len(header.durations):
                    raise DecodeError
                found.append(_room(library, decoder, header))
    if len(found) != len(header.durations):
        raise DecodeError
    if header.depth > 8:
        found = [spread(samples, header.depth) for samples in found]
    return found, profile


def _keeps_alpha(info: BasicInfo) -> bool:
    """Whether alpha is not multiplied into the colours, and each of its values has one in the colours' depth."""
    deepest, greatest = 2 ** max(info.bits_per_sample, 8) - 1, 2**info.alpha_bits - 1
    return not info.alpha_premultiplied and deepest % greatest == 0


def _room(library: ctypes.CDLL, decoder: int, header: Header) -> Samples:
    """Where the decoder shall put the frame that comes next."""
    deep = header.depth > 8
    pixels = np.empty((header.height, header.width, header.colors + header.alpha), np.uint16 if deep else np.uint8)
    form, size = PixelFormat(pixels.shape[2], 3 if deep else 2, 0, 0), ctypes.c_size_t()
    _must(library.JxlDecoderImageOutBufferSize(decoder, ctypes.byref(form), ctypes.byref(size)))
    if size.value != pixels.nbytes:
        raise DecodeError
    _must(library.JxlDecoderSetImageOutBuffer(decoder, ctypes.byref(form), pixels.ctypes.data, pixels.nbytes))
    if deep:
        _must(library.JxlDecoderSetImageOutBitDepth(decoder, ctypes.byref(BitDepth(_FROM_CODESTREAM, 0, 0))))
    return pixels


def jpeg(library: ctypes.CDLL, data: bytes, header: Header, config: CodecConfig) -> bytes | None:
    """The JPEG file that a file was made from without loss, bit for bit; None if it was not, or that is damaged."""
    limit = _BASE_BYTES + _BYTES_PER_SAMPLE * header.width * header.height * (header.colors + header.extra)
    output = ctypes.create_string_buffer(_FIRST_JPEG_BYTES)
    rebuilt = False
    try:
        with _decoder(library, data, _JPEG | _IMAGE, limit) as decoder:
            for event in _events(library, decoder):
                if event == _JPEG:
                    rebuilt = True
                    _must(library.JxlDecoderSetJPEGBuffer(decoder, output, len(output)))
                elif event == _WANTS_JPEG:
                    output = _longer(library, decoder, output, config.max_bytes)
                elif event == _WANTS_PIXELS:
                    return None
            unused = library.JxlDecoderReleaseJPEGBuffer(decoder)
    except DecodeError:
        return None
    return output.raw[: len(output) - unused] if rebuilt else None


def _longer(
    library: ctypes.CDLL, decoder: int, output: ctypes.Array[ctypes.c_char], limit: int
) -> ctypes.Array[ctypes.c_char]:
    """A buffer of twice the size that begins with what has been written so far."""
    written = len(output) - library.JxlDecoderReleaseJPEGBuffer(decoder)
    if len(output) > limit:
        raise DecodeError
    longer = ctypes.create_string_buffer(2 * len(output))
    ctypes.memmove(longer, output, written)
    place = ctypes.byref(longer, written)
    _must(library.JxlDecoderSetJPEGBuffer(decoder, place, len(longer) - written))
    return longer


@contextmanager
def _decoder(library: ctypes.CDLL, data: bytes, events: int, limit: int) -> Iterator[int]:
    """A decoder that has been given the whole file and takes no more than `limit` bytes."""
    memory = Memory(limit)
    decoder = library.JxlDecoderCreate(ctypes.byref(memory.manager))
    if not decoder:
        raise DecodeError
    try:
        _must(library.JxlDecoderSubscribeEvents(decoder, events))
        _must(library.JxlDecoderSetInput(decoder, data, len(data)))
        library.JxlDecoderCloseInput(decoder)
        yield decoder
    finally:
        library.JxlDecoderDestroy(decoder)


def _events(library: ctypes.CDLL, decoder: int) -> Iterator[int]:
    """What the decoder reports, until the file's end.

    Raises:
        DecodeError: It stops before.
    """
    while (event := library.JxlDecoderProcessInput(decoder)) != _DONE:
        if event in (_ERROR, _MORE_INPUT):
            raise DecodeError
        yield event


def _refuse_unreadable(library: ctypes.CDLL, decoder: int, info: BasicInfo) -> None:
    if info.exponent_bits_per_sample or info.bits_per_sample > 16 or info.num_extra_channels > _MAX_CHANNELS:
        raise UnsupportedFormat
    for number in range(info.num_extra_channels):
        channel = ExtraChannelInfo()
        _must(library.JxlDecoderGetExtraChannelInfo(decoder, number, ctypes.byref(channel)))
        if channel.type == _BLACK:
            raise UnsupportedFormat


def _refuse_bright(library: ctypes.CDLL, decoder: int) -> None:
    colors = ColorEncoding()
    named = library.JxlDecoderGetColorAsEncodedProfile(decoder, _ORIGINAL, ctypes.byref(colors)) == _DONE
    if named and colors.transfer_function in (_PQ, _HLG):
        raise UnsupportedFormat


def _profile(library: ctypes.CDLL, decoder: int) -> bytes | None:
    size = ctypes.c_size_t()
    if library.JxlDecoderGetICCProfileSize(decoder, _OF_DATA, ctypes.byref(size)) != _DONE:
        return None
    profile = ctypes.create_string_buffer(size.value)
    _must(library.JxlDecoderGetColorAsICCProfile(decoder, _OF_DATA, profile, size.value))
    return profile.raw


def _must(status: int) -> None:
    if status != _DONE:
        raise DecodeError
