"""Masks that are rounded out to blocks, and samples of every kind under them."""

import numpy as np
import pytest

from anonymizer.image.geometry import align, grow, head_mask, mask_patch, round_outward, widened
from anonymizer.image.redactors import redact_frame
from anonymizer.image.views import like_samples, to_uint8, views
from anonymizer.records import PIXELS, Frame, Grid
from tests.image.redactors.test_contract import (
    BOXES,
    HEIGHT,
    WIDTH,
    boxes_of,
    every_case,
    every_method,
    noise,
    redactor_of,
)

GRIDS = [Grid(8, 8), Grid(16, 16, 2), Grid(16, 8, 2), Grid(8, 16, 2), Grid(32, 8, 4)]
every_grid = pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: f"{grid.width}x{grid.height}")


@every_grid
@every_case
def test_masks_are_whole_blocks_and_hold_the_heads(grid, case):
    boxes = boxes_of(case)
    mask = head_mask(boxes, WIDTH, HEIGHT, grid)
    for x1, y1, x2, y2 in np.clip(round_outward(grow(boxes, 1 / 1.2)), 0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).tolist():
        assert mask[y1:y2, x1:x2].all()
    for top in range(0, HEIGHT, grid.height):
        for left in range(0, WIDTH, grid.width):
            block = mask[top : top + grid.height, left : left + grid.width]
            assert block.all() or not block.any()
            if block.any():
                head = head_mask(boxes, WIDTH, HEIGHT)[top : top + grid.height, left : left + grid.width]
                assert head.any()


@every_grid
def test_aligned_boxes_hold_masks_and_reach(grid):
    for case in ("in the middle", "beyond the first corner", "last row and column"):
        (box,) = boxes_of(case)
        rows, columns, mask = mask_patch(box, WIDTH, HEIGHT, grid)
        ((x1, y1, x2, y2),) = align(boxes_of(case), grid)
        assert x1 <= columns.start - grid.reach or x1 <= 0
        assert y1 <= rows.start - grid.reach or y1 <= 0
        assert x2 >= min(columns.stop + grid.reach, WIDTH)
        assert y2 >= min(rows.stop + grid.reach, HEIGHT)
        assert mask.any()


def test_no_boxes_give_no_mask():
    assert not head_mask(np.zeros((0, 4), np.int32), 5, 4, Grid(16, 16, 2)).any()
    assert head_mask(np.zeros((0, 4), np.int32), 5, 4).shape == (4, 5)


def test_widened():
    mask = np.zeros((7, 9), bool)
    mask[3, 4] = True
    assert widened(mask, 0) is mask
    assert widened(mask, 2).sum() == 25
    assert widened(mask, 2)[1:6, 2:7].all()
    assert mask.sum() == 1


@every_method
@every_case
@every_grid
def test_only_masked_blocks_change(method, case, grid):
    pixels = noise(3)
    before = pixels.copy()
    redacted = redactor_of(method).redact(pixels, boxes_of(case), grid)
    mask = head_mask(boxes_of(case), WIDTH, HEIGHT, grid)
    np.testing.assert_array_equal(redacted[~mask], pixels[~mask])
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("method", ["smooth", "solid"])
@every_case
@every_grid
def test_the_fill_is_no_function_of_what_lies_under_or_within_reach(method, case, grid):
    boxes = boxes_of(case)
    mask = head_mask(boxes, WIDTH, HEIGHT, grid)
    near = widened(mask, grid.reach)
    outputs = [
        redactor_of(method).redact(np.where(near[..., None], noise(seed), noise(3)), boxes, grid) for seed in (4, 5)
    ]
    np.testing.assert_array_equal(outputs[0][mask], outputs[1][mask])


@every_method
@pytest.mark.parametrize("shape", [(), (3,), (4,)], ids=["gray", "rgb", "cmyk"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_every_kind_of_samples_is_redacted_in_all_that_it_holds(method, shape, dtype, with_alpha):
    boxes = boxes_of("in the middle")
    mask = head_mask(boxes, WIDTH, HEIGHT)
    top = np.iinfo(dtype).max
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, top, (HEIGHT, WIDTH, *shape), dtype=dtype, endpoint=True)
    alpha = generator.integers(0, top, (HEIGHT, WIDTH), dtype=dtype) if with_alpha else None
    frame = redact_frame(redactor_of(method), Frame(pixels, alpha), boxes)
    assert frame.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(frame.redacted, mask)
    np.testing.assert_array_equal(frame.pixels[~mask], pixels[~mask])
    assert (frame.pixels[mask] != pixels[mask]).mean() > 0.5
    if alpha is not None:
        assert frame.alpha is not None
        assert frame.alpha.dtype == alpha.dtype
        assert (frame.alpha[mask] == top).all()
        np.testing.assert_array_equal(frame.alpha[~mask], alpha[~mask])
    if shape == (4,):
        assert not frame.pixels[mask][:, 3].any()
    if dtype == np.uint16:
        assert (frame.pixels[mask] % 257 == 0).all()


def test_ink_is_seen_as_on_paper():
    ink = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [255, 255, 255, 255]]], np.uint8)
    expected = [[[255, 255, 255], [0, 255, 255], [0, 0, 0], [0, 0, 0]]]
    np.testing.assert_array_equal(to_uint8(ink), expected)
    np.testing.assert_array_equal(to_uint8(ink.astype(np.uint16) * 257), expected)
    rgb = np.array([[[1, 2, 3], [250, 0, 255]]], np.uint8)
    np.testing.assert_array_equal(to_uint8(like_samples(rgb, np.zeros((1, 2, 4), np.uint16))), rgb)
    assert to_uint8(rgb) is rgb


def _views(frame):
    return list(views(frame))


def test_faces_are_looked_for_in_alpha_and_in_black_ink_too():
    flat, plane = np.full((4, 5, 3), 7, np.uint8), np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert len(_views(Frame(flat))) == len(_views(Frame(flat, np.full((4, 5), 9, np.uint8)))) == 1
    np.testing.assert_array_equal(_views(Frame(flat, plane))[1], plane)
    np.testing.assert_array_equal(_views(Frame(flat, plane.astype(np.uint16) * 257))[1], plane)
    ink = np.full((4, 5, 4), 255, np.uint8)
    assert len(_views(Frame(ink))) == 1
    ink[..., 3] = plane
    np.testing.assert_array_equal(_views(Frame(ink))[1], 255 - plane)


def test_a_grid_of_pixels_is_the_default():
    for case in BOXES:
        np.testing.assert_array_equal(
            head_mask(boxes_of(case), WIDTH, HEIGHT), head_mask(boxes_of(case), WIDTH, HEIGHT, PIXELS)
        )
