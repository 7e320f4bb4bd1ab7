"""`blur` and `pixelate` show the means of a few cells and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import Method, RedactionConfig
from anonymizer.image.geometry import head_mask, mask_patch
from anonymizer.image.redactors import make
from anonymizer.image.redactors.cells import reduce_face
from anonymizer.records import PIXELS, Pixels

METHODS: list[Method] = ["blur", "pixelate"]


def noise(seed: int, shape: tuple[int, ...] = (90, 100, 3)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def shuffled_within_cells(pixels: Pixels, box: list[int], cells: int, seed: int) -> Pixels:
    """The masked pixels of each cell in another order: every mean stays, everything else goes."""
    grid = reduce_face(pixels, np.array(box, np.int32), PIXELS, cells)
    assert grid is not None
    rng, shuffled = np.random.default_rng(seed), pixels.copy()
    patch = shuffled[grid.rows, grid.columns]
    for top, bottom in zip(grid.row_edges[:-1], grid.row_edges[1:], strict=True):
        for left, right in zip(grid.column_edges[:-1], grid.column_edges[1:], strict=True):
            cell, mask = patch[top:bottom, left:right], grid.mask[top:bottom, left:right]
            cell[mask] = rng.permutation(cell[mask])
    return shuffled


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=40)
@given(
    x=st.integers(-30, 90),
    y=st.integers(-30, 80),
    width=st.integers(10, 120),
    height=st.integers(10, 120),
    cells=st.integers(1, 16),
)
def test_output_is_a_function_of_the_means(method, x, y, width, height, cells):
    box = [x, y, x + width, y + height]
    pixels = noise(1)
    if not head_mask(np.array([box], np.int32), 100, 90).any():
        return
    redactor = make(RedactionConfig(method=method, cells=cells))
    expected = redactor.redact(pixels, np.array([box], np.int32))
    other = redactor.redact(shuffled_within_cells(pixels, box, cells, 2), np.array([box], np.int32))
    np.testing.assert_array_equal(other, expected)


@pytest.mark.parametrize("method", METHODS)
def test_pixels_under_two_masks_are_seen_by_the_first_only(method):
    """Where the first mask's means stay, the second cannot tell its pixels apart."""
    first, second = [10, 10, 60, 70], [17, 14, 67, 74]
    xyxy = np.array([first, second], np.int32)
    redactor = make(RedactionConfig(method=method))
    pixels = noise(3)
    expected = redactor.redact(pixels, xyxy)
    np.testing.assert_array_equal(redactor.redact(shuffled_within_cells(pixels, first, 6, 4), xyxy), expected)


@pytest.mark.parametrize(
    ("box", "cells", "shape"),
    [
        ([10, 10, 70, 80], 6, (7, 6)),
        ([10, 10, 70, 70], 1, (1, 1)),
        ([10, 10, 21, 22], 6, (6, 5)),  # two pixels a cell, so fewer cells
        ([10, 10, 13, 13], 6, (1, 1)),
        ([10, 10, 11, 11], 6, (1, 1)),
        ([-30, 10, 30, 70], 6, (6, 3)),  # half a face has half the cells, not smaller ones
        ([-50, 0, 10, 60], 6, (6, 1)),
        ([99, 0, 159, 60], 6, (6, 1)),
        ([-5000, -5000, 5000, 5000], 6, (1, 1)),
        ([-5000, -5000, 5000, 5000], 16, (1, 1)),
    ],
)
def test_number_of_cells(box, cells, shape):
    grid = reduce_face(noise(5), np.array(box, np.int32), PIXELS, cells)
    assert grid is not None
    assert grid.means.shape[:2] == shape


def test_outside_the_picture_there_is_no_grid():
    assert reduce_face(noise(5), np.array([200, 200, 230, 230], np.int32), PIXELS, 6) is None


def test_pixelate_shows_no_more_colours_than_cells():
    xyxy = np.array([[10, 10, 70, 80]], np.int32)
    redacted = make(RedactionConfig(method="pixelate")).redact(noise(6), xyxy)
    assert len(np.unique(redacted[head_mask(xyxy, 100, 90)], axis=0)) <= 6 * 7


def test_blur_has_no_more_independent_samples_than_cells():
    """Rank: 60 random faces span at most as many dimensions as there are cells (rounding makes up the rest)."""
    xyxy = np.array([[0, 0, 40, 40]], np.int32)
    redactor = make(RedactionConfig(method="blur", cells=3))
    mask = head_mask(xyxy, 40, 40)
    faces = np.array([redactor.redact(noise(seed, (40, 40)) // 8 * 8, xyxy)[mask] for seed in range(60)], float)
    strength = np.linalg.svd(faces - faces.mean(axis=0), compute_uv=False)
    assert strength[9] < 0.2 * strength[8]


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_with_few_masked_pixels_does_not_show_them(method):
    """In the corners of the box: what little lies under the mask is averaged with the neighbours."""
    box = np.array([10, 10, 90, 90], np.int32)
    rows, columns, mask = mask_patch(box, 100, 90)
    thin = [(y, x) for y in range(0, 80, 5) for x in range(0, 80, 5) if 0 < mask[y : y + 5, x : x + 5].sum() < 6]
    assert thin
    for y, x in thin:
        pixels = np.full((90, 100), 100, np.uint8)
        cell = pixels[rows, columns][y : y + 5, x : x + 5]
        cell[mask[y : y + 5, x : x + 5]] = 255
        redacted = make(RedactionConfig(method=method, cells=16)).redact(pixels, box[None])
        assert redacted[rows, columns][mask].max() < 140


def test_a_flat_face_keeps_its_colour():
    pixels = np.full((90, 100, 3), (10, 120, 250), np.uint8)
    xyxy = np.array([[-10, 20, 43, 81], [30, 30, 80, 120]], np.int32)
    for method in METHODS:
        np.testing.assert_array_equal(make(RedactionConfig(method=method)).redact(pixels, xyxy), pixels)
