"""Every kind of file that is read, made in code: a scene with patches, in 8 bit, in 16 bit, with alpha, as a film."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.image.metadata.keep.projection import SIGNATURE
from tests.image.codec import avif_items, heic, jxl
from tests.image.codec.coefficients import ARITHMETIC, transformed
from tests.image.codec.deep_jpeg import lossless, twelve_bit
from tests.image.codec.samples import MARKER, encoded, rich_exif, saved, segment, with_chunk, with_riff_chunk
from tests.pictures import scene

Samples = NDArray[Any]

#: Upright boxes of the patches; on the blocks of every JPEG, so that their colour stays what it is.
FACES = ((32, 16, 64, 48), (96, 48, 128, 80))
WIDTH, HEIGHT, FRAMES = 160, 96, 3
#: Upright box of what is shown of a picture that has more, outside its clean aperture or canvas: one of the patches.
SHOWN = (80, 40, 144, 88)
_APERTURE = heic.aperture(64, 48, 32, 16)
_PQ = (9, 16)
GPANO = (
    b"<x:xmpmeta><rdf:Description GPano:ProjectionType='equirectangular' GPano:FullPanoWidthPixels='160' "
    b"GPano:FullPanoHeightPixels='96' GPano:CroppedAreaImageWidthPixels='160' "
    b"GPano:CroppedAreaImageHeightPixels='96' GPano:CroppedAreaLeftPixels='0' GPano:CroppedAreaTopPixels='0'/>"
    b"</x:xmpmeta>"
)
"""What viewers of 360 degree photos read."""


@dataclass(frozen=True)
class Kind:
    """One line of the table.

    Attributes:
        name: As the table calls it.
        write: A file from frames, each (H, W, 3) or, where it can be, (H, W, 4), of 8 or 16 bit.
        soil: The file with metadata that hold `MARKER`.
        moving: It can hold several frames.
        deep: It can hold more than 8 bit.
        alpha: It can hold alpha.
        hdr: The file whose samples are PQ of BT.2020.
        cut: A file from one frame of which a viewer shows `SHOWN` alone.
        gain_map: The file with a gain map beside its picture.
        panorama: The file with a packet of XMP that holds `GPANO`.
    """

    name: str
    write: Callable[[Sequence[Samples]], bytes]
    soil: Callable[[bytes], bytes] = lambda data: data + MARKER
    moving: bool = False
    deep: bool = False
    alpha: bool = False
    hdr: Callable[[bytes], bytes] | None = None
    cut: Callable[[Samples], bytes] | None = None
    gain_map: Callable[[bytes], bytes] | None = None
    panorama: Callable[[bytes], bytes] | None = None


def frames(count: int = 1, faces: Sequence[tuple[int, int, int, int]] = FACES) -> list[Samples]:
    """(96, 160, 3) uint8 each, the patches in the last one alone."""
    found = []
    for number in range(count):
        # Lighter than the patches are in gray, and of so many levels that nobody looks at it stretched.
        pixels = scene(WIDTH, HEIGHT, seed=number).astype(int) * 27 // 32 + 86
        for x1, y1, x2, y2 in faces if number == count - 1 else ():
            pixels[y1:y2, x1:x2] = PATCH_RGB
        found.append(pixels.astype(np.uint8))
    return found


def deep(pixels: Samples) -> Samples:
    """16 bit, in which the lower byte counts: 257 times the upper one, and a ramp where no patch is."""
    wide = pixels.astype(np.uint16) * np.uint16(257)
    wide[:16] = np.linspace(0, 65535, 16 * WIDTH, dtype=np.uint16).reshape(16, WIDTH, 1)
    return wide


def with_alpha(pixels: Samples) -> Samples:
    """(H, W, 4): half transparent in the upper 16 rows."""
    alpha = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    alpha[:16] //= 2
    return np.concatenate([pixels, alpha], axis=2)


def _pillow(format_name: str, mode: str = "", **settings: Any) -> Callable[[Sequence[Samples]], bytes]:
    def write(pictures: Sequence[Samples]) -> bytes:
        images = [Image.fromarray(pixels) for pixels in pictures]
        if mode:
            images = [image.quantize(128) if mode == "P" else image.convert(mode) for image in images]
        output = BytesIO()
        film: dict[str, Any] = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
        if film and format_name != "TIFF":
            film["duration"] = 80
        images[0].save(output, format_name, **settings, **film)
        return output.getvalue()

    return write


def _opencv(extension: str, eight: Callable[[Sequence[Samples]], bytes]) -> Callable[[Sequence[Samples]], bytes]:
    """16 bit by OpenCV, 8 bit by another writer."""

    def write(pictures: Sequence[Samples]) -> bytes:
        if pictures[0].dtype == np.uint8:
            return eight(pictures)
        order = [2, 1, 0, 3][: pictures[0].shape[2]]
        # OpenCV takes the values of AVIF in its own depth.
        pixels = pictures[0] >> 4 if extension == ".avif" else pictures[0]
        wishes = [cv2.IMWRITE_AVIF_DEPTH, 12, cv2.IMWRITE_AVIF_QUALITY, 95] if extension == ".avif" else []
        done, output = cv2.imencode(extension, np.ascontiguousarray(pixels[..., order]), wishes)
        assert done
        return output.tobytes()

    return write


def _gray(pictures: Sequence[Samples]) -> bytes:
    return _pillow("JPEG", "L", quality=95)(pictures)


def _inks(pictures: Sequence[Samples]) -> bytes:
    return _pillow("JPEG", "CMYK", quality=97, subsampling=0)(pictures)


def _arithmetic(pictures: Sequence[Samples]) -> bytes:
    return transformed(_pillow("JPEG", quality=95)(pictures), ARITHMETIC)[0]


def _lossless(pictures: Sequence[Samples]) -> bytes:
    return lossless(pictures[0], 8 * pictures[0].itemsize)


def _twelve_bit(pictures: Sequence[Samples]) -> bytes:
    wide = pictures[0].astype(np.uint16) * np.uint16(257 if pictures[0].dtype == np.uint8 else 1)
    return twelve_bit(wide >> 4, quality=97)


def _bitmap(pictures: Sequence[Samples]) -> bytes:
    """Pillow's files of 32 bit have an alpha that nobody reads."""
    pixels = pictures[0]
    return _pillow("BMP")(pictures) if pixels.shape[2] == 3 else encoded("bmp", pixels[..., :3], pixels[..., 3])


