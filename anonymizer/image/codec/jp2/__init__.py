"""JPEG 2000, as a JP2 file or a bare codestream; written lossless, in boxes of our own (ISO/IEC 15444-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError
from anonymizer.image.codec.depth import spread
from anonymizer.image.codec.isobmff.boxes import boxes
from anonymizer.image.codec.jp2.file import CMYK, SYCC, color_box, file_of, file_of_frame, without_comments
from anonymizer.image.codec.jp2.header import CODESTREAM, Header, boxed_header, codestream_header, top_boxes
from anonymizer.image.codec.pixels import check_size, image_of, only_frame, samples_of, upright_frame
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Frame, Picture, Samples


@dataclass(frozen=True, slots=True)
class Settings:
    """What of a source's headers goes into the output: whether it has boxes around its codestream."""

    boxed: bool = True


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a JPEG 2000 picture; 9 to 16 bit become 16, fewer than 8 become 8. See `anonymizer.image.codec.decode`."""
    boxed = not data.startswith(CODESTREAM)
    header = boxed_header(data) if boxed else codestream_header(data, 0)
    check_size(*header.size, config)
    image = Jpeg2KImageFile(BytesIO(data))
    check_size(image.width, image.height, config)
    pixels, alpha = _deep(data, image, header) if max(header.depths) > 8 else _plain(image, header)
    upright = upright_frame(pixels, alpha, header.profile, orientation=1)
    converted = upright.converted or header.space == SYCC or header.subsampled
    return Picture("jp2", (upright.frame,), profile=upright.profile, converted=converted, encoder=Settings(boxed))


def encode(picture: Picture) -> Encoded:
    """Writes all samples as they are: reversible transforms, one tile, one layer.

    Raises:
        EncodeError: CMYK with alpha or with more than 8 bit.
    """
    frame = only_frame(picture)
    settings = picture.encoder if isinstance(picture.encoder, Settings) else Settings()
    codestream = without_comments(_written(frame))
    profile = None if picture.profile is None else PROFILES[picture.profile]
    # A bare codestream cannot tell about colours: more than gray and sRGB needs boxes.
    plain = profile is None and frame.alpha is None and (frame.pixels.ndim == 2 or frame.pixels.shape[2] == 3)
    data = codestream if plain and not settings.boxed else file_of_frame(frame, profile, codestream)
    return Encoded(data, "jp2", "reencoded" if picture.converted else "exact")


def _plain(image: Image.Image, header: Header) -> tuple[Samples, Samples | None]:
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


def _deep(data: bytes, image: Image.Image, header: Header) -> tuple[Samples, Samples | None]:
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
    if (1 if stored.ndim == 2 else stored.shape[2]) != len(header.depths) or header.space == CMYK:
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


def _gray_and_alpha(data: bytes, image: Image.Image, header: Header) -> Iterator[Samples]:
    """Two channels, each (H, W) as stored.

    Of gray with alpha OpenCV gives the gray alone, and Pillow 8 bit that wrap around to 0 at their lightest. Which
    channel is the gray a box says (I.5.3.6): once as the source does, once the other way round.
    """
    at = 0 if data.startswith(CODESTREAM) else top_boxes(data)[b"jp2c"].start
    for gray in (header.gray_channel, 1 - header.gray_channel):
        roles = [(gray, 0, 1), (1 - gray, 1, 0)]
        file = file_of(header.size[::-1], header.depths[0], color_box(1, None), roles, data[at:])
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
