"""Generate small files of every format, as cameras, editors or attackers may write them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from tests.image.codec import avif_items, heic, jxl, old_jpeg, raws
from tests.image.codec import tiff_samples as made
from tests.image.codec.deep_jpeg import lossless, twelve_bit
from tests.image.codec.samples import (
    PLANTED,
    chunk,
    exif,
    icc_profile,
    photo,
    png_of,
    rich_exif,
    riff_chunk,
    saved,
    swapped_profile,
    webp_of,
    with_chunk,
    with_segment,
)

HEIGHT, WIDTH = 24, 20

_AVIF = b"avifmif1miaf"

_XMP = b"<x:xmpmeta><rdf:Description GImage:Data='AAAA' hdrgm:Version='1.0'/></x:xmpmeta>"


def sources(format_name: str) -> list[bytes]:
    """Files of one format, the plainest first; none where what writes it is not here."""
    if format_name in ("avif", "webp") and not features.check(format_name):
        return []
    if format_name == "jxl" and not jxl.IS_HERE:
        return []
    planted = [make() for of, make, _ in PLANTED.values() if of == format_name]
    return [*_MAKERS[format_name](), *planted]


def _picture() -> NDArray[np.uint8]:
    return photo(HEIGHT, WIDTH)


def _modes() -> dict[str, Image.Image]:
    """The same picture in every mode that Pillow writes somewhere."""
    color = Image.fromarray(_picture())
    clear = Image.fromarray(np.dstack((_picture(), _picture()[..., 0])))
    deep = Image.fromarray(_picture()[..., 0].astype(np.uint16) * 257)
    modes = {mode: color.convert(mode) for mode in ("RGB", "L", "1", "CMYK")}
    return {**modes, "P": color.quantize(17), "RGBA": clear, "LA": clear.convert("LA"), "I;16": deep}


def _several(count: int = 3) -> list[Image.Image]:
    """Frames of an animation: a dark square wanders over the picture."""
    frames = []
    for number in range(count):
        pixels = _picture()
        pixels[4 * number : 4 * number + 6, 3 * number : 3 * number + 6] = 10 * number
        frames.append(Image.fromarray(pixels))
    return frames


def _animated(format_name: str, frames: list[Image.Image] | None = None, **settings: object) -> bytes:
    first, *rest = frames or _several()
    return saved(first, format_name, save_all=True, append_images=rest, **settings)


def looping_exif() -> bytes:
    """Directories that point at themselves and at each other."""
    tags = (0x8769, 0x8825, 0xA005, 0x014A)
    block = bytearray(exif({tag: (4, 1, struct.pack("<I", 8)) for tag in tags}))
    struct.pack_into("<I", block, 8 + 2 + 12 * len(tags), 8)
    return bytes(block)


def _jpeg() -> Iterator[bytes]:
    modes, color = _modes(), _picture()
    for subsampling in (0, 1, 2):
        yield saved(color, "jpeg", subsampling=subsampling, quality=85)
        yield saved(color, "jpeg", subsampling=subsampling, progressive=True, quality=60)
    for mode in ("L", "CMYK"):
        yield saved(modes[mode], "jpeg", optimize=True)
        yield saved(modes[mode], "jpeg", progressive=True)
    plain = saved(color, "jpeg", restart_marker_blocks=1)
    yield plain
    yield saved(color, "jpeg", keep_rgb=True)
    yield wide_tables(saved(modes["L"], "jpeg"))
    for orientation in (3, 6, 7):
        block = exif({0x0112: (3, 1, struct.pack("<H2x", orientation))})
        yield saved(color[:16, :16], "jpeg", exif=b"Exif\0\0" + block)
    for block in (rich_exif(), looping_exif()):
        yield with_segment(plain, 0xE1, b"Exif\0\0" + block)
    yield with_segment(plain, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _XMP)
    yield saved(color, "jpeg", icc_profile=swapped_profile(), comment=b"comment")
    yield _animated("mpo", _several(2))
    yield plain + plain
    yield plain[:-2]
    deep = color.astype(np.uint16) * 257
    yield lossless(color, 8)
    yield lossless(deep[..., 0], 16, 4)
    yield twelve_bit(deep >> 4, progressive=1)


def wide_tables(jpeg: bytes) -> bytes:
    """A JPEG whose one quantization table is written with 16 bits for each value."""
    at = jpeg.index(b"\xff\xdb\0\x43\0")
    values = struct.pack(">64H", *jpeg[at + 5 : at + 69])
    return jpeg[:at] + b"\xff\xdb\0\x83\x10" + values + jpeg[at + 69 :]


def _png() -> Iterator[bytes]:
    modes = _modes()
    layouts = [(0, depth) for depth in (1, 2, 4, 8, 16)] + [(c, d) for c in (2, 4, 6) for d in (8, 16)]
    noise = np.random.default_rng(1).bytes(16 * 16 * 8)
    for color_type, depth in layouts:
        row = 16 * depth * {0: 1, 2: 3, 4: 2, 6: 4}[color_type] // 8
        yield png_of(16, 16, depth, color_type, noise[: row * 16])
    for depth in (1, 2, 4, 8):
        colors = chunk(b"PLTE", bytes(range(3 * 2**depth % 256 or 255))[: 3 * 2**depth // 3 * 3])
        yield png_of(16, 8, depth, 3, bytes(2 * depth * 8), colors, chunk(b"tRNS", b"\0\x80"))
    yield png_of(16, 8, 8, 0, noise[:128], chunk(b"tRNS", b"\0\x80"))
    yield png_of(8, 8, 16, 2, noise[:384], chunk(b"tRNS", noise[:6]))
    yield interlaced(noise)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield saved(modes[mode], "png")
    for disposal, blend in ((0, 0), (1, 1), (2, 0)):
        yield _animated("png", disposal=disposal, blend=blend, duration=40, loop=2)
    yield _animated("png", default_image=True)
    plain = saved(_picture(), "png", icc_profile=swapped_profile())
    yield plain
    for block in (rich_exif(), looping_exif()):
        yield with_chunk(plain, b"eXIf", block)
    yield with_chunk(saved(_picture(), "png"), b"cICP", bytes((12, 13, 0, 1)))
    for points in ((9, 16, 0, 1), (12, 18, 0, 0)):
        yield with_chunk(png_of(16, 8, 16, 2, noise[:768]), b"cICP", bytes(points))
    yield with_chunk(saved(_picture(), "png"), b"gAMA", struct.pack(">I", 100_000))


def interlaced(noise: bytes) -> bytes:
    """16×16 pixels of 8-bit gray in the seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = []
    for x, y, dx, dy in passes:
        rows += [b"\0" + noise[row : row + len(range(x, 16, dx))] for row in range(y, 16, dy)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def _webp() -> Iterator[bytes]:
    color, clear = _picture(), _modes()["RGBA"]
    plain = saved(color, "webp", quality=50)
    yield plain
    yield saved(color, "webp", lossless=True)
    yield saved(clear, "webp")
    yield saved(clear, "webp", lossless=True, exact=True)
    yield saved(color, "webp", icc_profile=swapped_profile(), exif=rich_exif(), xmp=_XMP)
    yield saved(color, "webp", exif=looping_exif())
    yield _animated("webp", lossless=True, duration=50, loop=3)
    yield _animated("webp", duration=[10, 20, 30], background=(1, 2, 3, 4))
    yield _animated("webp", [clear, *(frame.convert("RGBA") for frame in _several(2))], lossless=True)
    yield webp_of(plain[12:], riff_chunk(b"EXIF", rich_exif()))


def _bmp() -> Iterator[bytes]:
    modes = _modes()
    for mode in ("RGB", "RGBA", "L", "P", "1"):
        yield saved(modes[mode], "bmp")
    runs = b"".join(bytes((WIDTH, row % 4, 0, 0)) for row in range(HEIGHT)) + b"\0\1"
    colors = bytes(range(16))
    for depth, compression in ((8, 1), (4, 2)):
        head = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, depth, compression, len(runs), 0, 0, 4, 0)
        at = 14 + len(head) + len(colors)
        yield struct.pack("<2sIHHI", b"BM", at + len(runs), 0, 0, at) + head + colors + runs
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    head = struct.pack("<IiiHHIIiiII", 40, 8, -8, 1, 16, 3, 128, 0, 0, 0, 0)
    yield struct.pack("<2sIHHI", b"BM", 66 + 128, 0, 0, 66) + head + masks + bytes(range(128))
    for depth, row in ((8, bytes((0, 1, 1, 0))), (4, b"\x01\x10\0\0")):
        head = struct.pack("<IiiHHIIiiII", 40, 4, -4, 1, depth, 0, 16, 0, 0, 2, 0)
        yield struct.pack("<2sIHHI", b"BM", 62 + 16, 0, 0, 62) + head + b"\0\0\0\0\xff\xff\xff\0" + row * 4
    core = struct.pack("<2sIHHIIHHHH", b"BM", 26 + 192, 0, 0, 26, 12, 8, 8, 1, 24)
    yield core + bytes(192)


