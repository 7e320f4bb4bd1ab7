"""JPEG read smaller than it is: enough to find faces and to fill masks, and written like the whole picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from anonymizer.config import CodecConfig, RedactionConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec, geometry, redactors
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Partial, Picture
from tests.image.codec.coefficients import coefficients, with_blocks
from tests.image.codec.samples import CONFIG, photo, saved, swapped_profile
from tests.image.codec.test_jpeg_exact import _in_blocks, _source, _turned

BOXES = np.array([[60, 40, 180, 170], [230, 90, 330, 200], [-40, 180, 70, 290]], np.int32)
KINDS = ("4:4:4", "4:2:2", "4:2:0", "4:1:1", "4:4:0", "gray")


def _half(data: bytes, factor: int = 2, config: CodecConfig = CONFIG) -> Picture:
    return codec.decode(data, config, lambda _width, _height: factor)


def _redacted(picture: Picture, method: str) -> Picture:
    redactor = redactors.make(RedactionConfig(method=method))  # type: ignore[arg-type]
    (frame,) = picture.frames
    assert redactors.suffices(redactor, frame, BOXES, picture.grid)
    return replace(picture, frames=(redactors.redact_frame(redactor, frame, BOXES, picture.grid),))


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1", "gray"])
@pytest.mark.parametrize("size", [(288, 400), (287, 397), (9, 6)])
@pytest.mark.parametrize("factor", [2, 4])
def test_it_is_the_picture_made_smaller(sampling: str, size: tuple[int, int], factor: int) -> None:
    pixels = photo(*size)
    settings = {"subsampling": sampling} if sampling != "gray" else {}
    data = saved(pixels if settings else pixels[..., 0], "jpeg", quality=90, **settings)
    whole, small = codec.decode(data, CONFIG), _half(data, factor)
    (frame,) = small.frames
    assert frame.partial == Partial(size[1], size[0], factor)
    assert (frame.width, frame.height) == (size[1], size[0])
    assert (small.grid, small.profile, small.encoder) == (whole.grid, whole.profile, whole.encoder)
    assert frame.pixels.shape[:2] == (-(-size[0] // factor), -(-size[1] // factor))
    height, width = (side // factor for side in size)
    pixels = whole.frames[0].pixels[: height * factor, : width * factor]
    means = pixels.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))
    apart = np.abs(frame.pixels[:height, :width].reshape(means.shape) - means)
    assert apart.mean() < 3 or min(height, width) < 10  # The frequencies that are left out do not average out there.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright_like_the_whole_one(orientation: int) -> None:
    data = _turned(saved(photo(288, 400), "jpeg", quality=90), orientation)
    whole, small = codec.decode(data, CONFIG).frames[0], _half(data).frames[0]
    assert (small.width, small.height) == (whole.width, whole.height)
    expected = cv2.resize(whole.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(small.pixels - expected).mean() < 3
    assert codec.encode(_half(data)) == codec.encode(codec.decode(data, CONFIG))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("progressive", [False, True])
def test_without_a_mask_the_same_file_is_written(kind: str, progressive: bool) -> None:
    data = _source(kind, 287, 397, progressive=progressive)
    assert codec.encode(_half(data)) == codec.encode(codec.decode(data, CONFIG))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["smooth", "solid"])
@pytest.mark.parametrize("size", [(288, 400), (287, 397)])
@pytest.mark.parametrize("factor", [2, 4])
def test_masks_are_filled_as_from_the_whole_picture(kind: str, method: str, size: tuple[int, int], factor: int) -> None:
    data = _source(kind, *size)
    small = _redacted(_half(data, factor), method)
    assert small.frames[0].partial == Partial(size[1], size[0], 1)
    written, expected = codec.encode(small), codec.encode(_redacted(codec.decode(data, CONFIG), method))
    assert written.encoding == "exact"
    after, other = (codec.decode(each.data, CONFIG).frames[0].pixels.astype(int) for each in (written, expected))
    mask = small.frames[0].redacted
    assert mask is not None
    assert np.array_equal(after[~geometry.widened(mask, 4)], other[~geometry.widened(mask, 4)])
    # Of four times the size a face is filled from half the pixels that it takes otherwise.
    assert np.abs(after - other)[mask].mean() < {2: 2, 4: 8}[factor]
    assert method == "smooth" or written == expected


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_below_a_mask_reaches_the_file(kind: str) -> None:
    data = _source(kind, 287, 397)
    masks = _redacted(_half(data), "smooth")
    mask = masks.frames[0].redacted
    assert mask is not None
    blocks: dict[int, Any] = {}
    rng = np.random.default_rng(1)
    for number, plane in coefficients(data).items():
        rows, columns = np.nonzero(_in_blocks(mask, masks.grid, plane.shape))
        other = rng.integers(-20, 20, (len(rows), 64)).astype(np.int16)
        blocks[number] = jpeg_turbo.Patch(rows, columns, other)
    changed = with_blocks(data, blocks)
    assert not np.array_equal(_half(changed).frames[0].pixels, _half(data).frames[0].pixels)
    assert codec.encode(_redacted(_half(changed), "smooth")) == codec.encode(masks)


@pytest.mark.parametrize(
    ("data", "config"),
    [
        (_source("4:2:0", 288, 400), CodecConfig(jpeg="reencode")),
        (_turned(_source("4:2:0", 287, 397), 3), CONFIG),
        (_source("rgb", 288, 400), CONFIG),
        (_source("cmyk", 288, 400), CONFIG),
        (saved(photo(400, 288), "jpeg", icc_profile=swapped_profile()), CONFIG),
        (_source("4:2:0", 288, 400)[:-2], CONFIG),
        (saved(photo(400, 288), "png"), CONFIG),
    ],
    ids=["reencode", "turned", "rgb", "cmyk", "converted", "no end", "png"],
)
def test_what_is_written_from_pixels_is_read_whole(data: bytes, config: CodecConfig) -> None:
    asked, plain = _half(data, config=config), codec.decode(data, config)
    assert asked.frames[0].partial is None
    assert np.array_equal(asked.frames[0].pixels, plain.frames[0].pixels)
    assert replace(asked, frames=()) == replace(plain, frames=())


def test_a_public_profile_stays() -> None:
    data = saved(photo(400, 288), "jpeg", icc_profile=PROFILES["display-p3"])
    small = _half(data)
    assert small.frames[0].partial is not None
    assert small.profile == codec.decode(data, CONFIG).profile == "display-p3"


def _outcome(data: bytes, *, reduced: bool) -> object:
    try:
        picture = _half(data) if reduced else codec.decode(data, CONFIG)
        try:
            return codec.encode(picture)
        except codec.WholeNeeded:
            return codec.encode(codec.decode(data, CONFIG))
    except ObjectError as error:
        return type(error)


@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_found_as_in_the_whole_picture(progressive: bool) -> None:
    data = _source("4:2:0", 160, 160, progressive=progressive)
    rng = np.random.default_rng(2)
    for _ in range(150):
        damaged = bytearray(data)
        for place in rng.integers(200, len(data), 2):
            damaged[place] = rng.integers(256)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(200, len(data))] + b"\xff\xd9" * bool(rng.random() < 0.5)
        assert _outcome(bytes(damaged), reduced=True) == _outcome(bytes(damaged), reduced=False)


def test_a_part_is_never_written_as_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _source("4:2:0", 288, 400)
    small = _half(data)

    def refuse(*_: object, **__: object) -> bytes:
        raise jpeg_turbo.TransformRefused

    monkeypatch.setattr(jpeg_turbo, "transform", refuse)
    for picture in (small, _redacted(small, "solid"), replace(small, encoder=None)):
        with pytest.raises(codec.WholeNeeded):
            codec.encode(picture)


def test_a_finer_fill_needs_the_whole_picture() -> None:
    tiny = np.array([[100, 100, 140, 140]], np.int32)
    coarsest = {"smooth": 2, "solid": 4, "blur": 1, "pixelate": 1, "gaussian": 1}
    for factor in (1, 2, 4):
        picture = _half(_source("4:2:0", 288, 400), factor)
        for method, most in coarsest.items():
            redactor = redactors.make(RedactionConfig(method=method))  # type: ignore[arg-type]
            assert redactors.suffices(redactor, picture.frames[0], tiny, picture.grid) == (factor <= most)
            assert redactors.suffices(redactor, picture.frames[0], tiny[:0], picture.grid)
