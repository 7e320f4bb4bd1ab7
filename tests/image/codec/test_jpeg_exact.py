"""JPEG, exact: outside the mask every coefficient is the source's, and nothing else of the source is there."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.config import CodecConfig, RedactionConfig
from anonymizer.image import codec, metadata, redactors
from anonymizer.image.codec.jpeg import source as jpeg_source
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from anonymizer.image.geometry import head_mask, widened
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Frame, Grid, Mask, Picture
from tests.image.codec.coefficients import ARITHMETIC, PROGRESSIVE, coefficients, transformed, with_blocks
from tests.image.codec.samples import (
    CONFIG,
    MARKER,
    icc_profile,
    orientation_exif,
    photo,
    saved,
    segment,
    swapped_profile,
    with_segment,
)

REENCODE = CodecConfig(jpeg="reencode")
BOXES = np.array([[30, 20, 70, 60], [150, 90, 200, 130]], np.int32)


def _source(kind: str, height: int = 96, width: int = 160, **settings: Any) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (height // 6, width // 6, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    settings = {"quality": 88} | settings
    if kind == "rgb":
        return saved(image, "jpeg", keep_rgb=True, **settings)
    if kind in ("gray", "cmyk"):
        return saved(image.convert("L" if kind == "gray" else "CMYK"), "jpeg", **settings)
    if kind == "ycck":
        # The same bytes with Adobe's other number: a picture of odd colours, but a picture.
        data = saved(image.convert("CMYK"), "jpeg", **settings)
        return data.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\2")
    subsamplings = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, "4:4:0": 1, "4:1:1": "4:1:1"}
    data = saved(image, "jpeg", subsampling=subsamplings[kind], **settings)
    return data.replace(b"\3\1\x21\0", b"\3\1\x12\0") if kind == "4:4:0" else data


KINDS = ("4:4:4", "4:2:2", "4:2:0", "4:1:1", "gray", "rgb", "cmyk", "ycck")


def _encoded(picture: Picture) -> Encoded:
    """Written and checked."""
    written = codec.encode(picture)
    frame = picture.frames[0]
    metadata.check(written.data, "jpeg", frame.width, frame.height)
    return written


def _rewritten(data: bytes) -> Encoded:
    return _encoded(codec.decode(data, CONFIG))


def _redacted(picture: Picture, fill: int = 77) -> Picture:
    """With constant masks over `BOXES`."""
    frame = picture.frames[0]
    mask = head_mask(BOXES, frame.width, frame.height, picture.grid)
    pixels = frame.pixels.copy()
    pixels[mask] = fill
    return replace(picture, frames=(Frame(pixels, None, mask),))


def _in_blocks(mask: Mask, grid: Grid, shape: tuple[int, ...]) -> Mask:
    """(rows, columns) bool: which blocks of a component lie in the mask, whose corners of MCUs tell it all."""
    corners = mask[:: grid.height, :: grid.width]
    rows, columns = -(-shape[0] // len(corners)), -(-shape[1] // corners.shape[1])
    return corners.repeat(rows, axis=0).repeat(columns, axis=1)[: shape[0], : shape[1]]


def _turned(data: bytes, orientation: int) -> bytes:
    return data[:2] + segment(0xE1, b"Exif\0\0" + orientation_exif(orientation)) + data[2:]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(96, 160), (61, 43), (1, 1)])
def test_every_coefficient_stays(kind: str, progressive: bool, size: tuple[int, int]) -> None:
    height, width = max(size[0], 6), max(size[1], 6)
    source = _source(kind, height, width, progressive=progressive)
    written = _rewritten(source)
    assert written.encoding == "exact"
    before, after = coefficients(source), coefficients(written.data)
    assert before.keys() == after.keys()
    for number, blocks in before.items():
        np.testing.assert_array_equal(after[number], blocks)
    first, second = (codec.decode(data, CONFIG).frames[0].pixels for data in (source, written.data))
    np.testing.assert_array_equal(first, second)
    assert (b"\xff\xc2" in written.data) is progressive


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("progressive", [False, True])
def test_outside_the_mask_every_coefficient_stays_and_inside_is_what_was_painted(kind: str, progressive: bool) -> None:
    source = _source(kind, 101, 203, progressive=progressive)
    picture = _redacted(codec.decode(source, CONFIG))
    mask = picture.frames[0].redacted
    assert mask is not None
    written = _encoded(picture)
    assert written.encoding == "exact"
    before, after = coefficients(source), coefficients(written.data)
    for number, blocks in before.items():
        inside = _in_blocks(mask, picture.grid, blocks.shape)
        np.testing.assert_array_equal(after[number][~inside], blocks[~inside])
        assert not after[number][inside][:, 1:].any()
    seen = codec.decode(written.data, CONFIG).frames[0].pixels.astype(int)
    # A decoder mixes the colours of neighbours in at the edge of a mask.
    core = ~widened(~mask, picture.grid.reach)
    assert np.abs(seen[core] - 77).max() <= 3
    untouched = ~widened(mask, picture.grid.reach)
    np.testing.assert_array_equal(seen[untouched], codec.decode(source, CONFIG).frames[0].pixels[untouched])


def test_what_is_painted_is_transformed_as_a_jpeg_library_does() -> None:
    source = saved(photo(48, 64), "jpeg", quality=90, subsampling=2)
    picture = codec.decode(source, CONFIG)
    painted = np.asarray(Image.fromarray(photo(48, 64)[::-1]))
    everything = replace(picture, frames=(Frame(painted, None, np.ones((48, 64), bool)),))
    ours, theirs = (
        coefficients(_encoded(everything).data),
        coefficients(saved(painted, "jpeg", quality=90, subsampling=2)),
    )
    for number, blocks in theirs.items():
        # Pillow's library rounds samples before it transforms them.
        assert np.abs(ours[number].astype(int) - blocks).max() <= 1


def test_a_mask_is_rounded_out_to_whole_units() -> None:
    picture = codec.decode(_source("4:2:0"), CONFIG)
    mask = np.zeros((96, 160), bool)
    mask[40, 50] = True
    pixels = picture.frames[0].pixels.copy()
    pixels[32:48, 48:64] = 0
    seen = codec.decode(_encoded(replace(picture, frames=(Frame(pixels, None, mask),))).data, CONFIG).frames[0].pixels
    assert seen[34:46, 50:62].max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["4:4:4", "4:2:2", "4:2:0", "gray", "cmyk"])
def test_rotation_is_lossless_where_the_size_allows(kind: str, orientation: int) -> None:
    plain = _source(kind)
    picture = codec.decode(_turned(plain, orientation), CONFIG)
    written = _encoded(picture)
    assert written.encoding == "exact"
    # Turned back, the very coefficients are there: magnitudes at least, mirroring changes signs.
    before, after = coefficients(plain), coefficients(written.data)
    for number, blocks in before.items():
        for sums in (lambda c: np.sort(np.abs(c.astype(int)).sum(axis=2).ravel()), lambda c: np.abs(c).max()):
            np.testing.assert_array_equal(sums(blocks), sums(after[number]))
    seen = codec.decode(written.data, CONFIG).frames[0].pixels.astype(int)
    assert np.abs(seen - picture.frames[0].pixels).max() <= 4
    redacted = _encoded(_redacted(picture))
    assert redacted.encoding == "exact"
    mask = head_mask(BOXES, seen.shape[1], seen.shape[0], picture.grid)
    again = codec.decode(redacted.data, CONFIG).frames[0].pixels.astype(int)
    assert np.abs(again[~widened(~mask, picture.grid.reach)] - 77).max() <= 3


@pytest.mark.parametrize(
    ("size", "exact"),
    [
        ((96, 160), {1, 2, 3, 4, 5, 6, 7, 8}),
        ((96, 161), {1, 4, 5, 6}),
        ((97, 160), {1, 2, 5, 8}),
        ((97, 161), {1, 5}),
        ((104, 160), {1, 2, 5, 8}),
    ],
)
def test_a_mirrored_side_has_to_be_whole(size: tuple[int, int], exact: set[int]) -> None:
    source = _source("4:2:0", *size)
    found = {number for number in range(1, 9) if _rewritten(_turned(source, number)).encoding == "exact"}
    assert found == exact


def _disturbed(source: bytes, mask: Mask, grid: Grid) -> bytes:
    """Other coefficients in every block of the mask."""
    random = np.random.default_rng(11)
    patches = {}
    for number, blocks in coefficients(source).items():
        rows, columns = np.nonzero(_in_blocks(mask, grid, blocks.shape))
        other = random.integers(-20, 21, (len(rows), 64)).astype(np.int16)
        patches[number] = jpeg_turbo.Patch(rows, columns, other)
    return with_blocks(source, patches)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["smooth", "solid"])
@pytest.mark.parametrize("orientation", [1, 5])
def test_what_lay_under_the_mask_changes_no_byte(kind: str, method: Any, orientation: int) -> None:
    """Non-interference."""
    redactor = redactors.make(RedactionConfig(method=method))
    source = _source(kind, 128, 224)
    outputs = []
    for data in (source, _disturbed(source, _stored_mask(source, orientation), codec.decode(source, CONFIG).grid)):
        picture = codec.decode(_turned(data, orientation), CONFIG)
        frame = redactors.redact_frame(redactor, picture.frames[0], BOXES, picture.grid)
        outputs.append(_encoded(replace(picture, frames=(frame,))))
    assert outputs[0].encoding == "exact"
    assert outputs[0] == outputs[1]


def _stored_mask(source: bytes, orientation: int) -> Mask:
    """The mask of `BOXES` as it lies in the stored picture (orientation 1 or 5: transposed)."""
    picture = codec.decode(_turned(source, orientation), CONFIG)
    mask = head_mask(BOXES, picture.frames[0].width, picture.frames[0].height, picture.grid)
    return mask if orientation == 1 else np.ascontiguousarray(mask.T)


@pytest.mark.parametrize("kind", [*KINDS, "4:4:0"])
def test_a_decoder_shows_changes_no_farther_than_the_reach(kind: str) -> None:
    source = _source(kind)
    before = codec.decode(source, CONFIG)
    mask = head_mask(BOXES[:1], 160, 96, before.grid)
    after = codec.decode(_disturbed(source, mask, before.grid), CONFIG)
    changed = before.frames[0].pixels != after.frames[0].pixels
    changed = changed if changed.ndim == 2 else changed.any(axis=2)
    assert not changed[~widened(mask, before.grid.reach)].any()
    # One pixel is what libjpeg's triangle filter takes; the rest is for other decoders.
    assert not changed[~widened(mask, min(before.grid.reach, 1))].any()


def _without_last_scan(data: bytes) -> bytes:
    return data[: data.rindex(b"\xff\xda")] + b"\xff\xd9"


def _damaged(data: bytes) -> bytes:
    """A scan that ends before the picture does."""
    return data[: len(data) - 200] + b"\xff\xd9"


def _with_step(data: bytes, step: int) -> bytes:
    at = data.index(b"\xff\xdb") + 5
    return data[:at] + bytes([step]) + data[at + 1 :]


FALLBACKS = {
    "asked for": (_source("4:2:0"), REENCODE),
    "colours converted": (with_segment(_source("4:2:0"), 0xE2, b"ICC_PROFILE\0\1\1" + swapped_profile()), CONFIG),
    "precision not sent": (_without_last_scan(_source("4:2:0", progressive=True)), CONFIG),
    "ends early": (_damaged(_source("4:2:0")), CONFIG),
    "step of zero": (_with_step(_source("4:2:0"), 0), CONFIG),
}


@pytest.mark.parametrize("case", FALLBACKS)
def test_where_it_cannot_be_exact_it_says_so(case: str) -> None:
    data, config = FALLBACKS[case]
    picture = _redacted(codec.decode(data, config))
    written = _encoded(picture)
    assert written.encoding == "reencoded"
    assert np.abs(codec.decode(written.data, CONFIG).frames[0].pixels[30:50, 40:60].astype(int) - 77).max() < 12


def test_without_the_library_pictures_are_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_turbo, "_library", lambda: None)
    picture = codec.decode(_source("4:2:0"), CONFIG)
    assert picture.grid == Grid()
    assert _encoded(picture).encoding == "reencoded"


@pytest.mark.parametrize("kind", ["4:2:0", "gray", "cmyk"])
@pytest.mark.parametrize("options", [ARITHMETIC, ARITHMETIC | PROGRESSIVE])
def test_arithmetic_coding_is_exact_in_and_huffman_out(kind: str, options: int) -> None:
    source, before = transformed(_source(kind), options)
    assert b"\xff\xc9" in source or b"\xff\xca" in source
    written = _rewritten(source)
    assert written.encoding == "exact"
    assert b"\xff\xc0" in written.data or b"\xff\xc2" in written.data
    for number, blocks in coefficients(written.data).items():
        np.testing.assert_array_equal(blocks, before[number])


@pytest.mark.parametrize("step", [256, 65535])
def test_steps_of_16_bits_are_exact(step: int) -> None:
    good = _source("gray")
    at = good.index(b"\xff\xdb")
    table = segment(0xDB, struct.pack(">B64H", 0x10, 3, *[step] * 63))
    source = (good[:at] + table + good[at + 69 :]).replace(b"\xff\xc0\0", b"\xff\xc1\0")
    written = _encoded(_redacted(codec.decode(source, CONFIG)))
    assert written.encoding == "exact"
    assert b"\xff\xc1\0" in written.data


CLEAN = _source("4:2:0")
_SCAN_AT = CLEAN.index(b"\xff\xda")

DIRTY: dict[str, bytes] = {
    "bytes before the frame": CLEAN[:20] + MARKER + CLEAN[20:],
    "bytes before the scan": CLEAN[:_SCAN_AT] + MARKER + CLEAN[_SCAN_AT:],
    "bytes behind the end": CLEAN + MARKER,
    "fill bytes": CLEAN[:20] + b"\xff" * 30 + CLEAN[20:-2] + b"\xff" * 30 + b"\xff\xd9",
    "comment behind the scan": CLEAN[:-2] + segment(0xFE, MARKER) + b"\xff\xd9",
    "a table that nothing uses": with_segment(CLEAN, 0xDB, b"\3" + MARKER.ljust(64, b"x")),
    "a restart interval": with_segment(CLEAN, 0xDD, b"\0\0"),
    "another scan": CLEAN[:-2] + _source("4:2:0", quality=30)[_SCAN_AT:],
    "the same scan twice": CLEAN[:-2] + CLEAN[_SCAN_AT:],
    "density": CLEAN[:13] + b"\1\1\x2c\1\x2c" + CLEAN[18:],
    "thumbnail": CLEAN[:2] + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + MARKER[:12]) + CLEAN[20:],
    "component names": CLEAN.replace(b"\3\1\x22\0\2\x11\1\3\x11\1", b"\3x\x22\0y\x11\1z\x11\1").replace(
        b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11", b"\xff\xda\0\x0c\3x\0y\x11z\x11"
    ),
    "profile that is sRGB": with_segment(CLEAN, 0xE2, b"ICC_PROFILE\0\1\1" + icc_profile()),
    "a second picture": CLEAN + _source("gray"),
}


@pytest.mark.parametrize("dirt", DIRTY)
def test_dirt_leaves_no_trace(dirt: str) -> None:
    """The file that comes out is the one that comes out of a clean source."""
    assert DIRTY[dirt] != CLEAN
    assert _rewritten(DIRTY[dirt]) == _rewritten(CLEAN)


@pytest.mark.parametrize("settings", [{"restart_marker_blocks": 3}, {"restart_marker_rows": 1}])
def test_how_the_entropy_coding_was_cut_up_leaves_no_trace(settings: dict[str, Any]) -> None:
    assert _rewritten(_source("4:2:0", **settings)) == _rewritten(CLEAN)


def test_codes_are_made_to_measure_where_the_source_has_such() -> None:
    plain, optimized = _source("4:2:0"), _source("4:2:0", optimize=True)
    assert len(optimized) < len(plain)
    sizes = [len(_rewritten(data).data) for data in (plain, optimized)]
    assert sizes == [pytest.approx(len(plain), abs=40), pytest.approx(len(optimized), abs=40)]
    written = [coefficients(_rewritten(data).data) for data in (plain, optimized)]
    for number, blocks in written[0].items():
        np.testing.assert_array_equal(blocks, written[1][number])


@pytest.mark.parametrize("change", [b"\xff\xc4\0\x1f\0", b"\xff\xc4\0\x1f\1"])
def test_codes_that_differ_in_one_length_are_its_own(change: bytes) -> None:
    assert jpeg_source.read(CLEAN).layout.codes == "standard"
    at = CLEAN.index(change) + len(change)
    other = CLEAN[:at] + bytes([CLEAN[at] + 1, CLEAN[at + 1] - 1]) + CLEAN[at + 2 :]
    assert jpeg_source.read(other).layout.codes == "optimized"


def test_a_surplus_scan_of_a_progressive_picture_is_dropped() -> None:
    source = _source("4:2:0", progressive=True)
    at = source.rindex(b"\xff\xda")
    written = _rewritten(source[:-2] + source[at:])
    assert written == _rewritten(source)
    assert written.encoding == "exact"


def _with_height(data: bytes, height: int) -> bytes:
    at = re.search(rb"\xff[\xc0\xc2]\0\x11", data).end() + 1  # type: ignore[union-attr]
    return data[:at] + struct.pack(">H", height) + data[at + 2 :]


@pytest.mark.parametrize("progressive", [False, True])
def test_rows_beyond_the_frame_are_gone(progressive: bool) -> None:
    """A lowered height hides rows that patching it back brings out; not out of ours."""
    whole = _source("4:2:0", progressive=progressive)
    lowered = _with_height(whole, 32)
    patched = codec.decode(_with_height(lowered, 96), CONFIG).frames[0].pixels
    np.testing.assert_array_equal(patched, codec.decode(whole, CONFIG).frames[0].pixels)
    written = _rewritten(lowered)
    # The library warns of bytes that no row of the frame needs, and we keep no coefficient of such a file.
    assert written.encoding == "reencoded"
    revealed = codec.decode(_with_height(written.data, 96), CONFIG).frames[0].pixels
    # The bits that fill up the last byte make a unit; where nothing is left, libjpeg shows gray.
    assert (revealed[34:, 18:] == 128).all()
    assert (revealed[50:] == 128).all()
    with pytest.raises(jpeg_turbo.TransformRefused):
        with_blocks(lowered, {})


def test_no_row_of_blocks_is_kept_that_is_not_shown() -> None:
    for height in range(16, 33):
        source = _with_height(_source("4:2:0", height), height)
        found = coefficients(_rewritten(source).data)
        assert [len(found[number]) for number in range(3)] == [-(-height // 8), -(-height // 16), -(-height // 16)]


def test_a_public_profile_is_written_with_its_exact_bytes() -> None:
    profile = PROFILES["display-p3"]
    data = with_segment(CLEAN, 0xE2, b"ICC_PROFILE\0\1\1" + profile)
    picture = codec.decode(data, CONFIG)
    assert picture.profile == "display-p3"
    written = _encoded(picture)
    assert written.encoding == "exact"
    assert profile in written.data
    assert metadata.inventory(written.data, "jpeg") == ()
    assert profile in _encoded(codec.decode(data, REENCODE)).data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("progressive", [False, True])
def test_the_library_reads_what_pillow_reads(kind: str, progressive: bool) -> None:
    source = jpeg_source.read(_source(kind, 97, 161, progressive=progressive))
    found = jpeg_turbo.decompress(source.bare, source.layout, scan_limit=100)
    if kind in ("rgb", "cmyk", "ycck"):
        assert found is None  # Left to Pillow.
    else:
        np.testing.assert_array_equal(found, np.asarray(Image.open(BytesIO(source.bare))))


def test_the_library_reads_no_other_picture_than_the_header_says() -> None:
    source = jpeg_source.read(CLEAN)
    for other in (
        replace(source.layout, width=8),
        replace(source.layout, height=8),
        replace(source.layout, model="gray"),
    ):
        assert jpeg_turbo.decompress(source.bare, other, scan_limit=100) is None
    assert jpeg_turbo.decompress(source.bare[:-40], source.layout, scan_limit=100) is None
    assert jpeg_turbo.decompress(b"", source.layout, scan_limit=100) is None


def test_nothing_of_the_source_is_shown_or_compared() -> None:
    picture = codec.decode(CLEAN, CONFIG)
    assert "\\xff" not in repr(picture.encoder)
    assert picture.encoder == codec.decode(_source("4:2:0")[:-2] + b"\xff\xd9", CONFIG).encoder


def test_blocks_that_are_not_there_refuse_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def patch(row: int, column: int) -> dict[int, jpeg_turbo.Patch]:
        return {0: jpeg_turbo.Patch(np.array([row]), np.array([column]), np.ones((1, 64), np.int16))}

    with_blocks(CLEAN, patch(11, 19))
    with pytest.raises(jpeg_turbo.TransformRefused):
        with_blocks(CLEAN, patch(12, 0))
    # What a callback raises is not swallowed.
    with pytest.raises(IndexError):
        with_blocks(CLEAN, patch(0, 20))


def test_without_a_library_nothing_is_transformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_turbo, "_library", lambda: None)
    with pytest.raises(jpeg_turbo.TransformRefused):
        with_blocks(CLEAN, {})


def _samples(picture: Picture) -> NDArray[Any]:
    return picture.frames[0].pixels


def test_ink_that_is_full_is_255() -> None:
    image = Image.new("CMYK", (32, 16), (255, 0, 128, 30))
    data = saved(image, "jpeg", quality=100)
    picture = codec.decode(data, CONFIG)
    assert np.abs(_samples(picture)[8, 8].astype(int) - (255, 0, 128, 30)).max() <= 1
    for config in (CONFIG, REENCODE):
        again = codec.decode(_encoded(codec.decode(data, config)).data, CONFIG)
        assert np.abs(_samples(again)[8, 8].astype(int) - (255, 0, 128, 30)).max() <= 1


def test_ink_without_an_adobe_segment_stays_without() -> None:
    data = _source("cmyk")
    bare = data[:2] + data[data.index(b"\xff\xdb") :]
    written = _rewritten(bare)
    assert written.encoding == "exact"
    assert b"Adobe" not in written.data
    assert b"Adobe" in _rewritten(data).data