def _gif() -> Iterator[bytes]:
    modes = _modes()
    yield saved(modes["P"], "gif", interlace=0)
    yield saved(modes["L"], "gif", interlace=1)
    yield saved(modes["RGBA"], "gif")
    for disposal in (0, 1, 2, 3):
        yield _animated("gif", disposal=disposal, duration=70, loop=disposal, optimize=False)
    yield _animated("gif", [modes["RGBA"], *_several(2)], disposal=2, transparency=0)
    yield saved(modes["P"], "gif", comment=b"a comment")
    plain = saved(modes["P"], "gif")
    yield plain[:-1] + b"!\xff\x0bXMP DataXMP" + bytes((len(_XMP),)) + _XMP + b"\0;"
    yield plain[:-1] + b"!\x01\x0c" + bytes(12) + b"\4text\0;" + b"trailer"


def _tiff() -> Iterator[bytes]:
    modes = _modes()
    for mode, image in modes.items():
        yield saved(image, "tiff", compression=None)
        if mode != "1":
            yield saved(image, "tiff", compression="tiff_lzw")
    for compression in ("packbits", "tiff_adobe_deflate", "jpeg"):
        yield saved(modes["RGB"], "tiff", compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield saved(modes["1"], "tiff", compression=compression)
    yield _animated("tiff", [modes["RGB"], modes["L"], modes["1"]])
    yield saved(modes["RGB"], "tiff", big_tiff=True)
    yield saved(modes["RGB"], "tiff", icc_profile=icc_profile(), tiffinfo={305: "software", 274: 6, 700: _XMP})
    deep = cv2.imencode(".tif", _picture().astype(np.uint16) * 257)[1]
    yield bytes(deep.tobytes())
    for order in "<>":
        yield tiled(order)
    yield from _ycbcr()
    yield from _of_no_size(saved(modes["1"], "tiff", compression="group4"))
    for way in old_jpeg.WAYS:
        yield made.tiff_of(way("4:2:0"))
    yield made.tiff_of(old_jpeg.whole_stream("4:4:4"), old_jpeg.tables_and_strips("4:2:2"), order=">", big=True)


def _ycbcr() -> Iterator[bytes]:
    """Blocks of pixels that share their colour, not packed and deflated, with numbers of several types."""
    for subsampling, kind, order, big in (((1, 1), made.RATIONAL, "<", False), ((2, 2), made.DOUBLE, ">", True)):
        for packing in (1, 8):
            units, _ = made.shared(_picture(), *subsampling)
            page = made.page(_picture(), 6)
            page.segments = [units if packing == 1 else zlib.compress(units)]
            page.tags |= {259: (made.SHORT, (packing,)), 274: (made.SLONG, (6,)), 530: (made.SHORT, subsampling)}
            page.tags |= {
                529: made.of_type(kind, 0.2126, 0.7152, 0.0722),
                532: made.of_type(kind, 0, 255, 128, 255, 128, 255),
            }
            yield made.tiff_of(page, order=order, big=big)


def _of_no_size(fax: bytes) -> Iterator[bytes]:
    """A fax whose StripByteCounts is 0."""
    at = fax.index(struct.pack("<HHI", 279, 4, 1)) + 8
    yield fax[:at] + bytes(4) + fax[at + 4 :]


def tiled(order: str = "<") -> bytes:
    """Four tiles of 16×16 gray, with a directory below the first that holds a smaller picture."""
    tiles = photo(32, 32)[..., 0].reshape(2, 16, 2, 16).swapaxes(1, 2).tobytes()
    first, below = 8, 8 + 2 + 12 * 12 + 4
    offsets = below + 2 + 12 * 8 + 4
    pixels = offsets + 32
    main = {254: 0, 256: 32, 257: 32, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16, 323: 16, 330: below}
    small = {254: 1, 256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: pixels, 279: 256}
    single = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in main.items()]
    lists = [struct.pack(order + "HHII", 324, 4, 4, offsets), struct.pack(order + "HHII", 325, 4, 4, offsets + 16)]
    entries = sorted(single + lists, key=lambda entry: struct.unpack_from(order + "H", entry))
    inner = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in small.items()]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first)
    directories = (struct.pack(order + "H", len(rows)) + b"".join(rows) + bytes(4) for rows in (entries, inner))
    numbers = struct.pack(order + "8I", *(pixels + 256 * n for n in range(4)), *(256,) * 4)
    return head + b"".join(directories) + numbers + tiles


