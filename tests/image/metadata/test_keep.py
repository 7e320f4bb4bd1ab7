"""Kept values: read from dirty sources, rebuilt into clean files, taken out again."""

from __future__ import annotations

import functools
import json
import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from anonymizer.config import CodecConfig, Kept
from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.metadata import keep
from anonymizer.image.metadata.keep import NOTHING, KeptValues
from anonymizer.image.metadata.keep.projection import Projection
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Frame, Picture
from tests.image.codec.samples import MARKER, chunk, photo, rich_exif, saved, segment, webp_of, with_chunk, with_segment
from tests.image.metadata.exif_blocks import block, boxed

ALL: tuple[Kept, ...] = ("orientation", "icc", "capture_year", "gps_coarse", "dpi")
FULL = KeptValues(orientation=True, icc=True, capture_year=2019, position=(525, -1234), dpi=(300, 150))
FORMATS = ("jpeg", "png", "webp", "tiff", "bmp")

ALPHA = np.full((48, 64), 200, np.uint8)
PICTURES = {
    "rgb": (Frame(photo()),),
    "gray": (Frame(photo()[..., 0]),),
    "alpha": (Frame(photo(), ALPHA),),
    "odd": (Frame(photo(1, 3)),),
    "pages": (Frame(photo()), Frame(photo(300, 400)), Frame(photo()[..., 0])),
    "cmyk": (Frame(np.dstack((photo(), photo()[..., 0]))),),
}
LAYOUTS = [
    *((name, layout) for name in FORMATS for layout in ("rgb", "gray", "odd")),
    *((name, "alpha") for name in FORMATS if name != "jpeg"),
    ("tiff", "pages"),
    ("tiff", "cmyk"),
    ("jpeg", "cmyk"),
]


@functools.lru_cache(maxsize=64)
def clean(format_name: str, layout: str, profile: str | None = None) -> bytes:
    return codec.encode(Picture(format_name, PICTURES[layout], profile=profile)).data


def checked(data: bytes, format_name: str, layout: str, names: tuple[str, ...]) -> None:
    first = PICTURES[layout][0]
    metadata.check(data, format_name, first.width, first.height, len(PICTURES[layout]), names)


def positions() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(-900, 900), st.integers(-1800, 1800))


values = st.builds(
    KeptValues,
    orientation=st.booleans(),
    icc=st.booleans(),
    capture_year=st.none() | st.integers(1826, 2100),
    position=st.none() | positions(),
    dpi=st.none() | st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
    projection=st.none()
    | st.builds(
        Projection,
        kind=st.sampled_from(("equirectangular", "cylindrical")),
        sizes=st.just((200_000, 100_000)).flatmap(
            lambda whole: st.tuples(st.just(200_000), st.just(200_000), *(st.integers(1, side) for side in whole))
        ),
        place=st.just((0, 50_000)),
        pose=st.tuples(*(st.none() | st.integers(*limits) for limits in ((0, 360), (-90, 90), (-180, 180)))),
    ),
)


@pytest.mark.parametrize(("format_name", "layout"), LAYOUTS)
@settings(max_examples=12, deadline=None)
@given(kept=values)
def test_what_is_put_in_comes_out_again(format_name, layout, kept):
    data = clean(format_name, layout)
    result, names = keep.insert(data, format_name, kept)
    assert set(names) <= set(kept.names)
    assert keep.strip(result, format_name) == (data, names)
    assert (result == data) == (names == ())
    checked(result, format_name, layout, names)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("layout", ["rgb", "gray"])
def test_every_value_is_held_where_there_is_room(format_name, layout):
    _, names = keep.insert(clean(format_name, layout), format_name, FULL)
    assert names == (("dpi",) if format_name == "bmp" else tuple(sorted(ALL)))


@pytest.mark.parametrize(("format_name", "layout"), LAYOUTS)
def test_the_picture_is_the_same(format_name, layout):
    data = clean(format_name, layout)
    result, _ = keep.insert(data, format_name, FULL)
    before, after = (codec.decode(file, CodecConfig()) for file in (data, result))
    assert len(before.frames) == len(after.frames)
    for one, other in zip(before.frames, after.frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.alpha is None) == (other.alpha is None)
    assert after.profile is None


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff"])
def test_what_was_kept_is_read_again_and_nothing_else(format_name):
    result, _ = keep.insert(clean(format_name, "rgb"), format_name, FULL)
    assert keep.read(result, format_name, ALL) == FULL
    assert keep.read(result, format_name, ()) == NOTHING
    assert keep.read(result, format_name, ("capture_year",)) == KeptValues(capture_year=2019)


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff"])
def test_a_wide_gamut_keeps_its_own_profile(format_name):
    data = clean(format_name, "rgb", "display-p3")
    result, names = keep.insert(data, format_name, FULL)
    assert names == ("capture_year", "dpi", "gps_coarse", "orientation")
    assert keep.strip(result, format_name) == (data, names)
    assert codec.decode(result, CodecConfig()).profile == "display-p3"
    assert keep.strip(data, format_name) == (data, ())


