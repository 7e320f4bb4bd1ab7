"""Every variant holds the same squares of the same photos, and differs in the redacted places only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anonymizer.errors import UsageError
from anonymizer.image.geometry import FloatBoxes, as_boxes
from anonymizer.lab.utility import samples, variants
from anonymizer.lab.utility.samples import Crop, Cutting, Listing, Photo
from anonymizer.lab.utility.variants import Making
from tests.pictures import decoded, encoded, scene

FACE = (40.0, 20.0, 60.0, 44.0)


def locate(photo: Photo, _: bytes) -> FloatBoxes:
    """One face in every photo of class `people`."""
    return as_boxes([FACE] if photo.key.startswith("people") else [])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three photos of 128 × 96 in each of two classes."""
    for number in range(6):
        path = tmp_path / "raw" / ("people", "things")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(scene(128, 96, seed=number)))
    return tmp_path / "raw"


def make(root: Path, making: Making, cutting: Cutting | None = None) -> variants.Variants:
    listing = samples.list_photos(root)
    return variants.make_variants(listing, samples.draw(listing, cutting or Cutting()), locate, making)


def changed(made: variants.Variants, name: str) -> Any:
    """(N, 64, 64) bool: where a variant differs from raw."""
    return (made.pixels[name] != made.pixels["raw"]).any(axis=3)


class TestMadeHere:
    def test_only_faces_are_redacted_and_alike(self, root: Path) -> None:
        made = make(root, Making(("smooth", "solid")))
        assert set(made.pixels) == {"raw", "smooth", "solid"}
        assert made.pixels["raw"].shape == (6, 64, 64, 3)
        people = made.labels == 0
        for name in ("smooth", "solid"):
            assert changed(made, name)[people].any(axis=(1, 2)).all()
            assert not changed(made, name)[~people].any()
        # The padded box is 28 × 33.6 pixels of a 96 pixel square: about 0.1 of it.
        assert 0.05 < changed(made, "solid")[people].mean() < 0.15
        assert not (changed(made, "smooth") & ~changed(made, "solid")).sum() > changed(made, "solid").sum() * 0.05
        assert list(made.has_face) == list(people)
        assert made.redacted == {"people": 3, "things": 0}

    def test_raw_is_the_square_of_the_photo(self, root: Path) -> None:
        made = make(root, Making(("solid",)))
        pixels = decoded((root / made.crops[0].photo.key).read_bytes())[:, 16:112]
        assert np.array_equal(made.pixels["raw"][0], cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA))

    def test_decoys_mark_both_classes_and_masks_the_faceless_one(self, root: Path) -> None:
        made = make(root, Making(("solid",), decoys=True))
        assert set(made.pixels) == {"raw", "solid", "solid+decoys", "solid+masks", "raw+decoys:solid"}
        marked = (made.pixels["solid+decoys"] != made.pixels["solid"]).any(axis=(1, 2, 3))
        assert marked.sum() >= 5  # One may lie wholly on the face of its photo.
        things = made.labels == 1
        places = changed(made, "solid+masks")[things]
        assert np.array_equal(places[0], places[1])
        assert places.any(axis=(1, 2)).all()
        assert changed(made, "raw+decoys:solid").any(axis=(1, 2)).all()

    def test_decoys_are_repeated_by_the_seed(self, root: Path) -> None:
        first, again, other = (make(root, Making(("solid",), decoys=True, seed=seed)) for seed in (1, 1, 2))
        assert np.array_equal(first.pixels["solid+decoys"], again.pixels["solid+decoys"])
        assert not np.array_equal(first.pixels["solid+decoys"], other.pixels["solid+decoys"])

    def test_a_face_counts_where_its_centre_is(self, root: Path) -> None:
        listing = samples.list_photos(root)
        photo = listing.photos[0]
        crops = [Crop(photo, side=0.5, x=x, y=0.0) for x in (0.0, 1.0)] + [Crop(listing.photos[-1])] * 2
        made = variants.make_variants(listing, crops, locate, Making(("solid",)))
        assert made.has_face.tolist() == [False, False, False, False]
        crops[0] = Crop(photo, side=0.5, x=0.2, y=0.0)
        assert variants.make_variants(listing, crops, locate, Making(("solid",))).has_face.tolist()[0]


class TestPublished:
    def test_is_read_by_key_and_cut_alike(self, root: Path) -> None:
        output = root.parent / "out"
        for path in root.rglob("*.png"):
            target = output / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encoded(255 - decoded(path.read_bytes())))
        made = make(root, Making((), output), Cutting(2))
        assert set(made.pixels) == {"raw", "anonymized"}
        difference = made.pixels["anonymized"].astype(int) + made.pixels["raw"]
        assert np.abs(difference - 255).max() <= 1

    def test_what_a_run_did_not_publish_is_left_out_and_the_classes_stay_balanced(self, root: Path) -> None:
        output = root.parent / "out"
        for path in sorted(root.rglob("*.png"))[1:]:
            target = output / f"{path.relative_to(root)}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encoded(scene(128, 96), "JPEG"))
        made = make(root, Making((), output))
        assert made.refused == {"not_published": 1}
        assert np.bincount(made.labels).tolist() == [2, 2]

    def test_another_size_is_not_the_photo(self, root: Path) -> None:
        output = root.parent / "out"
        for path in root.rglob("*.png"):
            target = output / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encoded(scene(64, 48)))
        with pytest.raises(UsageError, match=r"no photo of class 'people' is left \(refused: not_published 6\)"):
            make(root, Making((), output))


class TestRefused:
    def test_a_damaged_photo_is_in_no_variant(self, root: Path) -> None:
        (root / "people" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
        (root / "things" / "note.txt").write_bytes(b"no picture")
        made = make(root, Making(("solid",)))
        assert made.refused["decode_error"] == 1
        assert "people/0.png" not in {crop.photo.key for crop in made.crops}
        assert all(len(pixels) == 4 for pixels in made.pixels.values())

    def test_boxes_of_another_photo_are_refused(self, root: Path) -> None:
        listing = Listing(root, ("people", "things"), samples.list_photos(root).photos)
        crops = samples.draw(listing, Cutting())
        with pytest.raises(UsageError, match="boxes_mismatch 6"):
            variants.make_variants(listing, crops, lambda *_: as_boxes([[500, 500, 510, 510]]), Making(("solid",)))


def test_small_is_64_by_64() -> None:
    assert variants.small(np.full((31, 31, 3), 7, np.uint8)).tolist() == np.full((64, 64, 3), 7).tolist()


@pytest.mark.parametrize("gray", [True, False])
def test_seen_is_rgb(gray: bool) -> None:
    pixels = np.full((5, 6) if gray else (5, 6, 3), 40, np.uint8)
    assert variants.seen(encoded(pixels)).tolist() == np.full((5, 6, 3), 40).tolist()
