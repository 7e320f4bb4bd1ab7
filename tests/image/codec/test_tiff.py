"""TIFF: what Pillow or a file made by hand says is what is read, and what is written is read again."""

from __future__ import annotations

import itertools
import zlib
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageSequence

from anonymizer.image import codec, metadata
from anonymizer.image.codec.tiff.read import divided, multiplied
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import CONFIG, MARKER, cornered, photo, saved, swapped_profile
from tests.image.codec.test_contract import STORED
from tests.image.codec.tiff_samples import LONG, SHORT, UNDEFINED, Made, packed_bits, page, tiff_of, tiled

GRAY, RGB, PALETTE, CMYK = 1, 2, 3, 5
DEEP = photo().astype(np.uint16) * 251 + 7


def _stack(*layers: NDArray[Any]) -> NDArray[Any]:
    return np.dstack(layers)


def _round_trip(data: bytes, encoding: str = "exact") -> Picture:
    """Reads, writes, checks, and reads again; both pictures are the same."""
    picture = codec.decode(data, CONFIG)
    written = codec.encode(picture)
    assert (written.format, written.encoding) == ("tiff", encoding)
    first = picture.frames[0]
    metadata.check(written.data, "tiff", first.width, first.height, len(picture.frames))
    assert set(metadata.inventory(written.data, "tiff")) <= {"icc"}
    again = codec.decode(written.data, CONFIG)
    assert len(again.frames) == len(picture.frames)
    for one, other in zip(picture.frames, again.frames, strict=True):
        assert one.pixels.dtype == other.pixels.dtype
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.alpha is None) == (other.alpha is None)
        if one.alpha is not None and other.alpha is not None:
            np.testing.assert_array_equal(one.alpha, other.alpha)
    assert again.encoder == picture.encoder
    assert again.profile == picture.profile
    return picture


def _as_pillow_sees(data: bytes) -> NDArray[Any]:
    image = Image.open(BytesIO(data))
    return np.asarray(image.convert({"P": "RGB", "1": "L"}.get(image.mode, image.mode)))


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
PACKINGS = ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd"]
PACKED = [
    *itertools.product(MODES, PACKINGS),
    *itertools.product(["L", "RGB", "CMYK"], ["jpeg"]),
    *itertools.product(["1"], ["tiff_ccitt", "group3", "group4"]),
]


@pytest.mark.parametrize(("mode", "packing"), PACKED)
def test_each_layout_in_each_packing(mode: str, packing: str) -> None:
    deep = np.linspace(0, 65535, 48 * 64).astype(np.uint16).reshape(48, 64)
    image = Image.fromarray(deep) if mode == "I;16" else Image.fromarray(photo()).convert(mode)
    data = saved(image, "tiff", compression=packing)
    (frame,) = _round_trip(data).frames
    seen = frame.pixels if frame.alpha is None else _stack(frame.pixels, frame.alpha)
    np.testing.assert_array_equal(seen, _as_pillow_sees(data))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("packing", [1, 5, 8])
