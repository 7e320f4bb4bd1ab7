"""Where the faces are: labels as the sets write them, and the detector's answers by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anonymizer.errors import ConfigError, UsageError
from anonymizer.image.geometry import as_boxes
from anonymizer.lab.utility import faces
from anonymizer.lab.utility.samples import Listing, Photo
from tests.pictures import encoded

PHOTO, PLAIN = Photo("a/1.png", 0, "a/1.png"), Photo("b/2.png", 1, "b/2.png")
LISTING = Listing(Path("nowhere"), ("a", "b"), (PHOTO, PLAIN))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


class TestLabels:
    def test_boxes_by_key(self, tmp_path: Path) -> None:
        text = "image,x,y,w,h,ignore\na/1.png,1.5,2,10,20,0\na/1.png,5,6,7,8,1\nb/2.png,,,,,\nc,1,1,0,5,0\n"
        labels = faces.read_labels(written(tmp_path, text))
        assert labels["a/1.png"].tolist() == [[1.5, 2, 11.5, 22], [5, 6, 12, 14]]
        assert labels["b/2.png"].shape == labels["c"].shape == (0, 4)

    @pytest.mark.parametrize("text", ["", "image,x,y,w\na,1,2,3\n", "name,x,y,w,h\na,1,2,3,4\n"])
    def test_missing_columns_are_said(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="image, x, y, w, h"):
            faces.read_labels(written(tmp_path, text))

    @pytest.mark.parametrize("row", ["a,1,2,3,x", "a,1,2,3", "a,1,2,nan,4", "a,1,inf,3,4"])
    def test_a_malformed_row_is_named(self, tmp_path: Path, row: str) -> None:
        with pytest.raises(ConfigError, match="row 2"):
            faces.read_labels(written(tmp_path, f"key,x,y,w,h\nb,1,2,3,4\n{row}\n"))

    def test_a_photo_without_labels_shows_nobody(self) -> None:
        locate = faces.by_labels({"a/1.png": as_boxes([[1, 2, 3, 4]])}, LISTING)
        assert locate(PHOTO, b"").tolist() == [[1, 2, 3, 4]]
        assert locate(PLAIN, b"").shape == (0, 4)

    def test_labels_of_other_photos_are_refused(self) -> None:
        with pytest.raises(UsageError, match="none of the photos"):
            faces.by_labels({"1.png": as_boxes([])}, LISTING)


class TestDetector:
    @pytest.fixture
    def found(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A detector that finds one face in everything."""

        class Finds:
            def detect(self, pixels: Any) -> Any:
                return np.array([[1, 2, 5, 6]], np.float32), np.ones(1, np.float32)

        monkeypatch.setattr(faces, "load_weights", lambda *_: None)
        monkeypatch.setattr(faces, "make", lambda *_: Finds())
        return encoded(np.zeros((8, 8, 3), np.uint8))

    def test_what_it_finds(self, found: bytes) -> None:
        locate = faces.by_detector(LISTING)
        assert locate(PHOTO, found).tolist() == locate(PLAIN, found).tolist() == [[1, 2, 5, 6]]

    def test_but_not_where_nobody_is_shown(self, found: bytes) -> None:
        locate = faces.by_detector(LISTING, ("b",))
        assert len(locate(PHOTO, found)) == 1
        assert locate(PLAIN, found).shape == (0, 4)

    def test_an_absent_class_is_named(self, found: bytes) -> None:
        with pytest.raises(UsageError, match="'c'"):
            faces.by_detector(LISTING, ("c",))
