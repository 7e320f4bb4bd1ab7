"""Every variant of every format that can be made in code, by name."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonymizer.image.codec import CODECS
from infra.proof.fuzz.sources import interlaced, sources, tiled
from tests.image.codec import avif_items, heic, old_jpeg
from tests.image.codec import tiff_samples as made
from tests.image.codec.deep_jpeg import lossless
from tests.image.codec.samples import chunk, exif, png_of, saved, swapped_profile
from tests.image.formats.kinds import FRAMES, KINDS, Kind, Samples, deep, frames, with_alpha

Make = Callable[[], bytes]
SEEDS = ", the fuzzer's seeds"
"""How the name of a line ends whose variants have no names of their own."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One file.

    Attributes:
        name: Format first, then what is particular.
        make: Its bytes.
        bits: Of a sample.
        group: Name of the table's line that it shares with others; "" = it has its own.
    """

    name: str
    make: Make
    bits: int = 8
    group: str = ""

    @property
    def line(self) -> str:
        return self.group or self.name


def variants() -> list[Variant]:
    """All of them; a name is there once."""
    makers = (_of_kinds, _jpeg, _png, _webp, _gif, _bmp, _tiff, _tiff_ycbcr, _tiff_old_jpeg, _avif, _heic, _jp2, _seeds)
    return sorted(itertools.chain.from_iterable(make() for make in makers), key=lambda variant: variant.line)


def _picture() -> NDArray[np.uint8]:
    return np.asarray(frames()[0], np.uint8)


def _wide() -> NDArray[np.uint16]:
    return np.asarray(deep(_picture()), np.uint16)


def _image(mode: str = "RGB") -> Image.Image:
    """The picture in a mode of Pillow."""
    if mode == "I;16":
        return Image.fromarray(_wide()[..., 0])
    if mode in ("RGBA", "LA"):
        return Image.fromarray(with_alpha(_picture())).convert(mode)
    plain = Image.fromarray(_picture())
    return plain.quantize(60) if mode == "P" else plain.convert(mode)


def _as(format_name: str, mode: str = "RGB", **settings: Any) -> Make:
    return lambda: saved(_image(mode), format_name, **settings)


def _of_kinds() -> Iterator[Variant]:
    for kind in KINDS:
        count = FRAMES if kind.moving else 1
        bits = {"AVIF": 12, "HEIC": 10, "JPEG, 12 bit": 12}.get(kind.name, 16)
        yield Variant(kind.name, partial(_written, kind, count), bits if kind.name == "JPEG, 12 bit" else 8)
        if kind.name == "JPEG, 12 bit":
            continue
        if kind.deep:
            yield Variant(f"{kind.name}, {bits} bit", partial(_of_pixels, kind.write, deep), bits)
        if kind.alpha:
            yield Variant(f"{kind.name}, alpha", partial(_of_pixels, kind.write, with_alpha))
        if kind.hdr is not None:
            yield Variant(f"{kind.name}, PQ", partial(_told, kind.write, kind.hdr))
        if kind.cut is not None:
            yield Variant(f"{kind.name}, clean aperture", partial(_cut, kind.cut))


def _of_pixels(write: Callable[[Sequence[Samples]], bytes], made_of: Callable[[Samples], Samples]) -> bytes:
    return write([made_of(_picture())])


def _told(write: Callable[[Sequence[Samples]], bytes], tell: Callable[[bytes], bytes]) -> bytes:
    return tell(write([_picture()]))


def _cut(cut: Callable[[Samples], bytes]) -> bytes:
    return cut(_picture())


def _written(kind: Kind, count: int) -> bytes:
    return kind.write(frames(count))


def _jpeg() -> Iterator[Variant]:
    for name, number in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
        for progressive in (False, True):
            kind = ", progressive" if progressive else ""
            yield Variant(f"JPEG, {name}{kind}", _as("jpeg", subsampling=number, quality=85, progressive=progressive))
    yield Variant("JPEG, RGB", _as("jpeg", keep_rgb=True))
    yield Variant("JPEG, restart markers", _as("jpeg", restart_marker_blocks=3))
    yield Variant("JPEG, profile that swaps red and green", _as("jpeg", icc_profile=swapped_profile()))
    yield Variant("JPEG, lossless, gray of 16 bit", lambda: lossless(_wide()[..., 0], 16, 4), 16)
    for number in range(2, 9):
        block = exif({0x0112: (3, 1, struct.pack("<H2x", number))})
        yield Variant(f"JPEG, orientation {number}", _as("jpeg", exif=block, subsampling=0))


def _png() -> Iterator[Variant]:
    noise = np.random.default_rng(1).bytes(16 * 16 * 8)
    layouts = [(0, depth) for depth in (1, 2, 4, 8, 16)] + [(c, d) for c in (2, 4, 6) for d in (8, 16)]
    names = {0: "gray", 2: "RGB", 4: "gray and alpha", 6: "RGB and alpha"}
    for color, bits in layouts:
        row = 16 * bits * {0: 1, 2: 3, 4: 2, 6: 4}[color] // 8
        make = partial(png_of, 16, 16, bits, color, noise[: row * 16])
        yield Variant(f"PNG, {names[color]} of {bits} bit", make, bits)
    for bits in (1, 2, 4, 8):
        colors = chunk(b"PLTE", noise[: 3 * 2**bits])
        make = partial(png_of, 16, 16, bits, 3, noise[: 32 * bits], colors, chunk(b"tRNS", b"\0\x80"))
        yield Variant(f"PNG, palette of {bits} bit with transparency", make)
    clear = chunk(b"tRNS", struct.pack(">H", noise[0]))
    yield Variant("PNG, gray with one transparent level", partial(png_of, 16, 16, 8, 0, noise[:256], clear))
    yield Variant("PNG, interlaced", lambda: interlaced(noise))
    yield Variant("PNG, profile that swaps red and green", _as("png", icc_profile=swapped_profile()))


def _webp() -> Iterator[Variant]:
    yield Variant("WebP, quality 50", _as("webp", quality=50))
    yield Variant("WebP, profile that swaps red and green", _as("webp", lossless=True, icc_profile=swapped_profile()))


def _film(format_name: str, **settings: Any) -> Make:
    def make() -> bytes:
        first, *rest = (Image.fromarray(pixels) for pixels in frames(FRAMES))
        return saved(first, format_name, save_all=True, append_images=rest, duration=80, **settings)

    return make


def _gif() -> Iterator[Variant]:
    yield Variant("GIF, interlaced", _as("gif", "L", interlace=1))
    yield Variant("GIF, transparent", _as("gif", "RGBA"))
    for disposal in (1, 2, 3):
        yield Variant(f"GIF, animated, disposal {disposal}", _film("gif", disposal=disposal, optimize=False))
    for disposal, blend in ((0, 1), (1, 0)):
        yield Variant(f"APNG, disposal {disposal}, blend {blend}", _film("png", disposal=disposal, blend=blend))


def _bmp() -> Iterator[Variant]:
    for mode, name in (("L", "gray"), ("P", "palette"), ("1", "1 bit")):
        yield Variant(f"BMP, {name}", _as("bmp", mode))


_TIFF_NAMES = {"1": "1 bit", "L": "gray", "LA": "gray and alpha", "P": "palette", "RGB": "RGB", "RGBA": "RGB and alpha"}
_TIFF_NAMES |= {"CMYK": "CMYK", "I;16": "gray of 16 bit"}
_PACKINGS = {None: "not packed", "tiff_lzw": "LZW", "tiff_adobe_deflate": "deflate", "packbits": "PackBits"}


def _tiff() -> Iterator[Variant]:
    for (mode, name), (packing, packed) in itertools.product(_TIFF_NAMES.items(), _PACKINGS.items()):
        yield Variant(f"TIFF, {name}, {packed}", _as("tiff", mode, compression=packing), 16 if mode == "I;16" else 8)
    for mode, name in (("L", "gray"), ("RGB", "YCbCr")):
        yield Variant(f"TIFF, {name}, JPEG", _as("tiff", mode, compression="jpeg"))
    for packing in ("group3", "group4", "tiff_ccitt"):
        yield Variant(f"TIFF, 1 bit, {packing.removeprefix('tiff_')}", _as("tiff", "1", compression=packing))
    yield Variant("TIFF, BigTIFF", _as("tiff", big_tiff=True))
    for number in range(2, 9):
        yield Variant(f"TIFF, orientation {number}", _as("tiff", tiffinfo={274: number}))
    yield Variant("TIFF, gray tiles, big-endian", lambda: tiled(">"))
    for planar in (False, True):
        name = "planes" if planar else "tiles"
        yield Variant(f"TIFF, RGB, {name}", partial(_tiles, planar))
    for bits, kind in itertools.product((1, 2, 4), (0, 1)):
        name = ("0 is white", "0 is black")[kind]
        rows = made.packed_bits(_picture()[..., 0] >> (8 - bits), bits)
        yield Variant(f"TIFF, gray of {bits} bit, {name}", partial(_gray_of_bits, rows, bits, kind), bits)


def _tiles(planar: bool) -> bytes:
    return made.tiff_of(made.tiled(_picture(), 2, 32, planar=planar))


def _gray_of_bits(rows: NDArray[np.uint8], bits: int, photometric: int) -> bytes:
    page = made.page(rows, photometric, bits=bits)
    page.tags[256] = (made.LONG, (_picture().shape[1],))
    return made.tiff_of(page)


def _tiff_ycbcr() -> Iterator[Variant]:
    for shape, packing in itertools.product(((1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)), (1, 8)):
        name = f"TIFF, YCbCr {shape[0]}x{shape[1]}, {'not packed' if packing == 1 else 'deflate'}"
        yield Variant(name, partial(_shared, shape, packing))


def _shared(shape: tuple[int, int], packing: int) -> bytes:
    ycc = np.asarray(Image.fromarray(_picture()).convert("YCbCr"))
    units, _ = made.shared(ycc, *shape)
    page = made.page(ycc, 6)
    page.segments = [units if packing == 1 else zlib.compress(units)]
    page.tags |= {259: (made.SHORT, (packing,)), 530: (made.SHORT, shape)}
    return made.tiff_of(page)


def _tiff_old_jpeg() -> Iterator[Variant]:
    for way, order in itertools.product(old_jpeg.WAYS, "<>"):
        name = f"TIFF, old-style JPEG, {way.__name__.replace('_', ' ')}{', big-endian' if order == '>' else ''}"
        for blocks in old_jpeg.BLOCKS:
            yield Variant(f"{name}, {blocks}", partial(_old_jpeg, way, blocks, order), group=name)


def _old_jpeg(way: Callable[[str], made.Made], blocks: str, order: str) -> bytes:
    return made.tiff_of(way(blocks), order=order)


def _avif() -> Iterator[Variant]:
    for name in ("4:0:0", "4:2:0", "4:2:2", "4:4:4"):
        yield Variant(f"AVIF, {name}", _as("avif", quality=90, speed=8, subsampling=name))
    for name, steps in _TURNS.items():
        yield Variant(f"AVIF, {name}", partial(_turned_avif, steps))
    yield Variant("AVIF, 10 bit", _avif_of_ten_bits, 10)


_TURNS = {
    **{f"turned {90 * number}°": (heic.box(b"irot", bytes([number])),) for number in (1, 2, 3)},
    **{f"mirrored, axis {axis}": (heic.box(b"imir", bytes([axis])),) for axis in (0, 1)},
    "turned 90° and mirrored": (heic.box(b"irot", b"\1"), heic.box(b"imir", b"\0")),
}


def _turned_avif(steps: tuple[bytes, ...]) -> bytes:
    return avif_items.file(avif_items.item(_picture(), *steps))


def _avif_of_ten_bits() -> bytes:
    wishes = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 95]
    return bytes(cv2.imencode(".avif", _wide()[..., ::-1] >> 6, wishes)[1].tobytes())


def _heic() -> Iterator[Variant]:
    yield Variant("HEIC, gray", lambda: heic.heic(heic.picture(_picture()[..., 0])))
    for name, steps in _TURNS.items():
        yield Variant(f"HEIC, {name}", partial(_turned_heic, steps))


def _turned_heic(steps: tuple[bytes, ...]) -> bytes:
    return heic.heic(heic.picture(_picture(), *steps))


def _jp2() -> Iterator[Variant]:
    for mode in ("L", "LA", "RGBA", "I;16"):
        yield Variant(f"JPEG 2000, {_TIFF_NAMES[mode]}", _as("jpeg2000", mode), 16 if mode == "I;16" else 8)
    yield Variant("JPEG 2000, codestream alone", _as("jpeg2000", no_jp2=True))
    yield Variant("JPEG 2000, irreversible", _as("jpeg2000", irreversible=True, quality_layers=[20, 4]))
    yield Variant("JPEG 2000, tiles", _as("jpeg2000", tile_size=(64, 64)))


_SEED_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "bmp": "BMP", "gif": "GIF", "tiff": "TIFF"}
_SEED_FORMATS |= {"avif": "AVIF", "heif": "HEIC", "jp2": "JPEG 2000", "jxl": "JPEG XL"}


_OLD_JPEG = re.compile(rb"\x00\x02\x03\x00\x01\x00{3}|\x02\x00\x00\x03\x00{3,7}\x01")
"""The tag JPEGProc in either order of bytes."""


def _seeds() -> Iterator[Variant]:
    """What the fuzzer begins with; how many bits a sample of theirs has is not known."""
    # Of camera raw only the preview is ever shown, and that to who asks for it.
    for format_name in sorted(CODECS.keys() - {"raw"}):
        name = _SEED_FORMATS[format_name]
        for number, data in enumerate(sources(format_name)):
            if format_name == "png" and _goes_back_first(data):
                yield Variant("APNG, first frame disposed of to what was before it", partial(bytes, data))
            elif b"gAMA" + struct.pack(">I", 100_000) in data:
                yield Variant("PNG, linear light (gAMA)", partial(bytes, data))
            elif b"jbrd" in data:
                yield Variant(
                    f"JPEG XL, from a JPEG, seed {number}", partial(bytes, data), group=f"{name}, from a JPEG"
                )
            elif format_name == "avif" and b"clap" in data:
                yield Variant(f"AVIF, clean aperture, seed {number}", partial(bytes, data), group=f"{name}{SEEDS}")
            elif format_name != "tiff" or not _OLD_JPEG.search(data):
                yield Variant(f"{name}, seed {number}", partial(bytes, data), 0, f"{name}{SEEDS}")


def _goes_back_first(png: bytes) -> bool:
    """Whether the first frame of a film has the disposal PREVIOUS."""
    at = png.find(b"fcTL")
    return at >= 0 and b"fdAT" in png and png[at + 28] == 2
