"""How each of the other decoders is asked for the frames of a file."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from infra.proof.formats.seen import Seen

LIMIT_S = 60
"""For a command that is started."""


class Unread(Exception):
    """The decoder does not read this file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a decoder is asked for.

    Attributes:
        data: The file.
        format: As `codec.sniff` names it; "" where it knows none.
        bits: Of a sample, for decoders that give samples as they are stored; 0 = unknown.
        srgb: The colours are to be converted to sRGB by the file's profile, as we did it.
    """

    data: bytes
    format: str
    bits: int = 0
    srgb: bool = False


def by_pillow(asked: Asked) -> list[Seen]:
    """JPEG with further pictures behind the first has one frame."""
    with Image.open(BytesIO(asked.data)) as image:
        found = []
        # The default image of an APNG is no frame of its film.
        first = 1 if image.info.get("default_image") else 0
        for number in range(first, 1 if asked.format == "jpeg" else getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(_of_pillow(ImageOps.exif_transpose(image), asked))
        return found


def _of_pillow(image: Image.Image, asked: Asked) -> Seen:
    profile = image.info.get("icc_profile")
    if image.mode in ("P", "PA") or "transparency" in image.info:
        transparent = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if asked.srgb and profile:
        image = _to_srgb(image, profile)
    deep = image.mode.startswith("I")
    samples = np.asarray(image)
    if deep and samples.max() > np.iinfo(np.uint16).max:
        raise Unread(image.mode)
    if not deep and samples.dtype != np.uint8:
        raise Unread(image.mode)
    alpha = image.mode in ("LA", "RGBA")
    return Seen.of_samples(samples, 65535 if deep else 255, alpha=alpha, inks=image.mode == "CMYK")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    made = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if made is None:
        raise Unread("profile")
    return made


def by_opencv(asked: Asked) -> list[Seen]:
    """JPEG upright as its EXIF says; other formats as they are stored."""
    if asked.srgb:
        raise Unread("applies no profile")
    # Any depth, and for JPEG in colours: `IMREAD_UNCHANGED` turns nothing.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH if asked.format == "jpeg" else cv2.IMREAD_UNCHANGED
    done, frames = cv2.imdecodemulti(np.frombuffer(asked.data, np.uint8), flags)
    if not done:
        raise Unread("nothing")
    if asked.format == "jpeg":
        frames = frames[:1]
    return [_of_opencv(frame, asked) for frame in frames]


def _of_opencv(stored: NDArray[Any], asked: Asked) -> Seen:
    if stored.dtype not in (np.uint8, np.uint16):
        raise Unread(str(stored.dtype))
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}
    samples = stored if stored.ndim == 2 else stored[..., order[stored.shape[2]]]
    greatest = np.iinfo(stored.dtype).max
    # OpenCV gives deep AVIF in its own depth.
    if asked.format == "avif" and stored.dtype == np.uint16:
        greatest = _greatest(asked.bits)
    return Seen.of_samples(samples, greatest, alpha=samples.ndim == 3 and samples.shape[2] == 4)


def _greatest(bits: int) -> int:
    if not bits:
        raise Unread("of how many bits a sample is, is not known")
    return int(2**bits - 1)


def by_tifffile(asked: Asked) -> list[Seen]:
    """Samples as stored; what has to be turned or made of YCbCr is not read."""
    if asked.format != "tiff" or asked.srgb:
        raise Unread("TIFF only, without profiles")
    tifffile = importlib.import_module("tifffile")
    with tifffile.TiffFile(BytesIO(asked.data)) as file:
        return [_of_page(page) for page in file.pages if page.subfiletype != 1]


def _of_page(page: Any) -> Seen:
    kind = page.photometric.name
    turned = page.tags.get(274)
    if turned is not None and turned.value != 1:
        raise Unread("turns nothing")
    samples = np.asarray(page.asarray())
    if page.planarconfig.name == "SEPARATE" and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    alpha = len(page.extrasamples) == 1 and page.extrasamples[0].name == "UNASSALPHA"
    if (page.extrasamples and not alpha) or samples.dtype.kind not in "ub":
        raise Unread(f"{kind} {samples.dtype}")
    greatest = 2**page.bitspersample - 1
    if kind == "PALETTE":
        return Seen.of_samples(page.colormap.T[samples] >> 8, 255)
    if kind == "MINISWHITE":
        return Seen.of_samples(greatest - samples.astype(np.int64), greatest)
    if kind not in ("MINISBLACK", "RGB", "SEPARATED"):
        raise Unread(kind)
    return Seen.of_samples(samples, greatest, alpha=alpha, inks=kind == "SEPARATED")


def by_pi_heif(asked: Asked) -> list[Seen]:
    """The primary picture of HEIC."""
    if asked.format != "heif" or asked.srgb:
        raise Unread("HEIC only, without profiles")
    pi_heif = importlib.import_module("pi_heif")
    file = pi_heif.open_heif(BytesIO(asked.data), convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    samples = np.asarray(image)
    unused = 16 - int(image.info["bit_depth"])
    greatest = 255 if samples.dtype == np.uint8 else 65535 >> unused << unused
    return [Seen.of_samples(samples, greatest, alpha=image.mode.startswith(("RGBA", "LA")))]


_OF_IMAGECODECS = {
    "jpeg": "jpeg8", "jp2": "jpeg2k", "png": "apng", "webp": "webp", "avif": "avif", "jxl": "jpegxl",
}  # fmt: skip


def by_imagecodecs(asked: Asked) -> list[Seen]:
    """Samples as stored, of what nothing in the lock reads in its full depth."""
    name = _OF_IMAGECODECS.get(asked.format)
    if name is None or asked.srgb:
        raise Unread("format")
    decode = getattr(importlib.import_module("imagecodecs"), f"{name}_decode")
    samples = np.asarray(decode(asked.data))
    film = samples.ndim == 4
    greatest = 255 if samples.dtype == np.uint8 else _greatest(asked.bits)
    inks = asked.format == "jpeg" and samples.ndim == 3 and samples.shape[2] == 4
    return [
        Seen.of_samples(frame, greatest, alpha=not inks and frame.ndim == 3 and frame.shape[2] in (2, 4), inks=inks)
        for frame in (samples if film else [samples])
    ]


def by_libvips(asked: Asked) -> list[Seen]:
    """Its own loaders, so none for BMP and JPEG 2000."""
    pyvips = importlib.import_module("pyvips")
    first = pyvips.Image.new_from_buffer(asked.data, "")
    count = 1 if asked.format in ("jpeg", "heif") or not first.get_typeof("n-pages") else first.get("n-pages")
    if count == 1:
        return [_of_libvips(first, asked)]
    return [_of_libvips(pyvips.Image.new_from_buffer(asked.data, "", page=page), asked) for page in range(count)]


def _of_libvips(image: Any, asked: Asked) -> Seen:
    image = image.autorot()
    if asked.srgb and image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, intent="relative", black_point_compensation=True)
    if image.format not in ("uchar", "ushort"):
        raise Unread(image.format)
    samples = image.numpy()
    inks = image.interpretation == "cmyk"
    return Seen.of_samples(samples, 255 if image.format == "uchar" else 65535, alpha=image.hasalpha(), inks=inks)


MAGICK = shutil.which("magick") or shutil.which("convert")
"""Where its command lies."""

_MAGICK_NAMES = {
    "jpeg": "jpeg", "png": "png", "webp": "webp", "gif": "gif", "tiff": "tiff", "bmp": "bmp", "heif": "heic",
    "avif": "avif", "jp2": "jp2",
}  # fmt: skip


def by_imagemagick(asked: Asked) -> list[Seen]:
    """What its command line makes of a file of a format that we know; others are not handed to its delegates."""
    if asked.format not in _MAGICK_NAMES or asked.srgb or MAGICK is None:
        raise Unread("format")
    name = "j2k" if asked.data[:2] == b"\xff\x4f" else _MAGICK_NAMES[asked.format]
    source = f"{name}:-" if asked.format in ("gif", "tiff", "webp", "avif") else f"{name}:-[0]"
    steps = ["-coalesce"] if asked.format in ("gif", "webp") else []
    if asked.format in ("heif", "avif"):
        # It holds them as YCbCr, and would write that.
        steps = ["-colorspace", "sRGB"]
    command = [MAGICK, source, "-auto-orient", *steps, "-depth", "16", "pam:-"]
    done = subprocess.run(command, input=asked.data, capture_output=True, check=False, timeout=LIMIT_S)
    if done.returncode:
        raise Unread(done.stderr.decode(errors="replace").partition("\n")[0])
    return list(_pam_frames(done.stdout))


def _pam_frames(data: bytes) -> Iterator[Seen]:
    """Pictures of the Portable Arbitrary Map format, one behind the other."""
    at = 0
    while data.startswith(b"P7\n", at):
        end = data.index(b"ENDHDR\n", at) + 7
        lines = [line.partition(b" ") for line in data[at:end].splitlines()]
        head = {key.decode(): value.decode() for key, _, value in lines}
        height, width, depth, greatest = (int(head[key]) for key in ("HEIGHT", "WIDTH", "DEPTH", "MAXVAL"))
        kind = np.dtype(np.uint8 if greatest < 256 else ">u2")
        samples = np.frombuffer(data, kind, height * width * depth, end).reshape(height, width, depth)
        at = end + samples.nbytes
        form = head["TUPLTYPE"]
        yield Seen.of_samples(samples, greatest, alpha=form.endswith("_ALPHA"), inks=form.startswith("CMYK"))
