"""JPEG 2000 is written lossless, with the boxes or the bare codestream that the source had."""

from __future__ import annotations

import resource
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError, ImageTooLarge, ObjectError
from anonymizer.image import codec, metadata
from anonymizer.image.codec.jp2 import Settings
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Frame, Picture, Pixels, Samples
from tests.image.codec.heic import box
from tests.image.codec.samples import CONFIG, MARKER, icc_profile, only_frame, photo, saved, swapped_profile

PHOTO = photo()
HEIGHT, WIDTH = PHOTO.shape[:2]
DEEP = PHOTO.astype(np.uint16) << np.uint16(8) | PHOTO[::-1]
INKS = np.dstack((PHOTO, PHOTO[..., 0]))


def _alpha() -> Pixels:
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:24] = 0
    alpha[24:30] = 100
    return alpha


DEEP_ALPHA = _alpha().astype(np.uint16) * np.uint16(257)


def _written(pixels: Samples, alpha: Samples | None = None, *, boxed: bool = True) -> bytes:
    output = codec.encode(Picture("jp2", (Frame(pixels, alpha),), encoder=Settings(boxed)))
    assert (output.format, output.encoding) == ("jp2", "exact")
    metadata.check(output.data, "jp2", pixels.shape[1], pixels.shape[0])
    return output.data


def _published(data: bytes) -> Encoded:
    """What is written of a source; it decodes to the same samples."""
    picture = codec.decode(data, CONFIG)
    output, frame = codec.encode(picture), picture.frames[0]
    metadata.check(output.data, "jp2", frame.width, frame.height)
    assert set(metadata.inventory(output.data, "jp2")) <= {"icc"}
    np.testing.assert_array_equal(only_frame(output.data).pixels, frame.pixels)
    return output


def _with_header(data: bytes, *parts: bytes, instead_of: tuple[bytes, ...] = ()) -> bytes:
    """A JP2 file as Pillow writes it, with other boxes in its header."""
    at = data.index(b"jp2h") - 4
    end = at + struct.unpack_from(">I", data, at)[0]
    kept, place = [], at + 8
    while place < end:
        size, name = struct.unpack_from(">I4s", data, place)
        kept += [data[place : place + size]] if name not in instead_of else []
        place += size
    return data[:at] + box(b"jp2h", *kept, *parts) + data[end:]


def _with_size(data: bytes, *fields: int) -> bytes:
    """Another Xsiz, Ysiz, XOsiz, YOsiz, XTsiz, YTsiz in SIZ, as many as there are."""
    changed, at = bytearray(data), data.index(b"\xff\x4f\xff\x51") + 8
    struct.pack_into(f">{len(fields)}I", changed, at, *fields)
    return bytes(changed)


@pytest.mark.parametrize("boxed", [True, False], ids=["boxes", "codestream"])
@pytest.mark.parametrize(
    "pixels",
    [PHOTO, PHOTO[..., 0], photo(1, 1), photo(1, 1)[..., 0], photo(13, 7), INKS, DEEP, DEEP[..., 0]],
    ids=["color", "gray", "one pixel", "one gray pixel", "odd size", "inks", "deep color", "deep gray"],
)
def test_samples_are_kept_exactly(pixels: Samples, boxed: bool) -> None:
    data = _written(pixels, boxed=boxed)
    frame = only_frame(data)
    assert frame.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(frame.pixels, pixels)
    # A codestream cannot tell that its four components are inks.
    assert data.startswith(b"\xff\x4f") == (not boxed and pixels.shape[2:] != (4,))


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [(PHOTO, _alpha()), (PHOTO[..., 0], _alpha()), (DEEP, DEEP_ALPHA), (DEEP[..., 0], DEEP_ALPHA)],
    ids=["color", "gray", "deep color", "deep gray"],
)
def test_alpha_is_kept_exactly_and_nothing_is_hidden_under_it(pixels: Samples, alpha: Samples) -> None:
    frame = only_frame(_written(pixels, alpha))
    assert frame.alpha is not None
    np.testing.assert_array_equal(frame.alpha, alpha)
    assert not frame.pixels[:24].any()
    shown = frame.pixels if frame.pixels.ndim == pixels.ndim else frame.pixels[..., 0]
    np.testing.assert_array_equal(shown[24:], pixels[24:])


def _of_depth(samples: Samples, depth: int, *, boxed: bool, signed: bool = False) -> bytes:
    """A file whose codestream says that its samples have so many bits.

    It is written with 16: only what is added to all samples differs, half of the range (ISO/IEC 15444-1, G.1).
    """
    moved = samples.astype(np.int64) - (0 if signed else 2 ** (depth - 1)) + 2**15
    data = bytearray(_written(moved.astype(np.uint16), boxed=boxed))
    at = data.index(b"\xff\x4f\xff\x51") + 42
    count = 1 if samples.ndim == 2 else samples.shape[2]
    for component in range(count):
        data[at + 3 * component] = depth - 1 | (0x80 if signed else 0)
    if boxed:
        data[data.index(b"ihdr") + 14] = depth - 1 | (0x80 if signed else 0)
    return bytes(data)


