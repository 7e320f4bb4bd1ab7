"""What every redactor promises, whatever it makes of a face."""

from __future__ import annotations

import typing

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymizer.config import Method, RedactionConfig
from anonymizer.errors import ConfigError
from anonymizer.image.geometry import IntBoxes, head_mask
from anonymizer.image.redactors import METHODS, Redactor, make, redact_frame
from anonymizer.records import Frame, Pixels

HEIGHT, WIDTH = 60, 80

BOXES: dict[str, list[list[int]]] = {
    "none": [],
    "one pixel": [[5, 6, 6, 7]],
    "two pixels": [[5, 6, 7, 7], [20, 20, 21, 22]],
    "empty": [[5, 5, 5, 9], [9, 9, 9, 9]],
    "inverted": [[30, 30, 10, 10]],
    "in the middle": [[20, 10, 50, 45]],
    "first row and column": [[0, 0, 25, 30]],
    "last row and column": [[WIDTH - 25, HEIGHT - 30, WIDTH, HEIGHT]],
    "beyond the last corner": [[WIDTH - 10, HEIGHT - 12, WIDTH + 15, HEIGHT + 18]],
    "beyond the first corner": [[-15, -18, 10, 12]],
    "wholly outside": [[-50, -50, -10, -10], [WIDTH, 0, WIDTH + 9, 9], [0, HEIGHT, 9, HEIGHT + 9]],
    "outside and inside": [[-50, -50, -10, -10], [20, 10, 50, 45]],
    "one row is left": [[10, HEIGHT - 1, 60, HEIGHT + 60]],
    "exactly the frame": [[0, 0, WIDTH, HEIGHT]],
    "fills the frame": [[-40, -30, WIDTH + 40, HEIGHT + 30]],
    "a hundred times the frame": [[-50 * WIDTH, -50 * HEIGHT, 50 * WIDTH, 50 * HEIGHT]],
    "int32 to its limits": [[-(2**31), -(2**31), 2**31 - 1, 2**31 - 1]],
    "thin and long": [[10, 0, 12, HEIGHT], [0, 30, WIDTH, 31]],
    "two apart": [[2, 2, 12, 15], [60, 40, 75, 58]],
    "two that touch": [[10, 10, 30, 40], [30, 10, 50, 40]],
    "many that overlap": [[x, y, x + 14, y + 17] for x in range(-5, WIDTH, 6) for y in range(-5, HEIGHT, 7)],
    "one twice": [[20, 10, 50, 45], [20, 10, 50, 45]],
    "small in large": [[5, 5, 70, 58], [30, 30, 34, 35]],
}

every_method = pytest.mark.parametrize("method", METHODS)
every_case = pytest.mark.parametrize("case", BOXES)
every_layout = pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "rgb"])


def boxes_of(case: str) -> IntBoxes:
    return np.array(BOXES[case], dtype=np.int32).reshape(-1, 4)


def noise(seed: int, channels: tuple[int, ...] = (3,), low: int = 0, high: int = 256) -> Pixels:
    shape = (HEIGHT, WIDTH, *channels)
    return np.random.default_rng(seed).integers(low, high, shape, dtype=np.uint8)


def redactor_of(method: Method) -> Redactor:
    return make(RedactionConfig(method=method))


def under(mask: NDArray[np.bool_], hidden: Pixels, shown: Pixels) -> Pixels:
    return np.where(mask if shown.ndim == 2 else mask[..., None], hidden, shown)


def test_registry_has_every_method_of_the_configuration():
    assert list(METHODS) == list(typing.get_args(Method))
    for method in METHODS:
        redactor = redactor_of(method)
        assert (redactor.name, redactor.output_revision >= 1) == (method, True)
        assert "leaks:" in (type(redactor).__doc__ or "")


