"""PNG and animated PNG: 1 to 16 bit, gray, colours, palettes and alpha, all frames."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError
from anonymizer.image.codec.orientation import read_orientation
from anonymizer.image.codec.pixels import check_size, upright_frame
from anonymizer.image.codec.png.chunks import (
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    SIGNATURE,
    Chunk,
    Header,
    chunk,
    read_chunks,
    read_header,
)
from anonymizer.image.codec.png.color import hdr_points, points_payload, profile_of
from anonymizer.image.codec.png.film import KEEP, Control, Film, changed_boxes, composed, read_film
from anonymizer.image.codec.png.read import read_picture
from anonymizer.image.codec.png.write import Laid, laid_out, palette_chunks, stream_of
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Encoded, Picture

_PROFILE_NAME = b"ICC profile"
"""The name that iCCP has to have; the same in every file."""

_MAX_DELAY = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Source:
    """What a file's headers ask of the one that is written for it.

    Attributes:
        color_type: As in IHDR.
        depth: As in IHDR.
        delays: Of each frame of an animation: numerator and denominator, in seconds.
    """

    color_type: int
    depth: int
    delays: tuple[tuple[int, int], ...] = ()


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a PNG with all frames of its animation. See `anonymizer.image.codec.decode`."""
    header, others, chunks = _parts(data)
    check_size(header.width, header.height, config)
    film = read_film(header, chunks)
    if film is None:
        stored = [read_picture(header, others, [payload for name, payload in chunks if name == b"IDAT"])]
    else:
        check_size(header.width, header.height, config, len(film.frames))
        stored = composed(header, others, film)
    profile = profile_of(others, gray=header.color_type in (GRAY, GRAY_ALPHA))
    orientation = read_orientation(bytes(others[b"eXIf"]) if b"eXIf" in others else None)
    hdr = hdr_points(others)
    upright = [upright_frame(picture.pixels, picture.alpha, profile, orientation, hdr=hdr) for picture in stored]
    moving = film if film is not None and len(film.frames) > 1 else None
    return Picture(
        format="png",
        frames=tuple(one.frame for one in upright),
        profile=upright[0].profile,
        converted=upright[0].converted or (hdr is not None and bytes(others[b"cICP"]) != points_payload(hdr)),
        animation=_animation(moving) if moving else None,
        encoder=Source(header.color_type, header.depth, _delays(moving) if moving else ()),
    )


def encode(picture: Picture) -> Encoded:
    """Writes the smallest lossless layout, not interlaced.

    Its chunks: IHDR, cICP (HDR) or iCCP, PLTE, tRNS, acTL, fcTL, IDAT, fdAT and IEND.

    Colours and their depth stay; a palette stays one where 256 entries do, without those that nothing uses. An
    animation keeps the frames with their timing and disposal; of each one the rectangle that changes is written.
    """
    if not picture.frames:
        raise EncodeError
    parts = _parts_of(picture)
    return Encoded(b"".join(parts), "png", "reencoded" if picture.converted else "exact")


def _parts_of(picture: Picture) -> list[bytes]:
    """The file in pieces: what it was laid out in is gone before they are joined."""
    source = picture.encoder if isinstance(picture.encoder, Source) else None
    laid = laid_out(picture.frames, source.color_type if source else None, source.depth if source else None)
    height, width = laid.samples[0].shape[:2]
    parts = [SIGNATURE, chunk(b"IHDR", Header(width, height, laid.depth, laid.color_type, False).payload)]
    hdr = picture.frames[0].hdr
    if hdr is not None:
        parts.append(chunk(b"cICP", points_payload(hdr)))
    elif picture.profile is not None:
        parts.append(_profile_chunk(PROFILES[picture.profile], gray=laid.color_type in (GRAY, GRAY_ALPHA)))
    if laid.palette is not None:
        parts += palette_chunks(laid.palette)
    if len(picture.frames) > 1:
        parts += _film_chunks(laid, picture.animation, source)
    else:
        parts += [chunk(b"IDAT", piece) for piece in stream_of(laid.samples[0], laid.color_type, laid.depth)]
    parts.append(chunk(b"IEND"))
    return parts


def _parts(data: bytes) -> tuple[Header, dict[bytes, memoryview], list[Chunk]]:
    """The header, the first chunk of each other name, and all chunks in their order.

    Raises:
        DecodeError: No header, more than one, or a palette behind the pixels.
    """
    chunks = list(read_chunks(data))
    names = [name for name, _ in chunks]
    if names[0] != b"IHDR" or names.count(b"IHDR") > 1 or b"IDAT" not in names:
        raise DecodeError
    header = read_header(chunks[0].payload)
    others: dict[bytes, memoryview] = {}
    for name, payload in chunks:
        others.setdefault(name, payload)
    if header.color_type == PALETTE and names.index(b"PLTE") > names.index(b"IDAT"):
        raise DecodeError
    return header, others, chunks


def _animation(film: Film) -> Animation:
    controls = [control for control, _ in film.frames]
    return Animation(
        durations_ms=tuple(1000 * control.delay[0] / control.delay[1] for control in controls),
        loop=film.plays,
        disposals=tuple(control.disposal for control in controls),
    )


def _delays(film: Film) -> tuple[tuple[int, int], ...]:
    return tuple(control.delay for control, _ in film.frames)


def _profile_chunk(profile: bytes, *, gray: bool) -> bytes:
    """The chunk iCCP.

    Raises:
        EncodeError: The profile is for other colours than the picture has.
    """
    if profile[16:20] != (b"GRAY" if gray else b"RGB "):
        raise EncodeError
    return chunk(b"iCCP", _PROFILE_NAME, b"\0\0", zlib.compress(profile, 9))


def _film_chunks(laid: Laid, animation: Animation | None, source: Source | None) -> Iterator[bytes]:
    """acTL, then each frame's fcTL with IDAT (the first) or fdAT.

    Raises:
        EncodeError: Nothing says how long the frames are shown.
    """
    count = len(laid.samples)
    if animation is None or len(animation.durations_ms) != count:
        raise EncodeError
    delays, disposals = _timing(animation, source)
    boxes = changed_boxes(laid.samples, disposals, can_clear=laid.can_hide)
    yield chunk(b"acTL", struct.pack(">II", count, 1 if animation.loop is None else animation.loop))
    number = 0
    for samples, box, delay, disposal in zip(laid.samples, boxes, delays, disposals, strict=True):
        first = number == 0
        yield chunk(b"fcTL", Control(box, delay, disposal, over=False).payload(number))
        number += 1
        for piece in stream_of(samples[box.slices], laid.color_type, laid.depth):
            if first:
                yield chunk(b"IDAT", piece)
            else:
                yield chunk(b"fdAT", struct.pack(">I", number), piece)
                number += 1


def _timing(animation: Animation, source: Source | None) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Delays and disposals as the source had them; frames of another format are timed in milliseconds and stay."""
    if source is not None:
        return source.delays, animation.disposals
    delays = tuple((min(round(duration), _MAX_DELAY), 1000) for duration in animation.durations_ms)
    return delays, (KEEP,) * len(delays)