def _avif() -> Iterator[bytes]:
    modes = _modes()
    for mode in ("RGB", "L", "RGBA"):
        yield saved(modes[mode], "avif", speed=10)
    yield saved(modes["RGB"], "avif", speed=10, subsampling="4:4:4", exif=rich_exif(), xmp=_XMP)
    yield saved(modes["RGB"], "avif", speed=10, icc_profile=swapped_profile(), exif=looping_exif())
    yield _animated("avif", speed=10, duration=40)
    yield _animated("avif", [frame.convert("RGBA") for frame in _several()], speed=10)
    deep = _picture().astype(np.uint16) * 4
    done, written = cv2.imencode(".avif", deep, [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_SPEED, 10])
    if done:
        yield bytes(written.tobytes())
    yield from _avif_of_items()


def _avif_of_items() -> Iterator[bytes]:
    """Cut and turned, in HDR, with metadata behind the picture, data first, empty colours, in tiles."""
    for pixels in (_picture(), _picture().astype(np.uint16) * 257):
        plain = avif_items.item(pixels)
        steps = (heic.aperture(12, 8, 1, -2), heic.box(b"irot", b"\1"), heic.box(b"imir", b"\0"))
        yield avif_items.file(replace(plain, properties=(*plain.properties, *steps)))
        told = heic.Item(b"Exif", bytes(4) + rich_exif(), (), ((b"cdsc", 1),))
        points = heic.box(b"colr", struct.pack(">4sHHHB", b"nclx", 9, 16, 6, 0x80))
        deep = replace(plain, properties=(*plain.properties[:3], points, heic.box(b"clli", bytes(4))))
        yield heic.heic(deep, told, brands=_AVIF, data_first=True)
        emptied = replace(plain, properties=(*plain.properties, heic.box(b"colr", b"prof")))
        yield heic.heic(emptied, told, brands=_AVIF, in_meta=True)
        yield avif_items.film([pixels] * 2, heic.aperture(12, 8, 1, -2))
        yield avif_items.file(replace(plain, properties=plain.properties[:3]))
    tile = avif_items.item(photo(64, 64))
    size = heic.box(b"ispe", struct.pack(">III", 0, 128, 64))
    layout = struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)
    grid = heic.Item(b"grid", layout, (size, tile.properties[1]), ((b"dimg", 1), (b"dimg", 2)))
    yield avif_items.file(tile, tile, grid, primary=3)


