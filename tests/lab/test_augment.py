"""Decoys: same sizes, other places, and a copy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.config import RedactionConfig
from anonymizer.errors import UsageError
from anonymizer.image import geometry
from anonymizer.lab import augment

FACES = np.array([[10, 20, 40, 60], [100, 5, 112, 21]], np.float32)


def noise(*shape: int) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)


class TestScattered:
    def test_no_boxes_stay_none(self) -> None:
        assert augment.scattered([], 64, 64, np.random.default_rng(0)).shape == (0, 4)

    @given(st.integers(0, 2**32 - 1), st.integers(31, 500), st.integers(41, 500))
    def test_sizes_stay_and_boxes_lie_inside(self, seed: int, width: int, height: int) -> None:
        boxes = augment.scattered(FACES[:1], width, height, np.random.default_rng(seed))
        np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], [[30, 40]], rtol=1e-4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= width + 1e-3).all()
        assert (boxes[:, 3] <= height + 1e-3).all()

    def test_places_are_anywhere_whatever_the_faces_places(self) -> None:
        many = np.tile(FACES[:1], (2000, 1))
        boxes = augment.scattered(many, 130, 140, np.random.default_rng(1))
        np.testing.assert_allclose(boxes[:, :2].mean(axis=0), [50, 50], atol=3)
        assert boxes[:, :2].min() < 1
        assert boxes[:, :2].max() > 99

    def test_a_box_larger_than_the_picture_lies_in_its_middle(self) -> None:
        assert augment.scattered([[0, 0, 20, 30]], 10, 10, np.random.default_rng(0)).tolist() == [[-5, -10, 15, 20]]

    def test_the_generator_decides(self) -> None:
        first, again, other = (augment.scattered(FACES, 200, 200, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


class TestWithDecoys:
    @pytest.mark.parametrize("shape", [(120, 150), (120, 150, 3)])
    def test_only_the_padded_places_change_and_the_photo_does_not(self, shape: tuple[int, ...]) -> None:
        photo = noise(*shape)
        before = photo.copy()
        made = augment.with_decoys(photo, FACES[:1], RedactionConfig(method="solid"))
        mask = geometry.head_mask(geometry.round_outward(geometry.grow(FACES[:1], 1.4)), 150, 120)
        assert np.array_equal(photo, before)
        assert (made[mask] == 128).all()
        assert np.array_equal(made[~mask], photo[~mask])

    def test_no_place_gives_a_copy(self) -> None:
        photo = noise(8, 8, 3)
        made = augment.with_decoys(photo, [])
        assert np.array_equal(made, photo)
        assert not np.shares_memory(made, photo)

    def test_the_default_is_a_run_s(self) -> None:
        photo = noise(120, 150, 3)
        assert np.array_equal(
            augment.with_decoys(photo, FACES[:1]),
            augment.with_decoys(photo, FACES[:1], RedactionConfig(method="smooth"), 1.4),
        )

    def test_reaches_over_the_border_and_takes_views(self) -> None:
        photo = noise(60, 60, 3)[::2, ::-2]
        made = augment.with_decoys(photo, [[-10, -10, 10, 10]], RedactionConfig(method="solid"))
        assert (made[0, 0] == 128).all()
        assert np.array_equal(made[20:], photo[20:])

    @pytest.mark.parametrize("pixels", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
    def test_other_arrays_are_refused(self, pixels: np.ndarray) -> None:
        with pytest.raises(UsageError):
            augment.with_decoys(pixels, FACES)
