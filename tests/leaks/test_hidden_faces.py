"""A face where few look: in a later frame, in alpha alone, in black ink alone. Found by the real detector, and gone."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.data import astronaut

from anonymizer import Anonymizer
from anonymizer.records import Pixels

Samples = NDArray[np.uint8]


def _face() -> Samples:
    """(256, 256) gray, with one face."""
    return np.asarray(Image.fromarray(astronaut()).convert("L").crop((96, 0, 352, 256)))


def _saved(image: Image.Image, format_name: str, **settings: Any) -> bytes:
    output = BytesIO()
    image.save(output, format_name, **settings)
    return output.getvalue()


def _flat(*colour: int) -> Samples:
    return np.full((256, 256, len(colour)), colour, np.uint8)


@pytest.mark.parametrize("format_name", ["png", "webp", "tiff", "avif"])
def test_a_face_that_is_drawn_in_alpha_alone(
    format_name: str, anonymizer: Anonymizer, haar: Callable[[Pixels], int]
) -> None:
    # Never quite invisible, so that nothing is cleared before anybody looks.
    alpha = np.maximum(_face(), 1)
    assert haar(alpha) == 1
    settings = {"lossless": True} if format_name == "webp" else {"quality": 90} if format_name == "avif" else {}
    source = _saved(Image.fromarray(np.dstack((_flat(90, 120, 60), alpha))), format_name, **settings)
    result = anonymizer(source)
    assert result.status == "anonymized"
    assert result.redacted_count == result.face_count
    shown = np.asarray(Image.open(BytesIO(result.data)).convert("RGBA"))
    assert haar(shown[..., 3]) == 0
    assert haar(shown[..., :3]) == 0
    x, y = (int(v) for v in (result.faces[0].x + result.faces[0].w / 2, result.faces[0].y + result.faces[0].h / 2))
    assert shown[y, x, 3] == 255


@pytest.mark.parametrize("format_name", ["jpeg", "tiff"])
def test_a_face_that_is_drawn_in_black_ink_alone(
    format_name: str, anonymizer: Anonymizer, haar: Callable[[Pixels], int]
) -> None:
    # So much of the other inks that the face is hardly there in the colours.
    black = 255 - _face()
    ink = np.dstack((_flat(250, 250, 250), black))
    source = _saved(Image.fromarray(ink, "CMYK"), format_name, **({"quality": 95} if format_name == "jpeg" else {}))
    result = anonymizer(source)
    assert (result.status, result.redacted_count) == ("anonymized", 1)
    shown = Image.open(BytesIO(result.data))
    assert shown.mode == "CMYK"
    assert haar(255 - np.asarray(shown)[..., 3]) == 0
    assert haar(np.asarray(shown.convert("RGB"))) == 0


def _film(format_name: str, frames: list[Image.Image], **settings: Any) -> bytes:
    return _saved(frames[0], format_name, save_all=True, append_images=frames[1:], duration=100, **settings)


FILMS: dict[str, Callable[[list[Image.Image]], bytes]] = {
    "gif": lambda frames: _film("GIF", [frame.quantize(64) for frame in frames]),
    "apng": lambda frames: _film("PNG", frames),
    "apng with a picture that is no frame": lambda frames: _film("PNG", frames, default_image=True),
    "webp": lambda frames: _film("WEBP", frames, lossless=True),
    "tiff": lambda frames: _saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    "avif": lambda frames: _film("AVIF", frames, speed=9),
}


@pytest.mark.parametrize("kind", FILMS)
def test_a_face_in_a_later_frame_alone(kind: str, anonymizer: Anonymizer, haar: Callable[[Pixels], int]) -> None:
    empty = Image.fromarray(_flat(40, 70, 90)[:192, :192])
    face = Image.fromarray(astronaut()[:192, 128:320])
    moved = Image.fromarray(np.roll(np.asarray(empty), 1) // 2)
    assert haar(np.asarray(face)) == 1
    result = anonymizer(FILMS[kind]([moved, empty, face]))
    without_default = kind == "apng with a picture that is no frame"
    assert (result.status, result.frame_count) == ("anonymized", 2 if without_default else 3)
    assert {found.frame for found in result.faces} == {result.frame_count - 1}
    shown = Image.open(BytesIO(result.data))
    assert getattr(shown, "n_frames", 1) == result.frame_count
    for index in range(result.frame_count):
        shown.seek(index)
        assert haar(np.asarray(shown.convert("RGB"))) == 0


def test_a_face_in_the_picture_that_stands_for_an_animation_is_gone(
    anonymizer: Anonymizer, haar: Callable[[Pixels], int]
) -> None:
    """Viewers without APNG show it, the others never do: it is left out."""
    face = Image.fromarray(astronaut()[:192, 128:320])
    frames = [Image.fromarray(_flat(40, 70, level)[:192, :192]) for level in (90, 120)]
    result = anonymizer(_film("PNG", [face, *frames], default_image=True))
    assert (result.status, result.frame_count) == ("no_face", 2)
    shown = Image.open(BytesIO(result.data))
    for index in range(2):
        shown.seek(index)
        assert haar(np.asarray(shown.convert("RGB"))) == 0