def _heif() -> Iterator[bytes]:
    color, gray = _picture(), _picture()[..., 0]
    yield heic.heic(heic.picture(color))
    yield heic.heic(heic.picture(gray))
    yield heic.heic(heic.picture(color.astype(np.uint16) * 4, depth=10))
    yield heic.heic(heic.picture(color, heic.box(b"irot", b"\1")))
    yield heic.heic(heic.picture(color, heic.aperture(12, 8, 1, -2), heic.box(b"imir", b"\1")), data_first=True)
    points = heic.box(b"colr", struct.pack(">4sHHHB", b"nclx", 9, 18, 0, 0x80))
    deep = heic.picture(color.astype(np.uint16) * 4, points, heic.box(b"clli", bytes(4)), depth=10)
    yield heic.heic(deep, in_meta=True)
    yield heic.heic(heic.picture(color), heic.alpha(gray, 1))
    block = heic.Item(b"Exif", bytes(4) + rich_exif(), (), ((b"cdsc", 1),))
    packet = heic.Item(b"mime", _XMP, (), ((b"cdsc", 1),), b"\0application/rdf+xml\0")
    thumbnail = heic.picture(gray[:16, :16], links=((b"thmb", 1),))
    yield heic.heic(heic.picture(color), block, packet, thumbnail)
    yield heic.heic(heic.picture(color), extra=heic.box(b"mpvd", b"film") + heic.box(b"free", b"hidden"))


