"""Every variant of every format that can be made in code, by name."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image

from anonymizer.image.codec import CODECS
from infra.proof.formats.tiff_variants import tiff
from infra.proof.formats.variant import MODES, Make, Variant, picture, saved_as, wide
from infra.proof.fuzz.sources import interlaced, sources
from tests.image.codec import avif_items, heic
from tests.image.codec.deep_jpeg import lossless
from tests.image.codec.samples import chunk, exif, png_of, saved, swapped_profile
from tests.image.formats.kinds import FRAMES, KINDS, Kind, Samples, deep, frames, with_alpha

SEEDS = ", the fuzzer's seeds"
"""How the name of a line ends whose variants have no names of their own."""


def variants() -> list[Variant]:
    """All of them; a name is there once."""
    makers = (_of_kinds, _jpeg, _png, _webp, _gif, _bmp, tiff, _avif, _heic, _jp2, _seeds)
    return sorted(itertools.chain.from_iterable(make() for make in makers), key=lambda variant: variant.line)


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
        # JPEG XL in PQ is refused.
        if kind.hdr is not None and not kind.name.startswith("JPEG XL"):
            yield Variant(f"{kind.name}, PQ", partial(_told, kind.write, kind.hdr))
        if kind.cut is not None:
            hidden = "frame beyond its canvas" if kind.name.startswith("JPEG XL") else "clean aperture"
            yield Variant(f"{kind.name}, {hidden}", partial(_cut, kind.cut))


def _of_pixels(write: Callable[[Sequence[Samples]], bytes], made_of: Callable[[Samples], Samples]) -> bytes:
    return write([made_of(picture())])


def _told(write: Callable[[Sequence[Samples]], bytes], tell: Callable[[bytes], bytes]) -> bytes:
    return tell(write([picture()]))


def _cut(cut: Callable[[Samples], bytes]) -> bytes:
    return cut(picture())


def _written(kind: Kind, count: int) -> bytes:
    return kind.write(frames(count))


def _jpeg() -> Iterator[Variant]:
    for name, number in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
        for progressive in (False, True):
            kind = ", progressive" if progressive else ""
            yield Variant(
                f"JPEG, {name}{kind}", saved_as("jpeg", subsampling=number, quality=85, progressive=progressive)
            )
    yield Variant("JPEG, RGB", saved_as("jpeg", keep_rgb=True))
    yield Variant("JPEG, restart markers", saved_as("jpeg", restart_marker_blocks=3))
    yield Variant("JPEG, profile that swaps red and green", saved_as("jpeg", icc_profile=swapped_profile()))
    yield Variant("JPEG, lossless, gray of 16 bit", lambda: lossless(wide()[..., 0], 16, 4), 16)
    for number in range(2, 9):
        block = b"Exif\0\0" + exif({0x0112: (3, 1, struct.pack("<H2x", number))})
        yield Variant(f"JPEG, orientation {number}", saved_as("jpeg", exif=block, subsampling=0))


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
    yield Variant("PNG, profile that swaps red and green", saved_as("png", icc_profile=swapped_profile()))


def _webp() -> Iterator[Variant]:
    yield Variant("WebP, quality 50", saved_as("webp", quality=50))
    yield Variant(
        "WebP, profile that swaps red and green", saved_as("webp", lossless=True, icc_profile=swapped_profile())
    )


def _film(format_name: str, **settings: Any) -> Make:
    def make() -> bytes:
        first, *rest = (Image.fromarray(pixels) for pixels in frames(FRAMES))
        return saved(first, format_name, save_all=True, append_images=rest, duration=80, **settings)

    return make


def _gif() -> Iterator[Variant]:
    yield Variant("GIF, interlaced", saved_as("gif", "L", interlace=1))
    yield Variant("GIF, transparent", saved_as("gif", "RGBA"))
    for disposal in (1, 2, 3):
        yield Variant(f"GIF, animated, disposal {disposal}", _film("gif", disposal=disposal, optimize=False))
    for disposal, blend in ((0, 1), (1, 0)):
        yield Variant(f"APNG, disposal {disposal}, blend {blend}", _film("png", disposal=disposal, blend=blend))


def _bmp() -> Iterator[Variant]:
    for mode, name in (("L", "gray"), ("P", "palette"), ("1", "1 bit")):
        yield Variant(f"BMP, {name}", saved_as("bmp", mode))


def _avif() -> Iterator[Variant]:
    for name in ("4:0:0", "4:2:0", "4:2:2", "4:4:4"):
        yield Variant(f"AVIF, {name}", saved_as("avif", quality=90, speed=8, subsampling=name))
    for name, steps in _TURNS.items():
        yield Variant(f"AVIF, {name}", partial(_turned_avif, steps))
    yield Variant("AVIF, 10 bit", _avif_of_ten_bits, 10)


_TURNS = {
    **{f"turned {90 * number}°": (heic.box(b"irot", bytes([number])),) for number in (1, 2, 3)},
    **{f"mirrored, axis {axis}": (heic.box(b"imir", bytes([axis])),) for axis in (0, 1)},
    "turned 90° and mirrored": (heic.box(b"irot", b"\1"), heic.box(b"imir", b"\0")),
}


def _turned_avif(steps: tuple[bytes, ...]) -> bytes:
    return avif_items.file(avif_items.item(picture(), *steps))


def _avif_of_ten_bits() -> bytes:
    wishes = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 95]
    return bytes(cv2.imencode(".avif", wide()[..., ::-1] >> 6, wishes)[1].tobytes())


def _heic() -> Iterator[Variant]:
    yield Variant("HEIC, gray", lambda: heic.heic(heic.picture(picture()[..., 0])))
    for name, steps in _TURNS.items():
        yield Variant(f"HEIC, {name}", partial(_turned_heic, steps))


def _turned_heic(steps: tuple[bytes, ...]) -> bytes:
    return heic.heic(heic.picture(picture(), *steps))


def _jp2() -> Iterator[Variant]:
    for mode in ("L", "LA", "RGBA", "I;16"):
        yield Variant(f"JPEG 2000, {MODES[mode]}", saved_as("jpeg2000", mode), 16 if mode == "I;16" else 8)
    yield Variant("JPEG 2000, codestream alone", saved_as("jpeg2000", no_jp2=True))
    yield Variant("JPEG 2000, irreversible", saved_as("jpeg2000", irreversible=True, quality_layers=[20, 4]))
    yield Variant("JPEG 2000, tiles", saved_as("jpeg2000", tile_size=(64, 64)))


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
