"""JPEG XL (ISO/IEC 18181), by libjxl where that is installed; written as a codestream of the picture alone.

A file that was made from a JPEG without loss goes the way of that JPEG: outside the masks its coefficients stay. What
it takes to make the JPEG file again, byte for byte, is not written: it is a compressed block that no check looks into.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass, field, replace

import numpy as np

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, UnsupportedFormat
from anonymizer.image.codec import jpeg
from anonymizer.image.codec.depth import narrowed
from anonymizer.image.codec.jxl import library as jxl_library
from anonymizer.image.codec.jxl import read, write
from anonymizer.image.codec.pixels import only_frame, upright_frame
from anonymizer.records import Animation, Encoded, Frame, Picture, Samples

_LOSSY = 1.0
"""Distance at which what was lossy is written again: the encoder's own default, called visually lossless."""

# A photo of 12 megapixels without loss: 0.5 s; with effort 3 it takes 9.5 s and a seventh less room. With loss effort 7
# takes ten times as long as 4 and saves 3 %. One thread of a Xeon, 2026-11-30.
_LOSSLESS_EFFORT, _LOSSY_EFFORT = 1, 4

_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
_LEVEL = b"\0\0\0\x09jxll\x0a"


@dataclass(frozen=True, slots=True)
class Settings:
    """What of a source's headers goes into the output.

    Attributes:
        depth: Bits of a sample, 8 to 16.
        lossless: Its samples are not coded in the colour space that is made for loss.
        ticks: Of an animation: numerator and denominator of ticks a second.
        loop: How often an animation is shown; 0 = for ever.
        durations: Ticks of each frame.
        from_jpeg: It was made from a JPEG without loss.
        jpeg: What that JPEG's encoder needs of it.
        alpha_kept: Its alpha is straight, and of no more bits than are written.
    """

    depth: int = 8
    lossless: bool = True
    ticks: tuple[int, int] | None = None
    loop: int = 0
    durations: tuple[int, ...] = (0,)
    from_jpeg: bool = False
    jpeg: object = field(default=None, repr=False)
    alpha_kept: bool = True


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a JPEG XL picture or animation; 9 to 16 bit become 16. See `anonymizer.image.codec.decode`.

    The codestream says how the picture is turned; EXIF has no say (ISO/IEC 18181-2). Previews, depth maps and other
    channels than alpha are not read.

    Raises:
        UnsupportedFormat: Float, CMYK or light beyond white; or libjxl is not installed.
    """
    library = jxl_library.load()
    if library is None:
        raise UnsupportedFormat
    header = read.header(library, data, config)
    picture = _of_jpeg(library, data, header, config)
    return picture if picture is not None else _of_pixels(library, data, header)


def encode(picture: Picture) -> Encoded:
    """Writes the coefficients of a JPEG that it was made from; else samples, without loss where the source had none.

    Raises:
        EncodeError: CMYK, or libjxl is not installed.
    """
    library = jxl_library.load()
    if library is None:
        raise EncodeError
    settings = picture.encoder if isinstance(picture.encoder, Settings) else Settings(_depth_of(picture.frames[0]))
    if settings.from_jpeg:
        return _encode_jpeg(library, picture, settings)
    colors = 1 if picture.frames[0].pixels.ndim == 2 else picture.frames[0].pixels.shape[2]
    if colors not in (1, 3):
        raise EncodeError
    form = write.Form(
        depth=settings.depth,
        colors=colors,
        profile=picture.profile,
        distance=0 if settings.lossless else _LOSSY,
        effort=_LOSSLESS_EFFORT if settings.lossless else _LOSSY_EFFORT,
        ticks=settings.ticks,
        loop=settings.loop,
        durations=settings.durations,
    )
    written = write.of_frames(library, [_stored(frame, settings.depth) for frame in picture.frames], form)
    exact = settings.lossless and settings.alpha_kept and not picture.converted
    return Encoded(_bare(written), "jxl", "exact" if exact else "reencoded")


def _of_jpeg(library: ctypes.CDLL, data: bytes, header: read.Header, config: CodecConfig) -> Picture | None:
    """The picture of the JPEG that a file was made from; None without one."""
    if header.ticks is not None or header.extra or header.depth != 8 or not header.lossless:
        return None
    rebuilt = read.jpeg(library, data, header, config)
    if rebuilt is None:
        return None
    try:
        picture = jpeg.decode(rebuilt[:2] + jpeg.orientation_segment(header.orientation) + rebuilt[2:], config)
    except (DecodeError, UnsupportedFormat):
        return None
    (frame,) = picture.frames
    if (frame.width, frame.height) != (header.width, header.height) or frame.pixels.shape[2:] == (4,):
        return None
    return replace(picture, format="jxl", encoder=Settings(from_jpeg=True, jpeg=picture.encoder))


def _of_pixels(library: ctypes.CDLL, data: bytes, header: read.Header) -> Picture:
    found, profile = read.frames(library, data, header)
    upright = [upright_frame(*_parted(samples, header), profile, orientation=1) for samples in found]
    depth, kept = max(header.depth, 8), header.alpha_kept
    settings = Settings(depth, header.lossless, header.ticks, header.loop, header.durations, alpha_kept=kept)
    return Picture(
        "jxl",
        tuple(one.frame for one in upright),
        profile=upright[0].profile,
        converted=upright[0].converted,
        animation=_animation(header),
        encoder=settings,
    )


def _parted(samples: Samples, header: read.Header) -> tuple[Samples, Samples | None]:
    """Colours and alpha of what the decoder gives."""
    colors = samples[..., 0] if header.colors == 1 else samples[..., :3]
    return np.ascontiguousarray(colors), np.ascontiguousarray(samples[..., -1]) if header.alpha else None


def _animation(header: read.Header) -> Animation | None:
    if header.ticks is None or len(header.durations) < 2:
        return None
    over, under = header.ticks
    return Animation(tuple(1000 * ticks * under / over for ticks in header.durations), loop=header.loop)


def _encode_jpeg(library: ctypes.CDLL, picture: Picture, settings: Settings) -> Encoded:
    frame = only_frame(picture)
    file = jpeg.encode(replace(picture, format="jpeg", profile=None, encoder=settings.jpeg))
    form = write.Form(8, 1 if frame.pixels.ndim == 2 else 3, picture.profile, 0, _LOSSY_EFFORT)
    written = write.of_jpeg(library, file.data, (frame.width, frame.height), form)
    return replace(file, data=_bare(written), format="jxl")


def _depth_of(frame: Frame) -> int:
    return 8 * frame.pixels.dtype.itemsize


def _stored(frame: Frame, depth: int) -> Samples:
    """(H, W, C) of a frame, alpha last, in the depth that it is stored with."""
    samples = frame.pixels if frame.alpha is None else np.dstack((frame.pixels, frame.alpha))
    samples = samples[..., None] if samples.ndim == 2 else samples
    return narrowed(samples, depth) if samples.dtype != np.uint8 else samples


def _bare(written: bytes) -> bytes:
    """The codestream; where the library has put it into a container, ours, which says that it takes level 10."""
    if written.startswith(b"\xff\x0a"):
        return written
    parts, at = [], 0
    while at + 8 <= len(written):
        size, name = struct.unpack_from(">I4s", written, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", written, at + 8), 16
        end = at + size if size else len(written)
        if name in (b"jxlc", b"jxlp"):
            parts.append(written[at + head + (4 if name == b"jxlp" else 0) : end])
        at = end
    codestream = b"".join(parts)
    if not codestream.startswith(b"\xff\x0a"):
        raise EncodeError
    return b"".join((_SIGNATURE, _LEVEL, struct.pack(">I4sQ", 1, b"jxlc", 16 + len(codestream)), codestream))
