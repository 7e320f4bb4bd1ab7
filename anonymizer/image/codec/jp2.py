"""JPEG 2000, as a JP2 file or a bare codestream; written lossless, in boxes of our own (ISO/IEC 15444-1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError
from anonymizer.image.codec.depth import spread
from anonymizer.image.codec.isobmff.boxes import Box, boxes
from anonymizer.image.codec.pixels import check_size, image_of, only_frame, samples_of, upright_frame
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Frame, Picture, Samples

_CODESTREAM = b"\xff\x4f\xff\x51"
_COMMENT, _START_OF_TILE = 0xFF64, 0xFF90
_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_FILE_TYPE = b"jp2 \0\0\0\0jp2 "

# Enumerated colour spaces (I.5.3.3; CMYK and sYCC: ISO/IEC 15444-2, M.11.7.3.1).
_CMYK, _SRGB, _GRAY, _SYCC = 12, 16, 17, 18


@dataclass(frozen=True, slots=True)
class Settings:
    """What of a source's headers goes into the output: whether it has boxes around its codestream."""

    boxed: bool = True


@dataclass(frozen=True, slots=True)
class _Header:
    """What counts of a source's headers.

    Attributes:
        size: Width and height.
        depths: Bits of each component.
        signed: Whether one has samples below 0.
        subsampled: Some components have fewer samples than others.
        space: Enumerated colour space; 0 = none.
        profile: ICC profile or None.
        palette: Samples are indices.
        gray_channel: Of gray with alpha the channel that is the gray.
    """

    size: tuple[int, int]
    depths: tuple[int, ...]
    signed: bool
    subsampled: bool
    space: int = 0
    profile: bytes | None = None
    palette: bool = False
    gray_channel: int = 0


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a JPEG 2000 picture; 9 to 16 bit become 16, fewer than 8 become 8. See `anonymizer.image.codec.decode`."""
    boxed = not data.startswith(_CODESTREAM)
    header = _boxed_header(data) if boxed else _codestream_header(data, 0)
    check_size(*header.size, config)
    image = Jpeg2KImageFile(BytesIO(data))
    check_size(image.width, image.height, config)
    pixels, alpha = _deep(data, image, header) if max(header.depths) > 8 else _plain(image, header)
    upright = upright_frame(pixels, alpha, header.profile, orientation=1)
    converted = upright.converted or header.space == _SYCC or header.subsampled
    return Picture("jp2", (upright.frame,), profile=upright.profile, converted=converted, encoder=Settings(boxed))


def encode(picture: Picture) -> Encoded:
    """Writes all samples as they are: reversible transforms, one tile, one layer.

    Raises:
        EncodeError: CMYK with alpha or with more than 8 bit.
    """
    frame = only_frame(picture)
    settings = picture.encoder if isinstance(picture.encoder, Settings) else Settings()
    codestream = _without_comments(_written(frame))
    profile = None if picture.profile is None else PROFILES[picture.profile]
    # A bare codestream cannot tell about colours: more than gray and sRGB needs boxes.
    plain = profile is None and frame.alpha is None and (frame.pixels.ndim == 2 or frame.pixels.shape[2] == 3)
    data = codestream if plain and not settings.boxed else _boxes(frame, profile, codestream)
    return Encoded(data, "jp2", "reencoded" if picture.converted else "exact")


def _plain(image: Image.Image, header: _Header) -> tuple[Samples, Samples | None]:
    image.load()
    pixels, alpha = samples_of(image)
    depth = header.depths[0]
    if header.palette or depth == 8 or set(header.depths) != {depth}:
        return pixels, alpha
    return _widened(pixels, depth), None if alpha is None else _widened(alpha, depth)


def _widened(samples: Samples, depth: int) -> Samples:
    """Samples of 1 to 7 bit, which Pillow puts into the upper bits, over the whole range of 8."""
    greatest = 2**depth - 1
    wide = (samples >> (8 - depth)).astype(np.uint16) * np.uint16(255)
    return (wide // np.uint16(greatest)).astype(np.uint8)


def _deep(data: bytes, image: Image.Image, header: _Header) -> tuple[Samples, Samples | None]:
    """Pixels and alpha of 16 bit.

    OpenCV gives the samples that are stored. Pillow has them in the upper bits of 16, some depths and boxes at 8 bit;
    it is asked for what OpenCV does not read.
    """
    depth = header.depths[0]
    if header.palette or set(header.depths) != {depth} or not 8 < depth <= 16:
        raise DecodeError
    if header.signed:
        return spread(_signed(image, depth), depth), None
    if len(header.depths) == 2:
        gray, alpha = (spread(stored, depth) for stored in _gray_and_alpha(data, image, header))
        return gray, alpha
    stored = _stored(data, image, cv2.IMREAD_UNCHANGED)
    if (1 if stored.ndim == 2 else stored.shape[2]) != len(header.depths) or header.space == _CMYK:
        raise DecodeError
    samples = spread(stored, depth)
    if samples.ndim == 2:
        return samples, None
    return np.ascontiguousarray(samples[..., 2::-1]), samples[..., 3] if samples.shape[2] == 4 else None


def _stored(data: bytes, image: Image.Image, flags: int) -> Samples:
    """The samples as OpenCV gives them, blue first."""
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if stored is None or stored.dtype != np.uint16 or stored.shape[:2] != (image.height, image.width):
        raise DecodeError
    return np.asarray(stored, np.uint16)


def _gray_and_alpha(data: bytes, image: Image.Image, header: _Header) -> Iterator[Samples]:
    """Two channels, each (H, W) as stored.

    Of gray with alpha OpenCV gives the gray alone, and Pillow 8 bit that wrap around to 0 at their lightest. Which
    channel is the gray a box says (I.5.3.6): once as the source does, once the other way round.
    """
    at = 0 if data.startswith(_CODESTREAM) else _top_boxes(data)[b"jp2c"].start
    for gray in (header.gray_channel, 1 - header.gray_channel):
        roles = [(gray, 0, 1), (1 - gray, 1, 0)]
        file = _file(header.size[::-1], header.depths[0], _color_box(1, None), roles, data[at:])
        yield _stored(file, image, cv2.IMREAD_ANYDEPTH)


def _signed(image: Image.Image, depth: int) -> Samples:
    """(H, W) gray of samples below and above 0, the least of which is black."""
    image.load()
    samples, _ = samples_of(image)
    unused = np.uint16(16 - depth)
    if samples.ndim != 2 or samples.dtype != np.uint16 or (samples & ((1 << unused) - 1)).any():
        raise DecodeError
    return samples >> unused


def _written(frame: Frame) -> bytes:
    """A codestream from one of the encoders, with what it adds."""
    if frame.pixels.dtype == np.uint8:
        return _saved(image_of(frame), multiple=frame.pixels.ndim == 3 and frame.pixels.shape[2] == 3)
    if frame.pixels.ndim == 2 and frame.alpha is None:
        return _saved(Image.fromarray(frame.pixels), multiple=False)
    color = np.dstack([frame.pixels] * 3) if frame.pixels.ndim == 2 else frame.pixels[..., ::-1]
    if color.shape[2] != 3:
        raise EncodeError
    stored = color if frame.alpha is None else np.dstack((color, frame.alpha))
    # 1000 of 1000: nothing is thrown away.
    wishes = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]
    done, output = cv2.imencode(".jp2", np.ascontiguousarray(stored), wishes)
    file = output.tobytes() if done else b""
    found = next((file[box.start : box.end] for box in boxes(file, 0, len(file)) if box.name == b"jp2c"), None)
    if found is None:
        raise EncodeError
    return found


def _saved(image: Image.Image, multiple: bool) -> bytes:
    """A reversible codestream; `multiple`: colours are transformed together."""
    output = BytesIO()
    image.save(output, "JPEG2000", no_jp2=True, irreversible=False, mct=int(multiple))
    return output.getvalue()


def _without_comments(codestream: bytes) -> bytes:
    """The codestream without the encoder's name and version in its main header (A.9.2)."""
    kept = [codestream[:2]]
    for marker, start, end in _segments(codestream, 0):
        if marker == _START_OF_TILE:
            kept.append(codestream[start - 4 :])
        elif marker != _COMMENT:
            kept.append(codestream[start - 4 : end])
    return b"".join(kept)


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end of its payload) of the main header from SOC on, the first tile's marker last.

    Raises:
        DecodeError: It never comes to a tile.
    """
    at += 2
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(data):
            break
        yield marker, at + 4, at + 2 + length
        if marker == _START_OF_TILE:
            return
        at += 2 + length
    raise DecodeError


def _codestream_header(data: bytes, at: int) -> _Header:
    """Size and components as SIZ tells them (A.5.1)."""
    if data[at : at + 4] != _CODESTREAM:
        raise DecodeError
    x_end, y_end, x, y = struct.unpack_from(">4I", data, at + 8)
    (count,) = struct.unpack_from(">H", data, at + 40)
    if not 1 <= count <= 4:
        raise DecodeError
    components = [struct.unpack_from(">BBB", data, at + 42 + 3 * number) for number in range(count)]
    subsampled = any(component[1:] != (1, 1) for component in components)
    depths, signed = (
        tuple((told & 0x7F) + 1 for told, _, _ in components),
        any(told & 0x80 for told, _, _ in components),
    )
    return _Header((x_end - x, y_end - y), depths, signed, subsampled)


def _top_boxes(data: bytes) -> dict[bytes, Box]:
    """The first of each name."""
    return {box.name: box for box in reversed(list(boxes(data, 0, len(data))))}


def _boxed_header(data: bytes) -> _Header:
    """The codestream's header, with what the boxes say about colours; the first such box counts (I.5.3.3)."""
    top = _top_boxes(data)
    if b"jp2h" not in top or b"jp2c" not in top:
        raise DecodeError
    found = _codestream_header(data, top[b"jp2c"].start)
    header = list(boxes(data, top[b"jp2h"].start, top[b"jp2h"].end))
    palette = any(box.name == b"pclr" for box in header)
    space, profile = 0, None
    for box in header:
        if box.name == b"colr":
            method = data[box.start]
            if method == 1:
                (space,) = struct.unpack_from(">I", data, box.start + 3)
            elif method in (2, 3):
                profile = data[box.start + 3 : box.end]
            break
    roles = next((_roles(data[box.start : box.end]) for box in header if box.name == b"cdef"), {})
    return replace(found, space=space, profile=profile, palette=palette, gray_channel=int(roles.get(0, 0) != 0))