def test_an_animation_keeps_its_frames():
    frames = tuple(Frame(np.roll(photo(), shift, axis=1)) for shift in (0, 9, 20))
    for format_name in ("png", "webp"):
        source = saved_animation(frames, format_name)
        data = codec.encode(codec.decode(source, CodecConfig())).data
        result, names = keep.insert(data, format_name, FULL)
        assert names == tuple(sorted(ALL))
        assert keep.strip(result, format_name) == (data, names)
        assert len(codec.decode(result, CodecConfig()).frames) == 3


def saved_animation(frames: tuple[Frame, ...], format_name: str) -> bytes:
    output = BytesIO()
    first, *others = [Image.fromarray(frame.pixels) for frame in frames]
    first.save(output, format_name.upper(), save_all=True, append_images=others, duration=100, lossless=True)
    return output.getvalue()


@pytest.mark.parametrize("format_name", ["gif", "jp2", "avif", "heif", "pdf"])
def test_other_containers_are_left_alone(format_name):
    assert keep.insert(b"whatever", format_name, FULL) == (b"whatever", ())
    assert keep.strip(b"whatever", format_name) == (b"whatever", ())


@pytest.mark.parametrize("format_name", FORMATS)
def test_without_a_value_nothing_happens(format_name):
    data = clean(format_name, "rgb")
    assert keep.insert(data, format_name, NOTHING) == (data, ())
    assert keep.strip(data, format_name) == (data, ())


def is_change_of_the_clean_file(stripped: bytes, data: bytes) -> bool:
    """What was kept is untouched: the strict walk has to judge the rest."""
    return len(stripped) == len(data) and sum(one != other for one, other in zip(stripped, data, strict=True)) == 1


@pytest.mark.parametrize("format_name", FORMATS)
def test_one_more_byte_or_another_value_is_not_ours(format_name):
    """Whatever bit of the kept structure is changed: either it says another permitted value, or the check fails."""
    data = clean(format_name, "rgb")
    result, names = keep.insert(data, format_name, FULL)
    start = next(at for at in range(len(data)) if data[at] != result[at])
    end = len(result) - next((at for at in range(1, len(data)) if data[-at] != result[-at]), 0) + 1
    other_values = 0
    for at in range(start, end):
        changed = result[:at] + bytes((result[at] ^ 0x41,)) + result[at + 1 :]
        stripped, found = keep.strip(changed, format_name)
        if stripped == data:
            other_values += 1
        elif not is_change_of_the_clean_file(stripped, data) or found != names:
            with pytest.raises(ScrubCheckFailed):
                checked(changed, format_name, "rgb", found)
    assert other_values < 40
    with pytest.raises(ScrubCheckFailed):
        checked(result, format_name, "rgb", ())
    with pytest.raises(ScrubCheckFailed):
        checked(data, format_name, "rgb", names)


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff"])
def test_a_sources_own_block_is_never_ours(format_name):
    exif = rich_exif()
    dirty = {
        "jpeg": lambda data: with_segment(data, 0xE1, b"Exif\0\0" + exif),
        "png": lambda data: with_chunk(data, b"eXIf", exif),
        "webp": lambda data: webp_of(data[12:], b"EXIF" + struct.pack("<I", len(exif)) + exif + bytes(len(exif) % 2)),
        "tiff": lambda data: saved(photo(), "tiff", description="x"),
    }[format_name](clean(format_name, "rgb"))
    assert keep.strip(dirty, format_name) == (dirty, ())
    with pytest.raises(ScrubCheckFailed):
        checked(dirty, format_name, "rgb", ("orientation",))


@given(data=st.binary(max_size=300), format_name=st.sampled_from([*FORMATS, "heif", "avif", "gif"]))
@settings(max_examples=150, deadline=None)
def test_noise_never_raises(data, format_name):
    heads = {"jpeg": b"\xff\xd8", "png": b"\x89PNG\r\n\x1a\n", "webp": b"RIFF\0\0\0\0WEBP", "tiff": b"II*\0\x08\0\0\0"}
    for file in (data, heads.get(format_name, b"") + data):
        keep.read(file, format_name, ALL)
        assert keep.strip(file, format_name)[0] == file or keep.strip(file, format_name)[1]
        keep.insert(file, format_name, FULL)