def _multi_picture(pictures: Sequence[Samples]) -> bytes:
    return _pillow("MPO", quality=95)([*pictures, pictures[0][::-1]])


def _heic(pictures: Sequence[Samples]) -> bytes:
    pixels, depth = pictures[0], 8
    if pixels.dtype == np.uint16:
        pixels, depth = pixels >> 6, 10
    items = [heic.picture(pixels[..., :3], depth=depth)]
    if pixels.shape[2] == 4:
        items.append(heic.alpha(pixels[..., 3], 1, depth=depth))
    return heic.heic(*items)


def _pq_png(data: bytes) -> bytes:
    return with_chunk(data, b"cICP", bytes((*_PQ, 0, 1)))


def _pq_boxes(data: bytes) -> bytes:
    plain, told = (b"nclx" + struct.pack(">HH", *points) for points in ((1, 13), _PQ))
    assert plain in data
    return data.replace(plain, told)


def _cut_heic(pixels: Samples) -> bytes:
    return heic.heic(heic.picture(pixels, _APERTURE))


def _cut_avif(pixels: Samples) -> bytes:
    return avif_items.file(avif_items.item(pixels, _APERTURE))


def _cut_film(pixels: Samples) -> bytes:
    return avif_items.film([pixels] * 2, _APERTURE)


def _gain_map_jpeg(data: bytes) -> bytes:
    return data[:2] + segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + MARKER) + data[2:]


def _gain_map_png(data: bytes) -> bytes:
    return with_chunk(data, b"gMAP", MARKER)


