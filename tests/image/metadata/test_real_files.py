"""A real data lake's mess, where it is at hand (it is not part of this project)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, ScrubCheckFailed
from anonymizer.image import codec, metadata

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
MAX_BYTES = 60_000
LIMITS = CodecConfig(max_pixels=1_000_000)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the files are not here")
def test_each_file_is_refused_or_comes_out_clean() -> None:
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.stat().st_size < MAX_BYTES)
    published = sum(_comes_out_clean(path) for path in files)
    assert published > len(files) // 4


def _comes_out_clean(path: Path) -> bool:
    data = path.read_bytes()
    try:
        picture = codec.decode(data, LIMITS)
    except ObjectError:
        return False
    height, width = picture.frames[0].pixels.shape[:2]
    try:
        output = codec.encode(picture)
    except ObjectError:
        return False
    metadata.check(output.data, output.format, width, height, len(picture.frames))
    assert set(metadata.inventory(output.data, output.format)) <= {"animation", "icc"}
    if metadata.inventory(data, picture.format):
        with pytest.raises(ScrubCheckFailed):
            metadata.check(data, picture.format, width, height, len(picture.frames))
    return True
