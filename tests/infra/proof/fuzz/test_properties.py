"""Whatever the bytes are, only what is allowed is raised; whatever the picture is, it comes back as it was."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError
from anonymizer.image import codec, metadata
from anonymizer.records import Animation, Frame, Picture
from infra.proof.fuzz.corpus import samples
from infra.proof.fuzz.explore import Finding, judged
from infra.proof.fuzz.invariants import demand_clean, demand_same_samples
from infra.proof.fuzz.mutate import mutated
from infra.proof.fuzz.targets import WRITTEN, Sample, Target, targets
from tests.image.codec import jxl

CONFIG = CodecConfig(max_pixels=200_000)
FORMATS = [name for name in WRITTEN if name in codec.CODECS and (name != "jxl" or jxl.IS_HERE)]
LOSSLESS = [name for name in FORMATS if name not in ("jpeg", "webp", "avif")]
# What holds samples of 16 bit, alpha, ink and more than one frame as they are.
DEEP, CLEAR, INK = {"png", "tiff", "jp2", "jxl"}, {"png", "tiff", "jp2", "jxl", "bmp"}, {"tiff"}
# OpenCV, which writes JPEG 2000 of 16 bit, asks for six resolutions; smaller pictures of that kind are refused.
SMALLEST = {"jp2": 32}
MOVING = {"png", "gif", "tiff"}
JUDGES = [name for name in targets() if not name.startswith("mark-") and (jxl.IS_HERE or not name.endswith("jxl"))]
BEGINNINGS = (
    b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"RIFF\x40\0\0\0WEBPVP8X", b"BM\0\0\0\0\0\0\0\0", b"GIF89a",
    b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypheic", b"\xff\x4f\xff\x51\0\x29",
    b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl ",
)  # fmt: skip

# Decoders warn of what is damaged, which is what they are given here.
pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def _corpus(name: str) -> tuple[Target, tuple[Sample, ...]]:
    target = targets()[name]
    return target, tuple(samples(target))


def _holds(target: Target, sample: Sample) -> None:
    outcome = judged(target, sample)
    assert not isinstance(outcome, Finding), outcome.place


@pytest.mark.parametrize("name", JUDGES)
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300), st.integers(0, 70_000), st.integers(1, 3))
def test_any_bytes(name: str, beginning: bytes, rest: bytes, size: int, frame_count: int) -> None:
    _holds(targets()[name], Sample(beginning + rest, size, size, frame_count))


@pytest.mark.parametrize("name", JUDGES)
@settings(max_examples=25, deadline=None)
@given(st.data(), st.randoms(use_true_random=False))
def test_any_mutation(name: str, data: st.DataObject, chance: Any) -> None:
    target, corpus = _corpus(name)
    one, other = (data.draw(st.sampled_from(corpus)) for _ in range(2))
    bent = mutated(chance, one.data, other.data, target.format)
    _holds(target, Sample(bent, one.width, one.height, one.frame_count))


@st.composite
def frames(draw: st.DrawFn, format_name: str) -> tuple[Frame, ...]:
    """Frames of one layout and size that the format may hold: few colours or many, redacted or not."""
    least = SMALLEST.get(format_name, 1)
    height, width = (draw(st.integers(least, least + 19)) for _ in range(2))
    channels = draw(st.sampled_from((1, 3, 4) if format_name in INK else (1, 3)))
    kind = np.uint16 if format_name in DEEP and draw(st.booleans()) else np.uint8
    clear = format_name in CLEAR and channels < 4 and draw(st.booleans())
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    colors = chance.integers(
        0, np.iinfo(kind).max, (draw(st.sampled_from((1, 2, 5, 200))), channels), kind, endpoint=True
    )
    count = draw(st.integers(1, 3)) if format_name in MOVING else 1
    return tuple(_frame(chance, colors, (height, width), clear) for _ in range(count))


def _frame(chance: np.random.Generator, colors: NDArray[Any], size: tuple[int, int], clear: bool) -> Frame:
    pixels = colors[chance.integers(0, len(colors), size)]
    pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    if not clear:
        return Frame(pixels)
    alpha = chance.choice(np.array((0, 1, np.iinfo(pixels.dtype).max), pixels.dtype), size)
    hidden = alpha == 0
    return Frame(np.where(hidden if pixels.ndim == 2 else hidden[..., None], 0, pixels).astype(pixels.dtype), alpha)


def _picture(format_name: str, made: tuple[Frame, ...]) -> Picture:
    timing = Animation((40.0,) * len(made), 0) if len(made) > 1 and format_name != "tiff" else None
    return Picture(format_name, made, animation=timing)


@pytest.mark.parametrize("format_name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_picture_is_written_clean(format_name: str, data: st.DataObject) -> None:
    made = data.draw(frames(format_name))
    picture = _picture(format_name, made)
    try:
        written = codec.encode(picture)
    except EncodeError:
        assert format_name not in LOSSLESS or len(made) > 1
        return
    demand_clean(picture, written)
    assert codec.encode(picture).data == written.data
    again = codec.decode(written.data, CONFIG)
    assert len(again.frames) == len(made)
    metadata.check(written.data, written.format, made[0].width, made[0].height, len(made))
    if written.encoding == "exact" and format_name in LOSSLESS:
        for before, after in zip(made, again.frames, strict=True):
            assert after.pixels.dtype == before.pixels.dtype
            demand_same_samples(before, after)


@pytest.mark.parametrize("format_name", LOSSLESS)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_still_picture_is_exact_in_a_lossless_format(format_name: str, data: st.DataObject) -> None:
    made = data.draw(frames(format_name))[:1]
    written = codec.encode(_picture(format_name, made))
    few = len(np.unique(made[0].pixels.reshape(made[0].width * made[0].height, -1), axis=0)) <= 256
    assert written.encoding == "exact" or (format_name == "gif" and not few)
