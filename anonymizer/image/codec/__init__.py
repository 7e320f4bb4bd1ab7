"""Bytes to upright frames and back. One file per format family; everything written is made from pixels alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL.Image import DecompressionBombError

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, ObjectError
from anonymizer.image.codec import bmp, camera_preview, gif, jp2, jpeg, jxl, png, tiff, webp
from anonymizer.image.codec.isobmff import avif, heif
from anonymizer.image.codec.jpeg import Reduction, WholeNeeded
from anonymizer.image.codec.sniff import sniff
from anonymizer.records import Encoded, Picture

__all__ = [
    "CODECS",
    "MEDIA_TYPES",
    "OUTPUT_REVISION",
    "READ_REVISION",
    "Codec",
    "Reduction",
    "WholeNeeded",
    "decode",
    "encode",
    "sniff",
]

OUTPUT_REVISION = 9
"""Raised by hand whenever the bytes that `encode` writes for a picture, or the pixels `decode` reads, change.

So it is when more is read than before: what failed for good is tried again only if its file, its consent or the
settings change, of which this number is one.
"""

READ_REVISION = 1
"""Raised by hand whenever readers learn to tell more of the files that are not published.

It does not touch what is published: the next run looks again at the rows that failed or were skipped, at no other.
"""


@dataclass(frozen=True, slots=True)
class Codec:
    """One format family: how it is read and written, and the media type that a store is told.

    Attributes:
        decode_reduced: Reads a smaller picture where that suffices to write it; None = the format has no such.
    """

    decode: Callable[[bytes, CodecConfig], Picture]
    encode: Callable[[Picture], Encoded]
    media_type: str
    decode_reduced: Callable[[bytes, CodecConfig, Reduction], Picture] | None = None


CODECS: dict[str, Codec] = {
    "jpeg": Codec(jpeg.decode, jpeg.encode, "image/jpeg", jpeg.decode),
    "png": Codec(png.decode, png.encode, "image/png"),
    "webp": Codec(webp.decode, webp.encode, "image/webp"),
    "bmp": Codec(bmp.decode, bmp.encode, "image/bmp"),
    "gif": Codec(gif.decode, gif.encode, "image/gif"),
    "tiff": Codec(tiff.decode, tiff.encode, "image/tiff"),
    "heif": Codec(heif.decode, heif.encode, "image/heif"),
    "avif": Codec(avif.decode, avif.encode, "image/avif"),
    "jp2": Codec(jp2.decode, jp2.encode, "image/jp2"),
    "jxl": Codec(jxl.decode, jxl.encode, "image/jxl"),
    "raw": Codec(camera_preview.decode, camera_preview.encode, "image/raw"),
}

MEDIA_TYPES: dict[str, str] = {name: codec.media_type for name, codec in CODECS.items()}


def decode(data: bytes, config: CodecConfig, reduction: Reduction | None = None) -> Picture:
    """Reads a picture; the content decides about its format, never a name.

    Args:
        data: The whole file.
        config: Limits, checked on the headers before anything is decoded.
        reduction: How many times smaller a picture may be read that is written from the source's coefficients (JPEG):
            its frame is then `partial`. None = whole pictures only.

    Returns:
        Upright frames; see `Picture`.

    Raises:
        NotAnImage: The content is no picture.
        UnsupportedFormat: A picture of another format.
        ArchiveUnread, TableUnread, VideoUnread, DocumentUnread: No picture, but it may hold some.
        ImageTooLarge: More bytes or pixels than the limits allow.
        DecodeError: Damaged or cut short.
    """
    if len(data) > config.max_bytes:
        raise ImageTooLarge
    as_preview = config.raw == "preview" and camera_preview.is_preview_source(data)
    codec = CODECS["raw" if as_preview else sniff(data)]
    try:
        if reduction is not None and codec.decode_reduced is not None:
            return codec.decode_reduced(data, config, reduction)
        return codec.decode(data, config)
    except ObjectError:
        raise
    except (MemoryError, DecompressionBombError):
        raise ImageTooLarge from None
    except Exception:  # noqa: BLE001 - hostile bytes make Pillow raise about any type; its texts quote the file
        raise DecodeError from None


def encode(picture: Picture) -> Encoded:
    """Writes a picture, in its own format where that can be written cleanly, from samples and a fixed structure only.

    Args:
        picture: It is not changed.

    Returns:
        A complete file: no comment, profile, text, date, thumbnail or trailing byte.

    Raises:
        WholeNeeded: A partial frame was not enough; decode the whole picture and try again.
        EncodeError: The format cannot hold this picture, or the encoder gave up.
    """
    try:
        return CODECS[picture.format].encode(picture)
    except (ObjectError, WholeNeeded):
        raise
    except Exception:  # noqa: BLE001 - whatever went wrong, there is no output
        raise EncodeError from None
