"""Whatever way a camera was held, what is published stands upright."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from anonymizer import Anonymizer
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.records import Pixels
from tests.image.codec.samples import CORNERS, MARKER, cornered, orientation_exif, saved, with_chunk, with_segment
from tests.image.codec.test_contract import STORED

FACE = (64, 24, 96, 40)


def upright() -> Pixels:
    """(64, 160, 3): each quarter in the colour of its corner, and a patch."""
    pixels = cornered(64, 160)
    x1, y1, x2, y2 = FACE
    pixels[y1:y2, x1:x2] = PATCH_RGB
    return pixels


def _tiff(stored: Pixels, orientation: int) -> bytes:
    return saved(stored, "tiff", tiffinfo={0x0112: orientation, 0x010E: MARKER.decode()})


SOURCES: dict[str, Callable[[Pixels, int], bytes]] = {
    "jpeg": lambda p, n: with_segment(saved(p, "jpeg", quality=95), 0xE1, b"Exif\0\0" + orientation_exif(n)),
    "png": lambda p, n: with_chunk(saved(p, "png"), b"eXIf", orientation_exif(n)),
    "webp": lambda p, n: saved(p, "webp", quality=95, exif=orientation_exif(n)),
    "tiff": _tiff,
    # Pillow writes the orientation as the turn and the mirror that decoders go by.
    "avif": lambda p, n: saved(p, "avif", quality=95, speed=8, exif=orientation_exif(n)),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format_name", SOURCES)
def test_outputs_are_upright(format_name: str, orientation: int) -> None:
    source = SOURCES[format_name](np.ascontiguousarray(STORED[orientation](upright())), orientation)
    image = Anonymizer({"detector": {"name": "patch"}})(source)
    assert (image.format, image.width, image.height) == (format_name, 160, 64)
    (face,) = image.faces
    np.testing.assert_allclose((face.x, face.y, face.x + face.w, face.y + face.h), FACE, atol=4)
    with Image.open(BytesIO(image.data)) as reader:
        assert reader.getexif().get(0x0112, 1) == 1
        shown = np.asarray(reader.convert("RGB")).astype(int)
    assert shown.shape == (64, 160, 3)
    found = [shown[y, x] for y in (6, 57) for x in (6, 153)]
    assert np.abs(np.array(found) - np.array(CORNERS)).max() < 40


@pytest.mark.parametrize("format_name", ["jpeg", "png"])
def test_the_same_faces_are_found_however_the_camera_was_held(format_name: str) -> None:
    """A real face, the real detector: JPEG rounds a turned picture differently, and eight bits make more of it."""
    anonymizer = Anonymizer()
    found = []
    for orientation in STORED:
        source = SOURCES[format_name](np.ascontiguousarray(STORED[orientation](astronaut())), orientation)
        found.append(sorted(anonymizer(source).faces, key=lambda face: -face.score))
    for faces in found:
        assert len(faces) == len(found[0])
        for face, same in zip(faces, found[0], strict=True):
            assert (face.x, face.y, face.w, face.h) == pytest.approx((same.x, same.y, same.w, same.h), abs=4)
            assert face.score == pytest.approx(same.score, abs=0.05)
    assert found[0][0].score > 0.9
