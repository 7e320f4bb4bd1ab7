"""TIFF files of a real data lake, where they are at hand (they are not part of this project)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec, metadata
from anonymizer.records import Picture
from tests.image.codec.samples import CONFIG

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
LIMITS = CodecConfig(max_pixels=2_000_000)


def _pictures() -> Iterator[tuple[bytes, Picture]]:
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            continue
        try:
            yield data, codec.decode(data, LIMITS)
        except ObjectError:
            continue


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the files are not here")
def test_what_is_read_is_what_pillow_reads_and_comes_out_clean() -> None:
    read = compared = 0
    for data, picture in _pictures():
        read += 1
        written = codec.encode(picture).data
        first = picture.frames[0]
        metadata.check(written, "tiff", first.width, first.height, len(picture.frames))
        assert set(metadata.inventory(written, "tiff")) <= {"icc"}
        again = codec.decode(written, CONFIG)
        for one, other in zip(picture.frames, again.frames, strict=True):
            np.testing.assert_array_equal(one.pixels, other.pixels)
        compared += _is_as_pillow_sees_it(data, picture)
    assert read >= 40
    assert compared >= 30


def _is_as_pillow_sees_it(data: bytes, picture: Picture) -> bool:
    """Whether the first page could be compared: Pillow keeps the colours of the profile and cuts 16 bit to 8."""
    frame = picture.frames[0]
    if picture.converted or frame.alpha is not None:
        return False
    try:
        image: Image.Image = Image.open(BytesIO(data))
        image.load()
    except OSError:
        return False
    image = image.convert({"P": "RGB", "1": "L"}.get(image.mode, image.mode))
    if np.asarray(image).dtype != frame.pixels.dtype:
        return False
    np.testing.assert_array_equal(np.asarray(image), frame.pixels)
    return True
