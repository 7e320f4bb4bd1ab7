"""The two of the course page's answers that today's libraries no longer bear out (infra/docs/course-page.md)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

SECRET = b"a-photographer"


def picture(container: str) -> Image.Image:
    """A picture that was read from a file with EXIF."""
    exif = Image.Exif()
    exif[0x013B] = SECRET.decode()
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, container, exif=exif)
    assert SECRET in buffer.getvalue()
    return Image.open(io.BytesIO(buffer.getvalue()))


def saved(image: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


class TestExifNone:
    """Metadata removed by passing `exif=None` to Pillow's `save`."""

    @pytest.mark.parametrize(("container", "error"), [("JPEG", TypeError), ("WEBP", AttributeError)])
    def test_fails(self, container: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            saved(picture(container), container, exif=None)

    def test_works_on_png(self) -> None:
        assert SECRET not in saved(picture("PNG"), "PNG", exif=None)

    @pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("options", [{}, {"exif": b""}], ids=["without", "empty"])
    def test_what_works_instead(self, container: str, options: dict[str, Any]) -> None:
        assert SECRET not in saved(picture(container), container, **options)

    def test_exif_is_not_all_that_a_file_tells(self) -> None:
        commented = saved(picture("JPEG"), "JPEG", comment=SECRET)
        assert SECRET in saved(Image.open(io.BytesIO(commented)), "JPEG", exif=b"")


class TestColourCascade:
    """A cascade that is said to take gray pictures only."""

    @pytest.fixture
    def astronaut(self) -> NDArray[np.uint8]:
        data = pytest.importorskip("skimage.data")
        return np.ascontiguousarray(data.astronaut()[:, :, ::-1])

    @pytest.fixture
    def cascade(self) -> cv2.CascadeClassifier:
        folder = Path(cv2.__file__).parent / "data"
        return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def test_colour_is_accepted_and_gives_the_boxes_of_its_gray_version(
        self, astronaut: NDArray[np.uint8], cascade: cv2.CascadeClassifier
    ) -> None:
        colour = cascade.detectMultiScale(astronaut)
        gray = cascade.detectMultiScale(cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY))
        assert len(colour) == 1
        assert np.array_equal(colour, gray)

    def test_colour_is_taken_as_bgr(self, astronaut: NDArray[np.uint8], cascade: cv2.CascadeClassifier) -> None:
        # RGB is accepted as well, with red and blue mistaken for one another: why we convert ourselves.
        rgb = np.ascontiguousarray(astronaut[:, :, ::-1])
        assert np.array_equal(
            cascade.detectMultiScale(rgb), cascade.detectMultiScale(cv2.cvtColor(rgb, cv2.COLOR_BGR2GRAY))
        )
