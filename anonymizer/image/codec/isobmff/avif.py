"""AVIF, still pictures and sequences, 8, 10 and 12 bit; always written anew, by a quality of our own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np
from PIL.AvifImagePlugin import AvifImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError
from anonymizer.image.codec.color import PRIMARIES, hdr_of
from anonymizer.image.codec.depth import narrowed, spread
from anonymizer.image.codec.isobmff.av1 import code_points
from anonymizer.image.codec.isobmff.avif_file import Coded, Film, depth_of, file_of, streams
from anonymizer.image.codec.isobmff.boxes import Box, Track, descend, item_properties, primary_item, tracks, whole
from anonymizer.image.codec.isobmff.lean import Lean, film, still
from anonymizer.image.codec.isobmff.turns import in_order, shown
from anonymizer.image.codec.pixels import check_size, image_of, samples_of, upright_frame
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Encoded, Frame, Picture, Samples

_QUALITY = 85
_SPEED = 8
_SRGB = (1, 13)

# Transfers that a picture may keep (ITU-T H.273, table 3): public, and shown by browsers.
_TRANSFERS = frozenset((1, 4, 5, 6, 8, 13, 14, 15, 16, 18))

_SUBSAMPLINGS = {0b00: "4:4:4", 0b10: "4:2:2", 0b11: "4:2:0"}
_DEFAULT_TIMESCALE = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """What of a source's headers goes into the output.

    Attributes:
        depth: 8, 10 or 12 bit.
        subsampling: Of the chroma, as Pillow names it.
        points: Colour primaries and transfer.
        timescale: Ticks in a second.
    """

    depth: int = 8
    subsampling: str = "4:2:0"
    points: tuple[int, int] = _SRGB
    timescale: int = _DEFAULT_TIMESCALE


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads the primary picture, or all frames of a sequence; 10 and 12 bit become 16. See `codec.decode`.

    Clean aperture, rotation and mirroring are those of the container, in the order of MIAF; EXIF has no say.

    Raises:
        DecodeError: There is neither a primary picture nor a track, or they cannot be read.
    """
    source = _lean(data)
    steps = in_order(source.steps)
    image = AvifImageFile(BytesIO(source.data))
    check_size(image.width, image.height, config, image.n_frames)
    settings, track = _settings(source)
    stored = _deep_frames(source.data, image, settings) if settings.depth > 8 else _plain_frames(image)
    profile = image.info.get("icc_profile")
    hdr = None if profile else hdr_of(*settings.points)
    uprights = [
        upright_frame(shown(pixels, steps), None if alpha is None else shown(alpha, steps), profile, 1, hdr=hdr)
        for pixels, alpha in stored
    ]
    if len({(u.frame.pixels.shape, u.frame.alpha is None) for u in uprights}) != 1:
        raise DecodeError
    if profile:
        settings = replace(settings, points=_SRGB)
    return Picture(
        "avif",
        tuple(upright.frame for upright in uprights),
        profile=uprights[0].profile,
        converted=uprights[0].converted,
        animation=_animation(image, track),
        encoder=settings,
    )


def encode(picture: Picture) -> Encoded:
    """Writes AV1 in a container of our own, in the depth of the source; a sequence with its timing.

    Raises:
        EncodeError: There is no frame, or frames differ in size, layout or depth.
    """
    settings = picture.encoder if isinstance(picture.encoder, Settings) else Settings()
    if len({(frame.pixels.shape, frame.pixels.dtype, frame.alpha is None) for frame in picture.frames}) != 1:
        raise EncodeError
    deep = picture.frames[0].pixels.dtype == np.uint16
    written = _deep_file(picture.frames, settings) if deep else _plain_file(picture.frames, settings)
    color, alpha, matrix = streams(written)
    profile = None if picture.profile is None else PROFILES[picture.profile]
    size = picture.frames[0].width, picture.frames[0].height
    film = _film(picture, settings.timescale) if len(picture.frames) > 1 else None
    if len(color.samples) != len(picture.frames) or (alpha is not None and len(alpha.samples) != len(color.samples)):
        raise EncodeError
    return Encoded(file_of(Coded(size, color, alpha, settings.points, matrix, profile, film)), "avif", "reencoded")


def _lean(data: bytes) -> Lean:
    """What decoders are given: tracks or the picture, as the major brand says, else tracks where there are some."""
    moov, meta = descend(data, whole(data), b"moov"), descend(data, whole(data), b"meta")
    brand = data[8:12]
    if moov is not None and brand != b"avif" and (brand == b"avis" or any(tracks(data))):
        return film(data, moov)
    if meta is None:
        raise DecodeError
    return still(data, meta, b"avif")


def _plain_frames(image: AvifImageFile) -> Iterator[tuple[Samples, Samples | None]]:
    """Pixels and alpha of each frame."""
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        yield samples_of(image)