@pytest.mark.parametrize("format_name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 900), noise=st.binary(min_size=1, max_size=8))
def test_damaged_files_never_raise(format_name, at, noise):
    result, _ = keep.insert(clean(format_name, "rgb"), format_name, FULL)
    damaged = result[:at] + noise + result[at + len(noise) :]
    for file in (damaged, damaged[: at + 1]):
        keep.read(file, format_name, ALL)
        stripped, names = keep.strip(file, format_name)
        assert names or stripped == file


SOURCES = {
    "jpeg": lambda exif: with_segment(saved(photo(), "jpeg"), 0xE1, b"Exif\0\0" + exif),
    "png": lambda exif: with_chunk(saved(photo(), "png"), b"eXIf", exif),
    "webp": lambda exif: saved(photo(), "webp", exif=exif),
    "webp with prefix": lambda exif: saved(photo(), "webp", exif=b"Exif\0\0" + exif),
    "tiff": lambda exif: exif,
    "heif": lambda exif: boxed(exif, 0),
    "avif": lambda exif: boxed(exif, 1),
}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("container", SOURCES)
def test_sources(container, order):
    exif = block(order, orientation=6, year=b"2016:07:08 09:10:11\0", gps=((52, 31, 12.5), b"N", (13, 24, 0), b"W"))
    kept = keep.read(SOURCES[container](exif), container.split()[0], ALL)
    # 52.5201 and 13.4 degrees; across and down change places with the picture.
    assert kept == KeptValues(True, True, 2016, (525, -134), (150, 300))


@pytest.mark.parametrize(
    ("source", "format_name", "dpi"),
    [
        (lambda: saved(photo(), "jpeg", dpi=(300, 200)), "jpeg", (300, 200)),
        (lambda: saved(photo(), "jpeg"), "jpeg", None),
        (lambda: b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\2\2\0\x64\0\x32\0\0"), "jpeg", (254, 127)),
        (lambda: saved(photo(), "png", dpi=(300, 72)), "png", (300, 72)),
        (lambda: with_chunk(saved(photo(), "png"), b"pHYs", struct.pack(">IIB", 4, 3, 0)), "png", None),
        (lambda: saved(photo(), "png") + chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)), "png", None),
        (lambda: saved(photo(), "bmp", dpi=(96, 72)), "bmp", (96, 72)),
        (lambda: saved(photo(), "tiff", dpi=(600, 300)), "tiff", (600, 300)),
        (lambda: saved(photo(), "gif"), "gif", None),
    ],
)
def test_resolution_of_the_container(source, format_name, dpi):
    assert keep.read(source(), format_name, ("dpi",)).dpi == dpi


KNOWN = {
    "Orientation", "XResolution", "YResolution", "ResolutionUnit", "DateTimeOriginal", "GPSLatitudeRef", "GPSLatitude",
    "GPSLongitudeRef", "GPSLongitude", "PixelsPerUnitX", "PixelsPerUnitY", "PixelUnits", "ProfileName", "ExifByteOrder",
}  # fmt: skip


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_exiftool_reads_what_was_kept_and_nothing_else(tmp_path: Path):
    paths = []
    for name in ("jpeg", "png", "webp", "tiff"):
        before, after = tmp_path / f"before.{name}", tmp_path / f"after.{name}"
        before.write_bytes(clean(name, "rgb"))
        after.write_bytes(keep.insert(clean(name, "rgb"), name, FULL)[0])
        paths += [before, after]
    command = ["exiftool", "-j", "-n", "-a", "-G0", *map(str, paths)]
    reports = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for before, after in zip(reports[::2], reports[1::2], strict=True):
        new = {key: value for key, value in after.items() if key not in before}
        own = {key.partition(":")[2]: value for key, value in new.items() if not key.startswith(("ICC", "Composite"))}
        assert set(own) - {"WebP_Flags"} <= KNOWN
        assert "ExifTool:Warning" not in after
        assert own["Orientation"] == 1
        assert own["DateTimeOriginal"] == "2019:  :     :  :  "
        assert (own["GPSLatitudeRef"], own["GPSLongitudeRef"]) == ("N", "W")
        assert after["Composite:GPSLatitude"] == pytest.approx(52.5)
        assert after["Composite:GPSLongitude"] == pytest.approx(-123.4)
        assert own.get("XResolution", own.get("PixelsPerUnitX")) in (300, 11811)
        assert after["ICC_Profile:ProfileDescription"] == "sRGB"


def test_no_byte_of_the_source_travels():
    exif = block("<", year=b"2016:07:08 09:10:11\0", description=MARKER, gps=((52, 31, 12.5), b"N", (13, 24, 0), b"E"))
    for container, make in SOURCES.items():
        format_name = container.split()[0]
        kept = keep.read(make(exif), format_name, ALL)
        assert kept.capture_year == 2016
        for target in FORMATS:
            result, _ = keep.insert(clean(target, "rgb"), target, kept)
            assert MARKER not in result
            assert b"07:08" not in result
            assert struct.pack("<II", 125, 10) not in result


def test_the_profile_that_is_named_is_the_public_one():
    for name, layout, profile in (("jpeg", "rgb", "srgb"), ("webp", "gray", "srgb"), ("png", "gray", "gray-srgb")):
        result, names = keep.insert(clean(name, layout), name, KeptValues(icc=True))
        assert names == ("icc",)
        assert PROFILES[profile] in result


DATA = Path(__file__).parents[4] / "shared" / "data" / "meta"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the heap of odd files")
def test_odd_files_are_read_without_harm():
    found = 0
    for path in sorted(DATA.rglob("*"))[::3]:
        if not path.is_file() or path.stat().st_size > 4_000_000:
            continue
        data = path.read_bytes()
        for format_name in ("jpeg", "png", "webp", "tiff", "bmp", "heif"):
            kept = keep.read(data, format_name, ALL)
            found += kept.capture_year is not None
            stripped, names = keep.strip(data, format_name)
            assert (stripped, names) == (data, ()) or names in (("dpi",), ("icc",), ("orientation",))
    assert found > 10
