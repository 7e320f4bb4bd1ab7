"""HEIF with HEVC (HEIC): read only. What is published instead is a JPEG, or a PNG where a JPEG could not hold it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, UnsupportedFormat
from anonymizer.image.codec import jpeg, png
from anonymizer.image.codec.color import from_cicp, hdr_of
from anonymizer.image.codec.depth import spread
from anonymizer.image.codec.isobmff.boxes import descend, primary_item, whole
from anonymizer.image.codec.isobmff.lean import still
from anonymizer.image.codec.isobmff.turns import shown
from anonymizer.image.codec.pixels import check_size, only_frame, upright_frame
from anonymizer.image.profiles import PROFILES
from anonymizer.records import CodePoints, Encoded, Picture, Samples

_BRAND = b"heic"


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads the primary picture; 10 and 12 bit become 16. See `anonymizer.image.codec.decode`.

    Rotation, mirroring and the clean aperture are the container's, in its order; EXIF has no say (ISO/IEC 23008-12,
    annex A.2). Thumbnails, depth maps, gain maps and further pictures are not read.

    Raises:
        UnsupportedFormat: A sequence without a still picture, or the reader is not installed.
        DecodeError: The primary picture cannot be read, whatever other pictures the file holds.
    """
    try:
        import pi_heif
    except ImportError:
        raise UnsupportedFormat from None
    meta = descend(data, whole(data), b"meta")
    if meta is None or primary_item(data, meta) is None:
        raise UnsupportedFormat
    # Otherwise opening decodes what is beside the picture.
    pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = pi_heif.options.THUMBNAILS = False
    pi_heif.options.DECODE_THREADS = 1
    source = still(data, meta, _BRAND)
    file = pi_heif.open_heif(source.data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    image = file[file.primary_index]
    # Where the primary picture cannot be read, that index is another's: nobody asked for that one.
    if not image.info.get("primary"):
        raise DecodeError
    check_size(image.size[0], image.size[1], config)
    samples = np.array(image)
    if samples.dtype != np.uint8:
        samples = spread(samples, int(image.info["bit_depth"]))
    check_size(samples.shape[1], samples.shape[0], config)
    pixels, alpha = _layout(samples, image.mode)
    pixels, alpha = shown(pixels, source.steps), None if alpha is None else shown(alpha, source.steps)
    profile, hdr = _colors(image.info)
    upright = upright_frame(pixels, alpha, profile, 1, hdr=hdr)
    return Picture("heif", (upright.frame,), profile=upright.profile, converted=upright.converted)


def encode(picture: Picture) -> Encoded:
    """Writes a JPEG; with alpha, more than 8 bit or HDR a PNG: there is no encoder of HEVC that could be shipped."""
    frame = only_frame(picture)
    if frame.alpha is None and frame.hdr is None and frame.pixels.dtype == np.uint8:
        encoded = jpeg.encode(replace(picture, format="jpeg", encoder=None))
    else:
        encoded = png.encode(replace(picture, format="png", encoder=None))
    return replace(encoded, encoding="reencoded")


def _layout(samples: Samples, mode: str) -> tuple[Samples, Samples | None]:
    """Pixels and straight alpha of what the decoder gives.

    Args:
        samples: (H, W) or (H, W, C).
        mode: pi_heif's: `L`, `RGB`, `RGBA` or `RGBa` (premultiplied), with `;10`, `;12` or `;16` where they are more.
    """
    kind = mode.partition(";")[0]
    if kind in ("L", "RGB") or samples.ndim == 2:
        return samples, None
    if kind not in ("LA", "La", "RGBA", "RGBa"):
        raise DecodeError
    pixels, alpha = samples[..., :-1], samples[..., -1]
    if kind.endswith("a"):
        greatest = int(np.iinfo(samples.dtype).max)
        visible = np.maximum(alpha, 1).astype(np.uint64)[..., None]
        pixels = np.minimum((pixels.astype(np.uint64) * greatest + visible // 2) // visible, greatest)
        pixels = pixels.astype(samples.dtype)
    return pixels[..., 0] if kind[0] == "L" else pixels, alpha


def _colors(info: dict[str, Any]) -> tuple[bytes | None, CodePoints | None]:
    """The ICC profile of the source, or the public one for its code points; or what its HDR samples mean."""
    profile = info.get("icc_profile")
    if profile:
        return bytes(profile), None
    told = info.get("nclx_profile") or {}
    points = int(told.get("color_primaries", 0)), int(told.get("transfer_characteristics", 0))
    return PROFILES.get(from_cicp(*points) or ""), hdr_of(*points)
