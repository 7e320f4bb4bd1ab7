"""Films and stills of a real data lake, where they are at hand (they are not part of this project)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec, metadata
from anonymizer.records import Picture
from tests.image.codec.test_gif import rgba, shown_by_opencv, shown_by_pillow

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
LIMITS = CodecConfig(max_pixels=10_000_000)

# Pillow shows a cleared part in the background's colour where a file has no transparent one; browsers show nothing.
PILLOW_SHOWS_A_BACKGROUND = ("dispose_bgnd.gif", "dispose_bgnd_rgba.gif")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the files are not here")


def _readable(signs: tuple[bytes, ...]) -> list[tuple[str, bytes, Picture]]:
    found = []
    for path in sorted(FOLDER.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if data.startswith(signs) and data[8:12] != b"WAVE":
            try:
                found.append((path.name, data, codec.decode(data, LIMITS)))
            except ObjectError:
                continue
    return found


def test_each_gif_shows_the_same_canvases_to_every_reader() -> None:
    found = _readable((b"GIF8",))
    assert len(found) > 20
    for name, data, picture in found:
        canvases = [rgba(frame) for frame in picture.frames]
        encoded = codec.encode(picture)
        assert encoded.encoding == "exact", name
        metadata.check(encoded.data, "gif", picture.frames[0].width, picture.frames[0].height, len(canvases))
        views = [shown_by_pillow(encoded.data), shown_by_opencv(encoded.data)]
        views += [] if name in PILLOW_SHOWS_A_BACKGROUND else [shown_by_pillow(data)]
        for view in views:
            assert len(view) == len(canvases), name
            assert all(np.array_equal(*pair) for pair in zip(view, canvases, strict=True)), name


def test_each_webp_keeps_its_frames_and_comes_out_clean() -> None:
    found = [item for item in _readable((b"RIFF",)) if item[2].format == "webp"]
    assert len(found) > 8
    for name, _, picture in found:
        output = codec.encode(picture).data
        first = picture.frames[0]
        metadata.check(output, "webp", first.width, first.height, len(picture.frames))
        assert metadata.inventory(output, "webp") == (), name
        again = codec.decode(output, LIMITS)
        assert again.animation == picture.animation
        for one, other in zip(again.frames, picture.frames, strict=True):
            assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 6, name