@every_method
@every_case
@every_layout
def test_only_masked_pixels_change_and_the_input_never(method, case, channels):
    pixels = noise(1, channels)
    before = pixels.copy()
    pixels.setflags(write=False)
    xyxy = boxes_of(case)
    xyxy.setflags(write=False)

    redacted = redactor_of(method).redact(pixels, xyxy)

    mask = head_mask(xyxy, WIDTH, HEIGHT)
    assert redacted.shape == pixels.shape
    assert redacted.dtype == np.uint8
    assert not np.shares_memory(redacted, pixels)
    np.testing.assert_array_equal(redacted[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, before)


@every_method
@every_case
@every_layout
def test_no_masked_pixel_shows_its_texture(method, case, channels):
    """Masked pixels are far darker than all others, each second one by 40: nobody may read off which."""
    xyxy = boxes_of(case)
    mask = head_mask(xyxy, WIDTH, HEIGHT)
    rows, columns = np.indices((HEIGHT, WIDTH))
    texture = np.where((rows + columns) % 2 == 0, 20, 60).astype(np.uint8)
    even, odd = (rows + columns) % 2 == 0, (rows + columns) % 2 == 1
    hidden = texture if not channels else np.stack([texture] * 3, axis=2)
    redacted = redactor_of(method).redact(under(mask, hidden, noise(2, channels, 200)), xyxy).astype(float)
    inner = mask & head_mask(
        xyxy[np.ptp(xyxy.astype(np.int64).reshape(-1, 2, 2), axis=1).min(axis=1) >= 4], WIDTH, HEIGHT
    )
    if method in ("smooth", "solid"):
        assert (redacted[mask] >= 100).all()
    elif min((inner & even).sum(), (inner & odd).sum()) > 100:
        difference = redacted[inner & odd].mean() - redacted[inner & even].mean()
        assert abs(difference) < 4


@every_method
@every_layout
def test_any_memory_layout(method, channels):
    """Pictures that were turned upright are views that run backwards or sideways."""
    xyxy = boxes_of("in the middle")
    pixels = noise(3, channels)
    expected = redactor_of(method).redact(pixels, xyxy)
    backwards = np.ascontiguousarray(pixels[::-1, ::-1])[::-1, ::-1]
    sideways = np.ascontiguousarray(pixels.swapaxes(0, 1)).swapaxes(0, 1)
    np.testing.assert_array_equal(redactor_of(method).redact(backwards, xyxy), expected)
    np.testing.assert_array_equal(redactor_of(method).redact(sideways, xyxy), expected)


@every_method
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 50), (50, 1, 3), (2, 2, 3)])
@pytest.mark.parametrize("box", [[0, 0, 1, 1], [-3, -3, 1, 2], [0, 0, 60, 60], [-900, -900, 900, 900]])
def test_tiny_pictures(method, shape, box):
    pixels = np.full(shape, 7, np.uint8)
    xyxy = np.array([box], np.int32)
    redacted = redactor_of(method).redact(pixels, xyxy)
    mask = head_mask(xyxy, shape[1], shape[0])
    assert redacted.shape == shape
    assert (redacted[~mask] == 7).all()


@every_method
def test_no_box_gives_an_equal_picture(method):
    pixels = noise(4)
    np.testing.assert_array_equal(redactor_of(method).redact(pixels, boxes_of("none")), pixels)


@every_method
def test_the_same_input_gives_the_same_output(method):
    pixels, xyxy = noise(5), boxes_of("many that overlap")
    np.testing.assert_array_equal(
        redactor_of(method).redact(pixels, xyxy), redactor_of(method).redact(pixels.copy(), xyxy.copy())
    )


ANY_BOX = st.tuples(
    st.integers(-40, WIDTH + 10), st.integers(-40, HEIGHT + 10), st.integers(0, 120), st.integers(0, 120)
).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


@pytest.mark.parametrize("method", ["smooth", "solid"])
@every_layout
@settings(deadline=None, max_examples=60)
@given(boxes=st.lists(ANY_BOX, max_size=8), seed=st.integers(0, 2**32 - 1))
@example(boxes=BOXES["fills the frame"], seed=0)
@example(boxes=BOXES["exactly the frame"], seed=0)
@example(boxes=BOXES["many that overlap"], seed=0)
@example(boxes=BOXES["small in large"], seed=0)
@example(boxes=BOXES["two apart"], seed=0)
def test_non_interference(method, channels, boxes, seed):
    """Other pixels under the masks give the same picture, bit for bit."""
    xyxy = np.array(boxes, np.int32).reshape(-1, 4)
    mask = head_mask(xyxy, WIDTH, HEIGHT)
    shown = noise(seed, channels)
    redactor = redactor_of(method)
    expected = redactor.redact(shown, xyxy)
    for hidden in (noise(seed + 1, channels), np.zeros_like(shown), np.full_like(shown, 255)):
        np.testing.assert_array_equal(redactor.redact(under(mask, hidden, shown), xyxy), expected)


@every_method
@pytest.mark.parametrize("alpha", [0, 100, 255])
@pytest.mark.parametrize("case", ["none", "in the middle", "last row and column", "fills the frame"])
def test_frame_is_opaque_under_the_mask_only(method, alpha, case):
    xyxy = boxes_of(case)
    frame = Frame(noise(6), np.full((HEIGHT, WIDTH), alpha, np.uint8))
    redacted = redact_frame(redactor_of(method), frame, xyxy)
    mask = head_mask(xyxy, WIDTH, HEIGHT)
    assert redacted.alpha is not None
    assert frame.alpha is not None
    assert (redacted.alpha[mask] == 255).all()
    assert (redacted.alpha[~mask] == alpha).all()
    assert (frame.alpha == alpha).all()
    np.testing.assert_array_equal(redacted.pixels, redactor_of(method).redact(frame.pixels, xyxy))


@every_method
def test_frame_without_alpha_gets_none(method):
    assert redact_frame(redactor_of(method), Frame(noise(7)), boxes_of("in the middle")).alpha is None


@pytest.mark.parametrize(
    "fill", ["", "808080", "#80808", "#8080800", "#gg0000", "red", "#808080\n", "＃808080", "#８08080"]
)
def test_malformed_colour_is_refused(fill):
    with pytest.raises(ConfigError, match="#rrggbb"):
        make(RedactionConfig(method="solid", fill=fill))