def test_sixteen_bit_as_opencv_writes_it(channels: int, packing: int) -> None:
    stored = _stack(DEEP, DEEP[..., 0])[..., :channels]
    flipped = np.ascontiguousarray(stored[..., [2, 1, 0, 3][:channels]] if channels > 1 else stored)
    ok, data = cv2.imencode(".tiff", flipped, [cv2.IMWRITE_TIFF_COMPRESSION, packing])
    assert ok
    (frame,) = _round_trip(data.tobytes()).frames
    assert frame.pixels.dtype == np.uint16
    np.testing.assert_array_equal(frame.pixels, stored[..., 0] if channels == 1 else stored[..., :3])
    written = codec.encode(codec.decode(data.tobytes(), CONFIG)).data
    if channels != 4:
        back = cv2.imdecode(np.frombuffer(written, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(np.reshape(np.asarray(back), flipped.shape), flipped)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("samples", [photo(37, 50), DEEP[:37, :50]], ids=["8 bit", "16 bit"])
def test_tiles(samples: NDArray[Any], planar: bool, order: str, big: bool) -> None:
    stored = samples.astype(f"{order}u{samples.itemsize}")
    made = tiled(stored, RGB, 16, bits=8 * samples.itemsize, planar=planar)
    (frame,) = _round_trip(tiff_of(made, order=order, big=big)).frames
    np.testing.assert_array_equal(frame.pixels, samples)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("samples", [photo(), DEEP], ids=["8 bit", "16 bit"])
def test_predictor_and_planes_of_short_strips(samples: NDArray[Any], order: str) -> None:
    differences = np.concatenate((samples[:, :1], np.diff(samples, axis=1)), axis=1)
    stored = differences.astype(f"{order}u{samples.itemsize}")
    made = page(stored, RGB, bits=8 * samples.itemsize)
    strips = [stored[first : first + 10, :, plane] for plane in range(3) for first in range(0, 48, 10)]
    made.segments = [zlib.compress(strip.tobytes()) for strip in strips]
    made.tags |= {259: (SHORT, (8,)), 278: (LONG, (10,)), 284: (SHORT, (2,)), 317: (SHORT, (2,))}
    (frame,) = _round_trip(tiff_of(made, order=order)).frames
    np.testing.assert_array_equal(frame.pixels, samples)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", range(1, 16))
def test_gray_of_every_depth(bits: int, photometric: int) -> None:
    highest = 2**bits - 1
    samples = np.linspace(0, highest, 13 * 9).astype(np.uint16).reshape(9, 13)
    rows = packed_bits(samples, bits)
    made = Made(page(np.zeros((9, 13)), photometric, bits=bits).tags, [rows.tobytes()])
    (frame,) = _round_trip(tiff_of(made)).frames
    full = 255 if bits <= 8 else 65535
    expected = np.round(samples / highest * full).astype(np.uint8 if bits <= 8 else np.uint16)
    np.testing.assert_array_equal(frame.pixels, full - expected if photometric == 0 else expected)


def test_bits_from_the_other_end() -> None:
    """FillOrder 2: the bits of every stored byte are reversed, before anything is unpacked."""
    black = photo()[..., 0] > 90
    rows = np.packbits(black, axis=1).tobytes()
    tags = page(black, GRAY, bits=1, tags={266: (SHORT, (2,))}).tags
    for packing, strip in ((1, rows), (8, zlib.compress(rows))):
        turned = np.packbits(np.unpackbits(np.frombuffer(strip, np.uint8)), bitorder="little").tobytes()
        (frame,) = _round_trip(tiff_of(Made({**tags, 259: (SHORT, (packing,))}, [turned]))).frames
        np.testing.assert_array_equal(frame.pixels, black * 255)


def test_palettes_stay_without_what_is_not_used() -> None:
    image = Image.fromarray(photo()).quantize(40)
    palette = image.getpalette() or []
    image.putpalette([*palette[:120], *([11, 22, 33] * 216)])
    data = saved(image, "tiff")
    (frame,) = _round_trip(data).frames
    written = codec.encode(codec.decode(data, CONFIG)).data
    again = Image.open(BytesIO(written))
    assert again.mode == "P"
    assert bytes((11, 22, 33)) not in bytes(again.getpalette() or [])
    np.testing.assert_array_equal(np.asarray(again.convert("RGB")), frame.pixels)


@pytest.mark.parametrize(
    ("values", "encoding"),
    [([0x0000, 0xFFFF, 0x8080], "exact"), ([0, 0xFF00, 0x8000], "exact"), ([0, 255, 128], "exact"),
     ([0x0000, 0xFFFF, 0x8012], "reencoded")],
)  # fmt: skip
def test_colour_maps_of_each_custom(values: list[int], encoding: str) -> None:
    indices = np.array([[0, 1, 2]], np.uint8)
    colors = [*values, *([0] * 253)] * 3
    made = page(indices, PALETTE, tags={320: (SHORT, tuple(colors))})
    (frame,) = _round_trip(tiff_of(made), encoding).frames
    np.testing.assert_array_equal(frame.pixels, np.repeat([[[0], [255], [128]]], 3, axis=2))


def test_one_bit_stays_one_bit_as_long_as_there_is_no_gray() -> None:
    data = saved(Image.fromarray(photo()).convert("1"), "tiff", compression="group4")
    picture = codec.decode(data, CONFIG)
    assert Image.open(BytesIO(codec.encode(picture).data)).mode == "1"
    gray = np.where(np.indices((48, 64))[0] < 9, 77, picture.frames[0].pixels).astype(np.uint8)
    written = codec.encode(Picture("tiff", (Frame(gray),), encoder=picture.encoder)).data
    metadata.check(written, "tiff", 64, 48, 1)
    np.testing.assert_array_equal(_as_pillow_sees(written), gray)


@pytest.mark.parametrize("deep", [False, True])
def test_colours_multiplied_by_alpha_come_back_sample_by_sample(deep: bool) -> None:
    kind = np.dtype(np.uint16 if deep else np.uint8)
    full = 65535 if deep else 255
    alpha = np.linspace(0, full, 48 * 64).astype(kind).reshape(48, 64)
    color = photo().astype(kind) * (257 if deep else 1)
    stored = _stack((color * (alpha[..., None] / full)).astype(kind), alpha)
    data = tiff_of(page(stored, RGB, bits=8 * kind.itemsize, tags={338: (SHORT, (1,))}))
    (frame,) = _round_trip(data).frames
    np.testing.assert_array_equal(frame.alpha, alpha)
    raw = multiplied(frame.pixels, alpha)
    np.testing.assert_array_equal(raw, stored[..., :3])


def test_dividing_and_multiplying_is_exact_for_all_8_bit_pairs() -> None:
    color, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    below = color <= alpha
    np.testing.assert_array_equal(multiplied(divided(color, alpha), alpha)[below], color[below])


def test_colours_brighter_than_their_alpha_are_cut_and_it_is_said() -> None:
    stored = np.full((4, 4, 4), 200, np.uint8)
    stored[..., 3] = 100
    _round_trip(tiff_of(page(stored, RGB, tags={338: (SHORT, (1,))})), "reencoded")


def test_what_is_hidden_under_alpha_is_gone() -> None:
    stored = _stack(photo(), np.zeros((48, 64), np.uint8))
    (frame,) = _round_trip(tiff_of(page(stored, RGB, tags={338: (SHORT, (2,))}))).frames
    assert not frame.pixels.any()


@pytest.mark.parametrize(
    ("photometric", "channels", "extra", "alpha_at"),
    [(GRAY, 2, (2,), 1), (GRAY, 2, (0,), None), (GRAY, 2, (), 1), (RGB, 4, (0,), None), (RGB, 4, (), 3),
     (RGB, 5, (0, 2), 4), (RGB, 5, (), None), (CMYK, 5, (2,), 4), (CMYK, 5, (0,), None), (RGB, 4, (999,), 3)],
)  # fmt: skip
def test_samples_beside_the_colours(
    photometric: int, channels: int, extra: tuple[int, ...], alpha_at: int | None
) -> None:
    stored = np.random.default_rng(3).integers(1, 255, (20, 30, channels), dtype=np.uint8)
    tags = {338: (SHORT, extra)} if extra else {}
    (frame,) = _round_trip(tiff_of(page(stored, photometric, tags=dict(tags)))).frames
    colors = {GRAY: 1, RGB: 3, CMYK: 4}[photometric]
    np.testing.assert_array_equal(frame.pixels, stored[..., 0] if colors == 1 else stored[..., :colors])
    if alpha_at is None:
        assert frame.alpha is None
    else:
        np.testing.assert_array_equal(frame.alpha, stored[..., alpha_at])


@pytest.mark.parametrize("deep", [False, True])
def test_ink_stays_ink(deep: bool) -> None:
    ink = _stack(DEEP, DEEP[..., 0]) if deep else _stack(photo(), photo()[..., 0])
    (frame,) = _round_trip(tiff_of(page(ink, CMYK, bits=16 if deep else 8))).frames
    np.testing.assert_array_equal(frame.pixels, ink)


@pytest.mark.parametrize("orientation", [*STORED, 0, 9])
def test_orientations(orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation](cornered()) if orientation in STORED else cornered())
    (frame,) = _round_trip(tiff_of(page(stored, RGB, tags={274: (SHORT, (orientation,))}))).frames
    np.testing.assert_array_equal(frame.pixels, cornered())


def test_pages_of_any_size_and_layout() -> None:
    pages = [
        page(photo(), RGB),
        page(photo(9, 13)[..., 0], GRAY),
        page(DEEP, RGB, bits=16),
        tiled(_stack(photo(20, 30), photo(20, 30)[..., 0]), CMYK, 16),
    ]
    picture = _round_trip(tiff_of(*pages))
    assert [frame.pixels.shape for frame in picture.frames] == [(48, 64, 3), (9, 13), (48, 64, 3), (20, 30, 4)]
    assert [frame.pixels.dtype.itemsize for frame in picture.frames] == [1, 1, 2, 1]
    again = Image.open(BytesIO(codec.encode(picture).data))
    assert len(list(ImageSequence.Iterator(again))) == 4


def test_previews_masks_and_directories_below_are_no_pages() -> None:
    small = photo(10, 10)
    marked = np.frombuffer(MARKER * 20, np.uint8)[:300].reshape(10, 10, 3)
    pages = [
        page(photo(), RGB),
        page(small, RGB, tags={254: (LONG, (1,))}),
        page(small, RGB, tags={255: (SHORT, (2,))}),
        page(small[..., 0] * 0, 1, tags={254: (LONG, (4,))}),
        page(photo(30, 30), RGB, tags={254: (LONG, (2,))}),
    ]
    pages[0].children = [page(marked, RGB)]
    picture = _round_trip(tiff_of(*pages))
    assert [frame.pixels.shape for frame in picture.frames] == [(48, 64, 3), (30, 30, 3)]
    assert MARKER not in codec.encode(picture).data


def test_a_chain_that_comes_back_ends() -> None:
    data = bytearray(tiff_of(page(photo(), RGB), page(photo(9, 9), RGB)))
    data[-4:] = data[4:8]
    assert len(_round_trip(bytes(data)).frames) == 2


def _with_profile(profile: bytes) -> Made:
    return page(photo(), RGB, tags={34675: (UNDEFINED, profile)})


def test_profiles_become_public_ones_or_nothing() -> None:
    wide = next(name for name in ("display-p3", "adobe-rgb") if name in PROFILES)
    kept = _round_trip(tiff_of(_with_profile(PROFILES[wide])))
    assert kept.profile == wide
    assert PROFILES[wide] in codec.encode(kept).data
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + MARKER
    plain = _round_trip(tiff_of(_with_profile(srgb)))
    assert plain.profile is None
    assert MARKER not in codec.encode(plain).data
    odd = _round_trip(tiff_of(_with_profile(swapped_profile())), "reencoded")
    assert odd.profile is None


def test_pages_that_disagree_about_colours_meet_in_srgb() -> None:
    wide = next(name for name in ("display-p3", "adobe-rgb") if name in PROFILES)
    data = tiff_of(_with_profile(PROFILES[wide]), page(photo(), RGB))
    picture = _round_trip(data, "reencoded")
    assert picture.profile is None
    np.testing.assert_array_equal(picture.frames[1].pixels, photo())
    assert (picture.frames[0].pixels != photo()).any()


STYLES = {
    "colours": tiff_of(page(photo(), RGB)),
    "one bit": saved(Image.fromarray(photo()).convert("1"), "tiff"),
    "palette": saved(Image.fromarray(photo()).quantize(256), "tiff"),
    "ink": saved(Image.fromarray(photo()).convert("CMYK"), "tiff", compression="tiff_lzw"),
    "multiplied": tiff_of(page(_stack(photo() // 2, np.full((48, 64), 128, np.uint8)), RGB, tags={338: (SHORT, (1,))})),
    "deep": tiff_of(page(DEEP, RGB, bits=16)),
}


@pytest.mark.parametrize("style", STYLES)
def test_what_lay_under_a_mask_has_no_influence_on_a_byte(style: str) -> None:
    data = STYLES[style]
    outputs = set()
    mask = np.zeros((48, 64), np.bool_)
    mask[10:30, 20:40] = True
    for level in (0, 60, 255):
        picture = codec.decode(data, CONFIG)
        (frame,) = picture.frames
        # As if the source had had something else there, which the redactor then painted over.
        other = frame.pixels.copy()
        other[mask] = level
        redacted = other.copy()
        redacted[mask] = redacted[0, 0]
        alpha = None if frame.alpha is None else np.where(mask, np.iinfo(frame.alpha.dtype).max, frame.alpha)
        ready = Frame(redacted, None if alpha is None else alpha.astype(frame.pixels.dtype), mask)
        outputs.add(codec.encode(Picture("tiff", (ready,), encoder=picture.encoder)).data)
    assert len(outputs) == 1
    metadata.check(outputs.pop(), "tiff", 64, 48, 1)


def test_the_source_is_not_in_the_output_of_a_palette() -> None:
    """A colour that only lay under the mask is in no entry."""
    image = Image.fromarray(np.where(np.indices((48, 64))[0] < 10, 5, 200).astype(np.uint8)).convert("P")
    image.putpalette([1, 2, 3] * 5 + [201, 17, 33] + [9, 9, 9] * 194 + [40, 50, 60] + [0, 0, 0] * 55)
    picture = codec.decode(saved(image, "tiff"), CONFIG)
    mask = np.indices((48, 64))[0] < 10
    redacted = np.where(mask[..., None], 0, picture.frames[0].pixels).astype(np.uint8)
    written = codec.encode(Picture("tiff", (Frame(redacted, None, mask),), encoder=picture.encoder)).data
    used = np.array(Image.open(BytesIO(written)).getpalette()).reshape(-1, 3)
    assert not (used == (201, 17, 33)).all(axis=1).any()