def _gain_map_heic(_: bytes) -> bytes:
    sign = heic.box(b"auxC", bytes(4), b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
    return heic.heic(heic.picture(frames()[0]), heic.picture(frames()[0][:48, :80, 0], sign, links=((b"auxl", 1),)))


def _gain_map_avif(_: bytes) -> bytes:
    tone_map = heic.Item(b"tmap", MARKER, links=((b"dimg", 1), (b"dimg", 2)))
    return avif_items.file(avif_items.item(frames()[0]), avif_items.item(frames()[0][::2, ::2]), tone_map)


def _panorama_jpeg(data: bytes) -> bytes:
    return data[:2] + segment(0xE1, SIGNATURE + GPANO) + data[2:]


def _panorama_png(data: bytes) -> bytes:
    return with_chunk(data, b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + GPANO)


def _panorama_webp(data: bytes) -> bytes:
    return with_riff_chunk(data, b"XMP ", GPANO)


def _panorama_tiff(_: bytes) -> bytes:
    return saved(frames()[0], "TIFF", tiffinfo={700: GPANO})


def _panorama_items(picture: Callable[[Samples], heic.Item], brands: bytes) -> Callable[[bytes], bytes]:
    packet = heic.Item(b"mime", GPANO, (), ((b"cdsc", 1),), b"\0application/rdf+xml\0")
    return lambda _: heic.heic(picture(frames()[0]), packet, brands=brands)


def _panorama_jp2(data: bytes) -> bytes:
    return data + heic.box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + GPANO)


def _panorama_jxl(data: bytes) -> bytes:
    return jxl.with_boxes(data, jxl.box(b"xml ", GPANO))


def _pq_jxl(_: bytes) -> bytes:
    return jxl.described(np.asarray(frames()[0], np.uint8), points=_PQ)


def _cut_jxl(pixels: Samples) -> bytes:
    x1, y1, x2, y2 = SHOWN
    return jxl.described(np.asarray(pixels, np.uint8), canvas=(x2 - x1, y2 - y1), at=(-x1, -y1))


def _gain_map_jxl(data: bytes) -> bytes:
    return jxl.with_boxes(data, jxl.box(b"jhgm", MARKER))


def _jxl(pictures: Sequence[Samples]) -> bytes:
    return jxl.saved(pictures[0] if len(pictures) == 1 else np.stack(pictures))


def _lossy_jxl(pictures: Sequence[Samples]) -> bytes:
    return jxl.saved(pictures[0], distance=0.5)


def _jxl_of_jpeg(pictures: Sequence[Samples]) -> bytes:
    return jxl.from_jpeg(_soiled_jpeg(_pillow("JPEG", quality=95)(pictures)))


def _soiled_jxl(data: bytes) -> bytes:
    return jxl.with_boxes(data, jxl.box(b"Exif", bytes(4) + rich_exif()), jxl.box(b"xml ", MARKER))


def _soiled_jpeg(data: bytes) -> bytes:
    dirt = segment(0xE1, b"Exif\0\0" + rich_exif()) + segment(0xFE, MARKER)
    return data[:2] + dirt + data[2:] + MARKER


def _soiled_png(data: bytes) -> bytes:
    return with_chunk(with_chunk(data, b"tEXt", b"Author\0" + MARKER), b"eXIf", rich_exif()) + MARKER


_panorama_heic = _panorama_items(heic.picture, b"heicmif1")
_panorama_avif = _panorama_items(avif_items.item, b"avifmif1miaf")
_IN_JXL: dict[str, Any] = {"gain_map": _gain_map_jxl, "panorama": _panorama_jxl}

_PLAIN_AVIF = _pillow("AVIF", quality=95, speed=8, subsampling="4:4:4")

