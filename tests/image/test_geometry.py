import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.image import block_masks, geometry
from anonymizer.records import Grid

coordinate = st.floats(-50, 150, width=32)
box = st.tuples(coordinate, coordinate, st.floats(0, 80, width=32), st.floats(0, 80, width=32)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def test_no_boxes_are_four_columns_of_nothing():
    assert geometry.as_boxes([]).shape == (0, 4)
    assert geometry.grow([], 2).shape == (0, 4)
    assert geometry.iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert not geometry.head_mask(np.zeros((0, 4), np.int32), 5, 4).any()


@pytest.mark.parametrize(
    ("given_box", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10)),
        ((0.1, 0.9, 9.1, 9.9), (0, 0, 10, 10)),
        ((-0.1, -5.5, 0.0, 0.5), (-1, -6, 0, 1)),
    ],
)
def test_rounding_is_outward(given_box, expected):
    assert tuple(geometry.round_outward([given_box])[0]) == expected


def test_clipping_reaches_the_last_row_and_column():
    assert geometry.clip([[-3, -3, 30, 30]], width=20, height=10).tolist() == [[0, 0, 20, 10]]


@given(box, st.floats(1, 3))
def test_growing_keeps_the_centre_and_contains_the_box(given_box, factor):
    grown = geometry.grow([given_box], factor)[0]
    original = geometry.as_boxes([given_box])[0]
    assert np.allclose((grown[:2] + grown[2:]) / 2, (original[:2] + original[2:]) / 2, atol=1e-3)
    assert (grown[:2] <= original[:2] + 1e-3).all()
    assert (grown[2:] >= original[2:] - 1e-3).all()


@given(box, box)
def test_overlap_measures_agree(a, b):
    assert geometry.intersection([a], [b]) == geometry.intersection([b], [a])
    assert 0 <= geometry.iou([a], [b])[0, 0] <= 1 + 1e-6
    assert 0 <= geometry.inside_share([a], [b])[0, 0] <= 1 + 1e-5


whole_box = st.tuples(*[st.integers(-60, 150)] * 2, *[st.integers(-3, 120)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(
    st.lists(whole_box, max_size=6),
    st.integers(1, 130),
    st.integers(1, 130),
    st.sampled_from([Grid(), Grid(8, 8), Grid(16, 8, 2), Grid(8, 16, 2), Grid(16, 16, 2), Grid(32, 8, 4)]),
    st.sampled_from([2**20, 40]),
)
def test_the_mask_of_many_boxes_is_all_their_masks(boxes, width, height, grid, at_a_time):
    xyxy = np.array(boxes, np.int32).reshape(-1, 4)
    expected = np.zeros((height, width), bool)
    for each in xyxy:
        rows, columns, mask = geometry.mask_patch(each, width, height, grid)
        expected[rows, columns] |= mask
    geometry._head_mask.cache_clear()
    block_masks.block_mask.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_masks, "_MASK_WORK", at_a_time)
        assert np.array_equal(geometry.head_mask(xyxy, width, height, grid), expected)


@given(box, st.integers(1, 90), st.integers(1, 90))
def test_a_mask_at_the_default_padding_covers_the_whole_detected_box(given_box, width, height):
    padded = geometry.round_outward(geometry.grow([given_box], 1.45))
    mask = geometry.head_mask(padded, width, height)
    x1, y1, x2, y2 = geometry.clip(given_box, width, height)[0]
    # Every pixel whose centre lies in the detected box is covered.
    rows = [y for y in range(height) if y1 <= y + 0.5 < y2]
    columns = [x for x in range(width) if x1 <= x + 0.5 < x2]
    assert mask[np.ix_(rows, columns)].all()


def test_a_border_face_is_masked_to_the_last_row_and_column():
    mask = geometry.head_mask(np.array([[80, 70, 120, 110]], np.int32), width=100, height=90)
    assert mask[89, 99]
    assert mask[89, 90:].all()
    assert not mask[:70].any()


def test_a_huge_box_costs_no_more_than_the_image():
    rows, columns, patch = geometry.mask_patch(np.array([-(10**6)] * 2 + [10**6] * 2, np.int32), 30, 20)
    assert (rows, columns, patch.shape) == (slice(0, 20), slice(0, 30), (20, 30))
    assert patch.all()
