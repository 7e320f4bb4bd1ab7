"""Which crops there are, and that no photo and no person is on both sides of a split."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.errors import UsageError
from anonymizer.lab.utility import samples
from anonymizer.lab.utility.samples import Crop, Cutting, Listing, Photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Class `a`: six people with two photos each. Class `b`: five photos."""
    for person in range(6):
        for number in range(2):
            path = tmp_path / "a" / f"p{person}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    (tmp_path / "b").mkdir()
    for number in range(5):
        (tmp_path / "b" / f"{number}.png").write_bytes(b"")
    return tmp_path


class TestListPhotos:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="one folder per class"):
            samples.list_photos(tmp_path / "absent")

    def test_one_class_is_not_enough(self, photos: Path) -> None:
        (photos / "empty").mkdir()
        with pytest.raises(UsageError, match="1 class folders"):
            samples.list_photos(photos, ("a", "empty"))

    def test_an_absent_class_is_named(self, photos: Path) -> None:
        with pytest.raises(UsageError, match="no class folder 'c'"):
            samples.list_photos(photos, ("a", "c"))

    def test_the_folder_below_the_class_is_the_group(self, photos: Path) -> None:
        (photos / "beside.csv").write_text("not in a class")
        listing = samples.list_photos(photos)
        assert listing.classes == ("a", "b")
        assert [photo.key for photo in listing.photos] == sorted(photo.key for photo in listing.photos)
        assert listing.photos[0] == Photo("a/p0/0.png", 0, "a/p0")
        assert listing.photos[-1] == Photo("b/4.png", 1, "b/4.png")
        assert len(listing.photos) == 17

    def test_links_are_not_followed(self, photos: Path) -> None:
        (photos / "b" / "linked.png").symlink_to(photos / "a" / "p0" / "0.png")
        (photos / "b" / "folder").symlink_to(photos / "a")
        (photos / "c").symlink_to(photos / "b")
        assert len(samples.list_photos(photos).photos) == 17

    def test_only_the_named_classes(self, photos: Path) -> None:
        (photos / "c").mkdir()
        (photos / "c" / "1.png").write_bytes(b"")
        assert samples.list_photos(photos, ("c", "a")).classes == ("a", "c")


class TestSquare:
    @pytest.mark.parametrize(
        ("crop", "size", "expected"),
        [
            ({}, (100, 60), (20, 0, 60)),
            ({}, (1, 1), (0, 0, 1)),
            ({"centre": 0.5}, (100, 60), (35, 15, 30)),
            ({"side": 0.5, "x": 0.0, "y": 1.0}, (100, 60), (0, 30, 30)),
            ({"centre": 0.5, "x": 1.0}, (100, 60), (45, 15, 30)),
        ],
    )
    def test_in_pixels(self, crop: dict[str, float], size: tuple[int, int], expected: tuple[int, int, int]) -> None:
        assert Crop(Photo("a/1", 0, "a/1"), **crop).square(*size) == expected

    shares = st.floats(0.01, 1)

    @given(shares, shares, st.floats(0, 1), st.floats(0, 1), st.integers(1, 999), st.integers(1, 999))
    def test_never_reaches_over_the_border(
        self, centre: float, side: float, x: float, y: float, width: int, height: int
    ) -> None:
        left, top, length = Crop(Photo("a/1", 0, "a/1"), centre, side, x, y).square(width, height)
        assert length >= 1
        assert 0 <= left <= width - length
        assert 0 <= top <= height - length


class TestDraw:
    def test_as_many_of_each_class_people_before_their_second_photos(self, photos: Path) -> None:
        crops = samples.draw(samples.list_photos(photos), Cutting())
        assert Counter(crop.photo.label for crop in crops) == {0: 5, 1: 5}
        assert len({crop.photo.group for crop in crops}) == 10
        assert {(crop.centre, crop.side, crop.x, crop.y) for crop in crops} == {(1.0, 1.0, 0.5, 0.5)}

    def test_several_crops_lie_at_random(self, photos: Path) -> None:
        crops = samples.draw(samples.list_photos(photos), Cutting(crops=3, centre=0.75))
        assert Counter(crop.photo.label for crop in crops) == {0: 15, 1: 15}
        assert len({crop.photo for crop in crops if crop.photo.label == 0}) == 12
        assert set(Counter(crop.photo for crop in crops if crop.photo.label == 1).values()) == {3}
        assert len({(crop.side, crop.x, crop.y) for crop in crops}) == 30
        assert all(0.6 <= crop.side <= 1 and crop.centre == 0.75 for crop in crops)

    def test_the_seed_repeats_it(self, photos: Path) -> None:
        listing = samples.list_photos(photos)
        assert samples.draw(listing, Cutting(2)) == samples.draw(listing, Cutting(2))
        assert samples.draw(listing, Cutting(2)) != samples.draw(listing, Cutting(2, seed=1))

    def test_limit(self, photos: Path) -> None:
        crops = samples.draw(samples.list_photos(photos), Cutting(limit_per_class=2))
        assert Counter(crop.photo.label for crop in crops) == {0: 2, 1: 2}


def test_balanced_drops_the_last_of_the_larger_class() -> None:
    crops = [Crop(Photo(f"{label}/{i}", label, f"{label}/{i}")) for i, label in enumerate([0, 0, 0, 1, 1])]
    assert samples.balanced(crops) == (0, 1, 3, 4)


class TestSplit:
    def crops(self, photos: Path, count: int = 4) -> tuple[Crop, ...]:
        return samples.draw(samples.list_photos(photos), Cutting(count))

    @pytest.mark.parametrize("seed", range(5))
    def test_no_group_is_on_both_sides_and_a_fifth_validates(self, photos: Path, seed: int) -> None:
        crops = self.crops(photos)
        parts = samples.split(crops, seed)
        assert sorted([*parts.training, *parts.validation]) == list(range(len(crops)))
        learned = {crops[i].photo.group for i in parts.training}
        measured = {crops[i].photo.group for i in parts.validation}
        assert not learned & measured
        for label in (0, 1):
            share = np.mean([crops[i].photo.label == label for i in parts.validation])
            assert 0.3 <= share <= 0.7
        assert len(crops) / 5 <= len(parts.validation) <= len(crops) / 3

    def test_the_seed_decides(self, photos: Path) -> None:
        crops = self.crops(photos)
        validations = {tuple(samples.split(crops, seed).validation) for seed in range(10)}
        assert len(validations) > 1
        assert np.array_equal(samples.split(crops, 3).validation, samples.split(crops, 3).validation)

    def test_a_class_of_one_group_cannot_be_split(self, photos: Path) -> None:
        alone = dataclasses.replace(samples.list_photos(photos).photos[0], group="a/one")
        listing = Listing(photos, ("a", "b"), (alone, *samples.list_photos(photos).photos[12:]))
        with pytest.raises(UsageError, match="cannot be split"):
            samples.split(samples.draw(listing, Cutting(2)), 1)