def _jp2() -> Iterator[bytes]:
    modes = _modes()
    for mode in ("RGB", "L", "LA", "RGBA", "I;16"):
        yield saved(modes[mode], "jpeg2000")
    for settings in ({"no_jp2": True}, {"irreversible": True, "quality_layers": [20, 4]}, {"tile_size": (16, 16)}):
        yield saved(modes["RGB"], "jpeg2000", **settings)
    plain = saved(modes["RGB"], "jpeg2000")
    yield plain + heic.box(b"xml ", _XMP) + heic.box(b"uuid", b"JpgTiffExif->JP2" + rich_exif())
    gray = bytearray(saved(modes["I;16"], "jpeg2000"))
    gray[gray.index(b"\xff\x4f\xff\x51") + 42] = gray[gray.index(b"ihdr") + 14] = 11
    yield bytes(gray)
    # OpenCV asks for six resolutions, which smaller pictures cannot have.
    deep = cv2.imencode(".jp2", photo(40, 40).astype(np.uint16) * 257)[1]
    yield bytes(deep.tobytes())


def _jxl() -> Iterator[bytes]:
    color, clear = _picture(), np.dstack((_picture(), _picture()[..., 0]))
    for samples in (color, color[..., 0], clear, clear[..., 2:], color.astype(np.uint16) * 257):
        yield jxl.saved(samples)
        yield jxl.saved(samples, distance=1.0)
    yield jxl.saved(np.stack([np.asarray(frame) for frame in _several()]))
    for settings in ({}, {"subsampling": 0, "progressive": True}, {"icc_profile": icc_profile(), "exif": rich_exif()}):
        yield jxl.from_jpeg(saved(_modes()["RGB"], "jpeg", **settings))
    yield jxl.from_jpeg(saved(_modes()["L"], "jpeg"))
    plain = jxl.saved(color, usecontainer=False)
    half = len(plain) // 2
    parts = (
        jxl.box(b"jxlp", struct.pack(">I", n) + part) for n, part in ((0, plain[:half]), (1 << 31 | 1, plain[half:]))
    )
    yield jxl.OPENING + b"".join(parts)
    yield jxl.boxed(
        plain, jxl.box(b"Exif", bytes(4) + rich_exif()), jxl.box(b"xml ", _XMP), jxl.box(b"free", b"hidden")
    )


def _raw() -> Iterator[bytes]:
    jpeg = saved(_modes()["RGB"], "jpeg")
    for orientation in (1, 6):
        yield raws.dng(jpeg, (WIDTH, HEIGHT), (WIDTH, HEIGHT), orientation)
        yield raws.nef(jpeg, (WIDTH, HEIGHT), orientation)
        yield raws.cr3(jpeg, (WIDTH, HEIGHT), orientation)
    yield raws.raf(jpeg, (WIDTH, HEIGHT))


_MAKERS: dict[str, Callable[[], Iterator[bytes]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "bmp": _bmp,
    "gif": _gif,
    "tiff": _tiff,
    "avif": _avif,
    "heif": _heif,
    "jp2": _jp2,
    "jxl": _jxl,
    "raw": _raw,
}