def _roles(payload: bytes) -> dict[int, int]:
    """Channel to what it is: 0 = a colour, else opacity or nothing known (I.5.3.6)."""
    (count,) = struct.unpack_from(">H", payload)
    told = (struct.unpack_from(">HHH", payload, 2 + 6 * number) for number in range(min(count, 4)))
    return {channel: role for channel, role, _ in told}


def _boxes(frame: Frame, profile: bytes | None, codestream: bytes) -> bytes:
    """The file of a frame."""
    channels = 1 if frame.pixels.ndim == 2 else frame.pixels.shape[2]
    (count,) = struct.unpack_from(">H", codestream, 40)
    # Gray of 16 bit with alpha has become three equal colours.
    channels = max(channels, count - 1) if frame.alpha is not None else channels
    # Each colour to its channel, the last channel is the opacity of all.
    roles = [(number, 0, number + 1) for number in range(channels)] + [(channels, 1, 0)]
    color = _color_box(channels, profile)
    return _file(
        (frame.height, frame.width), codestream[42] + 1, color, roles if frame.alpha is not None else [], codestream
    )


def _color_box(channels: int, profile: bytes | None) -> bytes:
    space = {1: _GRAY, 3: _SRGB, 4: _CMYK}[channels]
    return _box(b"colr", b"\1\0\0" + struct.pack(">I", space) if profile is None else b"\2\0\0" + profile)


def _file(
    shape: tuple[int, int], depth: int, color: bytes, roles: list[tuple[int, int, int]], codestream: bytes
) -> bytes:
    """Signature, type, header and codestream; nothing about resolution, nothing else.

    Args:
        shape: Height and width.
        depth: Bits of a sample.
        color: The box of colours.
        roles: Of every channel its number, what it is and of which colour (I.5.3.6); none where all are colours.
        codestream: As it is.
    """
    (count,) = struct.unpack_from(">H", codestream, 40)
    parts = [_box(b"ihdr", struct.pack(">IIHBBBB", *shape, count, depth - 1, 7, 0, 0)), color]
    if roles:
        table = b"".join(struct.pack(">HHH", *role) for role in roles)
        parts.append(_box(b"cdef", struct.pack(">H", len(roles)) + table))
    return b"".join((_SIGNATURE, _box(b"ftyp", _FILE_TYPE), _box(b"jp2h", *parts), _box(b"jp2c", codestream)))


def _box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)