KINDS: tuple[Kind, ...] = (
    Kind("JPEG, baseline", _pillow("JPEG", quality=95), _soiled_jpeg, panorama=_panorama_jpeg),
    Kind("JPEG, progressive", _pillow("JPEG", quality=95, progressive=True), _soiled_jpeg, panorama=_panorama_jpeg),
    Kind("JPEG, gray", _gray, _soiled_jpeg, panorama=_panorama_jpeg),
    Kind("JPEG, CMYK", _inks, _soiled_jpeg, panorama=_panorama_jpeg),
    Kind("JPEG, arithmetic coding", _arithmetic, _soiled_jpeg, panorama=_panorama_jpeg),
    Kind("JPEG, lossless", _lossless, _soiled_jpeg, deep=True, panorama=_panorama_jpeg),
    Kind("JPEG, 12 bit", _twelve_bit, _soiled_jpeg, deep=True, panorama=_panorama_jpeg),
    Kind(
        "JPEG, MPO and gain maps",
        _multi_picture,
        lambda data: data + MARKER,
        gain_map=_gain_map_jpeg,
        panorama=_panorama_jpeg,
    ),
    Kind(
        "PNG",
        _opencv(".png", _pillow("PNG")),
        _soiled_png,
        deep=True,
        alpha=True,
        hdr=_pq_png,
        gain_map=_gain_map_png,
        panorama=_panorama_png,
    ),
    Kind("PNG, palette", _pillow("PNG", "P"), _soiled_png, hdr=_pq_png, panorama=_panorama_png),
    Kind("APNG", _pillow("PNG"), _soiled_png, moving=True, alpha=True, hdr=_pq_png, panorama=_panorama_png),
    Kind("WebP, lossy", _pillow("WEBP", quality=95, exif=rich_exif()), alpha=True, panorama=_panorama_webp),
    Kind("WebP, lossless", _pillow("WEBP", lossless=True, exif=rich_exif()), alpha=True, panorama=_panorama_webp),
    Kind(
        "WebP, animated",
        _pillow("WEBP", lossless=True, exif=rich_exif()),
        moving=True,
        alpha=True,
        panorama=_panorama_webp,
    ),
    Kind("GIF", _pillow("GIF", "P", comment=MARKER)),
    Kind("GIF, animated", _pillow("GIF", "P", comment=MARKER, loop=0), moving=True),
    Kind(
        "TIFF",
        _opencv(".tiff", _pillow("TIFF", software=MARKER.decode())),
        deep=True,
        alpha=True,
        panorama=_panorama_tiff,
    ),
    Kind("TIFF, pages", _pillow("TIFF", software=MARKER.decode()), moving=True, alpha=True),
    Kind("BMP", _bitmap, alpha=True),
    Kind(
        "HEIC",
        _heic,
        deep=True,
        alpha=True,
        hdr=_pq_boxes,
        cut=_cut_heic,
        gain_map=_gain_map_heic,
        panorama=_panorama_heic,
    ),
    Kind(
        "AVIF",
        _opencv(".avif", _PLAIN_AVIF),
        deep=True,
        alpha=True,
        hdr=_pq_boxes,
        cut=_cut_avif,
        gain_map=_gain_map_avif,
        panorama=_panorama_avif,
    ),
    Kind("AVIF, sequence", _PLAIN_AVIF, moving=True, alpha=True, hdr=_pq_boxes, cut=_cut_film),
    Kind(
        "JPEG 2000",
        _opencv(".jp2", _pillow("JPEG2000", irreversible=False)),
        deep=True,
        alpha=True,
        panorama=_panorama_jp2,
    ),
    *(
        (
            Kind("JPEG XL, lossless", _jxl, _soiled_jxl, deep=True, alpha=True, hdr=_pq_jxl, cut=_cut_jxl, **_IN_JXL),
            Kind("JPEG XL, lossy", _lossy_jxl, _soiled_jxl, alpha=True, **_IN_JXL),
            Kind("JPEG XL, from a JPEG", _jxl_of_jpeg, _soiled_jxl, **_IN_JXL),
            Kind("JPEG XL, animated", _jxl, _soiled_jxl, moving=True, alpha=True, **_IN_JXL),
        )
        if jxl.IS_HERE
        else ()
    ),
)