def _deep_frames(data: bytes, image: AvifImageFile, settings: Settings) -> Iterator[tuple[Samples, Samples | None]]:
    """The frames as OpenCV reads them (BGR, values of the source's depth), as pixels and alpha of 16 bit."""
    known, found = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if not known or len(found) != image.n_frames:
        raise DecodeError
    for stored in found:
        if stored.dtype != np.uint16 or stored.shape[:2] != (image.height, image.width):
            raise DecodeError
        samples = spread(stored, settings.depth)
        pixels = samples if samples.ndim == 2 else samples[..., 2::-1]
        yield pixels, samples[..., 3] if samples.ndim == 3 and samples.shape[2] == 4 else None


def _plain_file(frames: tuple[Frame, ...], settings: Settings) -> bytes:
    first, *others = [image_of(frame) for frame in frames]
    output = BytesIO()
    first.save(
        output,
        "AVIF",
        quality=_QUALITY,
        speed=_SPEED,
        subsampling="4:0:0" if first.mode == "L" else settings.subsampling,
        codec="aom",
        max_threads=1,
        icc_profile=b"",
        exif=b"",
        xmp=b"",
        **({"save_all": True, "append_images": others} if others else {}),
    )
    return output.getvalue()


def _deep_file(frames: tuple[Frame, ...], settings: Settings) -> bytes:
    depth = settings.depth if settings.depth > 8 else 12
    stored = []
    for frame in frames:
        pixels = narrowed(frame.pixels, depth)
        color = pixels if pixels.ndim == 2 else pixels[..., ::-1]
        if frame.alpha is not None:
            color = color if color.ndim == 3 else np.dstack([color] * 3)
            color = np.dstack((color, narrowed(frame.alpha, depth)))
        stored.append(np.ascontiguousarray(color))
    wishes = [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, _QUALITY, cv2.IMWRITE_AVIF_SPEED, _SPEED]
    done, output = cv2.imencodemulti(".avif", stored, wishes)
    if not done:
        raise EncodeError
    return output.tobytes()


def _settings(source: Lean) -> tuple[Settings, Track | None]:
    """Depth, subsampling and colours of what is shown: a track of pictures, or the primary item."""
    data = source.data
    track = next((track for track in tracks(data) if not track.auxiliary), None)
    meta = descend(data, whole(data), b"meta")
    if track is not None:
        config = descend(data, track.entry, b"av1C")
        properties = [box for box in (config, descend(data, track.entry, b"colr")) if box is not None]
    elif meta is not None:
        item = primary_item(data, meta)
        properties = item_properties(data, meta, item) if item is not None else []
        config = next((box for box in properties if box.name == b"av1C"), None)
        # A grid has no settings of its own; its tiles have, all the same ones.
        config = config or descend(data, meta, b"iprp", b"ipco", b"av1C")
    else:
        properties, config = [], None
    if config is None or config.end - config.start < 4:
        raise DecodeError
    setup = data[config.start : config.start + 4]
    depth = max(depth_of(setup), *(_announced_depth(data, box) for box in properties), 8)
    subsampling = _SUBSAMPLINGS.get(setup[2] >> 2 & 3, "4:2:0")
    timescale = track.timescale if track is not None and track.timescale else _DEFAULT_TIMESCALE
    return Settings(min(depth, 12), subsampling, _points(source, properties), timescale), track


def _announced_depth(data: bytes, box: Box) -> int:
    """Bits of the first channel as `pixi` tells them; 0 for any other property."""
    return data[box.start + 5] if box.name == b"pixi" and box.end - box.start > 5 else 0


def _points(source: Lean, properties: list[Box]) -> tuple[int, int]:
    """Of the container's code points, or where it has none of the bitstream's, those that a picture may keep."""
    told = next((box for box in properties if box.name == b"colr" and source.data.startswith(b"nclx", box.start)), None)
    points = struct.unpack_from(">HH", source.data, told.start + 4) if told is not None else code_points(source.opening)
    primaries, transfer = points or _SRGB
    hdr = hdr_of(primaries, transfer)
    if hdr is not None:
        return hdr.primaries, hdr.transfer
    return (primaries, transfer) if primaries in PRIMARIES and transfer in _TRANSFERS else _SRGB


def _animation(image: AvifImageFile, track: Track | None) -> Animation | None:
    if image.n_frames == 1:
        return None
    ticks = track.durations[: image.n_frames] if track is not None and track.timescale else ()
    if track is None or len(ticks) != image.n_frames:
        return Animation((1000.0,) * image.n_frames, 0)
    return Animation(tuple(1000 * tick / track.timescale for tick in ticks), track.loop)


def _film(picture: Picture, timescale: int) -> Film:
    animation = picture.animation or Animation((100.0,) * len(picture.frames), 0)
    ticks = tuple(max(1, round(duration * timescale / 1000)) for duration in animation.durations_ms)
    if len(ticks) != len(picture.frames) or max(ticks) >= 2**32:
        raise EncodeError
    return Film(timescale, ticks, 1 if animation.loop is None else animation.loop)