@pytest.mark.parametrize("boxed", [True, False], ids=["boxes", "codestream"])
@pytest.mark.parametrize("color", [False, True], ids=["gray", "color"])
@pytest.mark.parametrize("depth", range(9, 17))
def test_each_depth_is_spread_once(depth: int, color: bool, boxed: bool) -> None:
    ramp = np.linspace(0, 2**depth - 1, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    stored = np.dstack((ramp, ramp[::-1], ramp)) if color else ramp
    data = _of_depth(stored, depth, boxed=boxed)
    wanted = np.rint(stored.astype(np.float64) * 65535 / (2**depth - 1)).astype(np.uint16)
    np.testing.assert_array_equal(only_frame(data).pixels, wanted)
    assert _published(data).encoding == "exact"


@pytest.mark.parametrize("first", ["gray", "alpha", "codestream"])
@pytest.mark.parametrize("depth", [9, 12, 16])
def test_deep_gray_with_alpha_keeps_every_bit_of_both(depth: int, first: str) -> None:
    """OpenCV gives no alpha beside gray, Pillow 8 bit in which opaque has become transparent."""
    imagecodecs = pytest.importorskip("imagecodecs")
    greatest = 2**depth - 1
    ramp = np.linspace(0, greatest, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    alpha = np.maximum(ramp[::-1], 1)
    stored = np.dstack((alpha, ramp) if first == "alpha" else (ramp, alpha))
    form = "j2k" if first == "codestream" else "jp2"
    data = imagecodecs.jpeg2k_encode(stored, reversible=True, bitspersample=depth, codecformat=form)
    if first == "alpha":
        roles = struct.pack(">7H", 2, 0, 1, 0, 1, 0, 1)
        data = _with_header(data, box(b"cdef", roles), instead_of=(b"cdef",))
    frame = only_frame(data)
    assert frame.alpha is not None
    for found, samples in ((frame.pixels, ramp), (frame.alpha, alpha)):
        wanted = np.rint(samples.astype(np.float64) * 65535 / greatest).astype(np.uint16)
        np.testing.assert_array_equal(found, wanted)
    assert codec.encode(codec.decode(data, CONFIG)).encoding == "exact"


@pytest.mark.parametrize("depth", [10, 12, 16])
def test_gray_below_zero(depth: int) -> None:
    ramp = np.linspace(0, 2**depth - 1, HEIGHT * WIDTH).astype(np.int64).reshape(HEIGHT, WIDTH)
    data = _of_depth(ramp - 2 ** (depth - 1), depth, boxed=True, signed=True)
    wanted = np.rint(ramp * 65535 / (2**depth - 1)).astype(np.uint16)
    np.testing.assert_array_equal(only_frame(data).pixels, wanted)


@pytest.mark.parametrize("alpha", [None, DEEP_ALPHA], ids=["opaque", "alpha"])
def test_inks_of_16_bit_are_not_written(alpha: Samples | None) -> None:
    with pytest.raises(EncodeError):
        codec.encode(Picture("jp2", (Frame(np.dstack((DEEP, DEEP[..., 0])), alpha),)))
    with pytest.raises(EncodeError):
        codec.encode(Picture("jp2", (Frame(INKS, _alpha()),)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_each_mode_of_a_source(mode: str) -> None:
    image = Image.fromarray(np.dstack((PHOTO, _alpha()))).convert("RGB" if mode in ("L", "CMYK") else "RGBA")
    image = image.convert(mode)
    data = saved(image, "jpeg2000")
    frame = only_frame(data)
    stored = np.asarray(image)
    colors = stored if not mode.endswith("A") else stored[..., 0] if mode == "LA" else stored[..., :3]
    np.testing.assert_array_equal(frame.pixels[30:], colors[30:])
    assert (frame.alpha is not None) == mode.endswith("A")
    assert _published(data).encoding == "exact"


@pytest.mark.parametrize(
    "settings",
    [
        {"irreversible": True, "quality_mode": "rates", "quality_layers": [20]},
        {"tile_size": (32, 32)},
        {"plt": True},
        {"no_jp2": True},
        {"num_resolutions": 2, "progression": "RPCL"},
    ],
    ids=["lossy", "tiles", "lengths of packets", "codestream", "other order"],
)
def test_each_way_of_coding_becomes_ours(settings: dict[str, Any]) -> None:
    data = saved(PHOTO, "jpeg2000", comment=MARKER, **settings)
    assert metadata.inventory(data, "jp2") == ("comment",)
    output = _published(data).data
    assert output.startswith(b"\xff\x4f") == ("no_jp2" in settings)
    assert MARKER in data
    assert MARKER not in output


def test_full_luma_and_chroma_become_rgb() -> None:
    data = saved(Image.fromarray(PHOTO).convert("YCbCr"), "jpeg2000")
    assert np.abs(only_frame(data).pixels.astype(int) - PHOTO).max() <= 4
    assert _published(data).encoding == "reencoded"


def test_a_palette_becomes_colors() -> None:
    indices = (PHOTO[..., 0] // 64).astype(np.uint8)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 99, 199]], np.uint8)
    entries = struct.pack(">HB", 4, 3) + b"\7\7\7" + palette.tobytes()
    mapping = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3))
    parts = box(b"colr", b"\1\0\0", struct.pack(">I", 16)), box(b"pclr", entries), box(b"cmap", mapping)
    data = _with_header(saved(indices, "jpeg2000"), *parts, instead_of=(b"colr",))
    np.testing.assert_array_equal(only_frame(data).pixels, palette[indices])
    _published(data)


@pytest.mark.parametrize(("profile", "encoding"), [(icc_profile(), "exact"), (swapped_profile(), "reencoded")])
def test_a_profile_is_applied_and_dropped(profile: bytes, encoding: str) -> None:
    colors = box(b"colr", b"\2\0\0", profile)
    data = _with_header(saved(PHOTO, "jpeg2000"), colors, instead_of=(b"colr",))
    output = _published(data)
    assert output.encoding == encoding
    assert metadata.inventory(data, "jp2") == ("comment", "icc")
    assert metadata.inventory(output.data, "jp2") == ()


def test_a_public_profile_stays() -> None:
    colors = box(b"colr", b"\2\0\0", PROFILES["display-p3"])
    data = _with_header(saved(PHOTO, "jpeg2000"), colors, instead_of=(b"colr",))
    assert codec.decode(data, CONFIG).profile == "display-p3"
    assert codec.decode(_published(data).data, CONFIG).profile == "display-p3"


@pytest.mark.parametrize(
    "data",
    [
        saved(PHOTO, "jpeg2000"),
        saved(PHOTO, "jpeg2000", no_jp2=True),
        _written(DEEP),
        _written(DEEP[..., 0], boxed=False),
        saved(PHOTO, "jpeg2000", tile_size=(32, 32)),
    ],
    ids=["boxes", "codestream", "deep color", "deep gray", "tiles"],
)
def test_a_file_cut_short_is_refused(data: bytes) -> None:
    for length in (*range(0, len(data), len(data) // 50), len(data) - 3, len(data) - 1):
        with pytest.raises(ObjectError):
            codec.decode(data[:length], CONFIG)


@pytest.mark.parametrize("data", [saved(PHOTO, "jpeg2000"), _written(DEEP)], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize(
    "fields",
    [
        (0, 0),
        (WIDTH, HEIGHT, WIDTH, HEIGHT),
        (WIDTH, HEIGHT, 100, 100),
        (2**32 - 1, 2**32 - 1),
        (2**31 + WIDTH, 2**31 + HEIGHT, 2**31, 2**31),
        (13_000, 13_000),
    ],
    ids=["none", "offset is the size", "offset beyond the size", "greatest", "far away", "over the limit"],
)
def test_a_size_that_cannot_be_is_refused(data: bytes, fields: tuple[int, ...]) -> None:
    with pytest.raises(ObjectError):
        codec.decode(_with_size(data, *fields), CONFIG)


@pytest.mark.parametrize("data", [saved(PHOTO, "jpeg2000", no_jp2=True), _written(DEEP)], ids=["8 bit", "16 bit"])
def test_a_size_that_is_not_the_coded_one_takes_no_more_than_it_says(data: bytes) -> None:
    """2000 × 2000 of six bytes and their temporary copies."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for fields in ((2000, 2000), (2000, 2000, 0, 0, 2000, 2000), (60_000, 1, 0, 0, 60_000, 1)):
        try:
            frame = only_frame(_with_size(data, *fields))
        except ObjectError:
            continue
        assert (frame.width, frame.height) == fields[:2]
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 400 * 1024


@pytest.mark.parametrize("boxed", [True, False], ids=["boxes", "codestream"])
def test_limits_hold(boxed: bool) -> None:
    data = _written(PHOTO, boxed=boxed)
    codec.decode(data, CodecConfig(max_pixels=HEIGHT * WIDTH))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=HEIGHT * WIDTH - 1))


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "16 bit"])
def test_nothing_under_a_mask_goes_into_the_output(deep: bool) -> None:
    outputs = []
    tiles: dict[str, Any] = {} if deep else {"tile_size": (32, 32)}
    for hidden, settings in ((0, {}), (255, {"comment": MARKER, **tiles})):
        pixels = DEEP[..., 0].copy() if deep else PHOTO.copy()
        pixels[8:24, 8:24] = hidden
        picture = codec.decode(saved(pixels, "jpeg2000", **settings), CONFIG)
        masked = picture.frames[0].pixels.copy()
        masked[8:24, 8:24] = 127
        outputs.append(codec.encode(replace(picture, frames=(Frame(masked),))).data)
    assert outputs[0] == outputs[1]
