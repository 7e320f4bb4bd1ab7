"""WebP: stills and animations, lossy and lossless. An animation's frames are the canvases that a viewer shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError
from anonymizer.image.codec.orientation import read_orientation
from anonymizer.image.codec.pixels import Upright, check_size, image_of, only_frame, samples_of, upright_frame
from anonymizer.image.codec.webp import chunks as webp_chunks
from anonymizer.image.codec.webp.chunks import Part, Source
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Encoded, Frame, Picture, Pixels

_LOSSY_QUALITY = 90
# Method 4 takes 2.4 times as long for 6 % less at the same error (five photos).
_LOSSY_METHOD = 1
# Modes and motion of a large busy picture may not fit in the 512 KiB that the format has for them (from 24 megapixels
# on); these methods need fewer. What they cannot hold either is written lossless.
_THRIFTY_METHODS = (4, 6)
_TOO_MANY_MODES = "encoding error 6"  # VP8_ENC_ERROR_PARTITION0_OVERFLOW
# For lossless pictures the effort; 90 and method 4 take 2.3 times as long for 0.3 % less.
_LOSSLESS_QUALITY = 50
_LOSSLESS_METHOD = 2

_MAX_LOOP = 2**16 - 1
_MAX_DURATION_MS = 2**24 - 1


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which frames the source holds lossless: those are written so."""

    lossless: tuple[bool, ...]


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a WebP: every frame, as a viewer composes them. See `anonymizer.image.codec.decode`."""
    source = webp_chunks.read(data)
    check_size(source.width, source.height, config, len(source.parts))
    upright = _upright(source)
    frames = tuple(item.frame for item in upright)
    if source.loop is not None and all(frame.alpha is None or bool((frame.alpha == 255).all()) for frame in frames):
        frames = tuple(Frame(frame.pixels) for frame in frames)
    return Picture(
        "webp",
        frames,
        profile=upright[0].profile,
        converted=upright[0].converted,
        animation=_animation(source) if len(frames) > 1 else None,
        encoder=Kinds(tuple(part.lossless for part in source.parts)),
    )


def encode(picture: Picture) -> Encoded:
    """Writes lossless as lossless; lossy at quality 90, since WebP's headers do not tell the source's quality.

    Of an animation's frames the rectangle that changes is written over the canvas, none is cleared or blended: that
    shows the same, and delays and the number of repetitions are the source's.
    """
    kinds = picture.encoder if isinstance(picture.encoder, Kinds) else Kinds((False,) * len(picture.frames))
    if len(kinds.lossless) != len(picture.frames):
        raise EncodeError
    profile = PROFILES[picture.profile] if picture.profile is not None else None
    exact = all(kinds.lossless) and not picture.converted
    data = _still(picture, kinds, profile) if len(picture.frames) == 1 else _film(picture, kinds, profile)
    return Encoded(data, "webp", "exact" if exact else "reencoded")


def _upright(source: Source) -> list[Upright]:
    image = WebPImageFile(BytesIO(webp_chunks.bare(source)))
    if image.size != (source.width, source.height) or image.n_frames != len(source.parts):
        raise DecodeError
    orientation = read_orientation(source.exif)
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        found.append(upright_frame(*samples_of(image), source.profile, orientation))
    return found


def _animation(source: Source) -> Animation:
    return Animation(
        durations_ms=tuple(float(part.duration_ms) for part in source.parts),
        loop=source.loop,
        disposals=tuple(part.flags & 1 for part in source.parts),
    )


def _still(picture: Picture, kinds: Kinds, profile: bytes | None) -> bytes:
    return webp_chunks.still(_part(only_frame(picture), lossless=kinds.lossless[0]), profile)


def _film(picture: Picture, kinds: Kinds, profile: bytes | None) -> bytes:
    animation = picture.animation
    if animation is None or len(animation.durations_ms) != len(picture.frames):
        raise EncodeError
    parts: list[Part] = []
    shown = None
    for frame, duration_ms, lossless in zip(picture.frames, animation.durations_ms, kinds.lossless, strict=True):
        canvas = _canvas(frame)
        left, top, right, bottom = _changed(shown, canvas)
        piece = Frame(canvas[top:bottom, left:right, :3], canvas[top:bottom, left:right, 3])
        # One pixel, where nothing changes, is no matter of taste.
        part = _part(piece, lossless=lossless or piece.pixels.size == 3)
        duration = min(round(duration_ms), _MAX_DURATION_MS)
        parts.append(replace(part, left=left, top=top, duration_ms=duration))
        shown = canvas
    loop = 1 if animation.loop is None else min(animation.loop, _MAX_LOOP)
    alpha = any(part.has_alpha for part in parts)
    first = picture.frames[0]
    return webp_chunks.animation(first.width, first.height, parts, loop, profile, alpha=alpha)


def _canvas(frame: Frame) -> Pixels:
    """(H, W, 4) RGBA; what is invisible has one colour."""
    image = image_of(frame)
    if image.mode == "CMYK":
        raise EncodeError
    canvas = np.array(image.convert("RGBA"))
    canvas[canvas[..., 3] == 0] = 0
    return canvas


def _changed(shown: Pixels | None, canvas: Pixels) -> tuple[int, int, int, int]:
    """The rectangle that differs, from an even corner, as the format has it; the first pixel if nothing does."""
    height, width = canvas.shape[:2]
    if shown is None:
        return 0, 0, width, height
    if shown.shape != canvas.shape:
        raise EncodeError
    differs = (shown != canvas).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]) & ~1, int(rows[0]) & ~1, int(columns[-1]) + 1, int(rows[-1]) + 1


def _part(frame: Frame, *, lossless: bool) -> Part:
    """One coded picture, without any container."""
    image = image_of(frame)
    if image.mode == "CMYK":
        raise EncodeError
    if not lossless:
        for method in (_LOSSY_METHOD, *_THRIFTY_METHODS):
            try:
                return _coded(image, lossless=False, quality=_LOSSY_QUALITY, method=method)
            except ValueError as error:
                if _TOO_MANY_MODES not in str(error):
                    raise
    return _coded(image, lossless=True, quality=_LOSSLESS_QUALITY, method=_LOSSLESS_METHOD)


def _coded(image: Image.Image, **settings: int) -> Part:
    output = BytesIO()
    image.save(output, "WEBP", alpha_quality=100, exact=False, exif=b"", icc_profile=b"", xmp=b"", **settings)
    return webp_chunks.read(output.getvalue()).parts[0]
