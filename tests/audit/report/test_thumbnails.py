"""Only what the manifest vouches for is shown, small, and without anything but its pixels."""

from __future__ import annotations

import base64
import dataclasses
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from anonymizer.audit.report.review_queue import ReviewPhoto
from anonymizer.audit.report.thumbnails import DETAIL_PX, SIDE_PX, seen, thumbnails
from anonymizer.config import CodecConfig
from anonymizer.image import metadata
from anonymizer.lake.storage import open_root
from anonymizer.records import Face, Frame
from tests.audit.report.lake import Lake
from tests.pictures import encoded, photo, scene


def _shots(lake: Lake, rows=None):
    photos = [ReviewPhoto(row, "weakest", row.faces[0] if row.faces else None) for row in rows or lake.rows]
    return list(thumbnails(photos, open_root(str(lake.output)), CodecConfig()))


def _pixels(uri: str) -> Image.Image:
    kind, _, data = uri.partition(";base64,")
    assert kind == "data:image/webp"
    return Image.open(BytesIO(base64.b64decode(data)))


def test_a_thumbnail_is_small_and_holds_pixels_alone(tmp_path):
    lake = Lake(tmp_path)
    lake.add({"wide.png": encoded(scene(900, 300, [(880, 10, 899, 34)])), "small.jpg": photo(1, image_format="JPEG")})
    wide, small = _shots(lake)
    assert (wide.finding, wide.width, wide.height) == (None, 900, 300)
    assert _pixels(wide.overview).size == (SIDE_PX, 107)
    assert _pixels(small.overview).size == (120, 90)
    # The face is at the edge: the square around it stays inside.
    assert _pixels(wide.detail).size == (DETAIL_PX, DETAIL_PX)
    assert [(box.redacted, box.focus) for box in wide.boxes] == [(True, True)]
    for uri in (wide.overview, wide.detail, small.overview):
        data = base64.b64decode(uri.partition(";base64,")[2])
        assert metadata.inventory(data, "webp") == ()


def test_a_face_at_the_bottom_right_is_shown_from_inside_the_picture(tmp_path):
    lake = Lake(tmp_path)
    lake.add({"a.png": encoded(scene(200, 100, [(180, 76, 199, 99)]))})
    detail = np.asarray(_pixels(_shots(lake)[0].detail).convert("RGB")).astype(int)
    published = np.asarray(Image.open(lake.output / "a.png").convert("RGB")).astype(int)
    # Three boxes wide, up against both edges.
    side = round(3 * max(lake.rows[0].faces[0].w, lake.rows[0].faces[0].h))
    expected = published[100 - side :, 200 - side :]
    assert np.abs(detail.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 4


@pytest.mark.parametrize("what", ["hash_mismatch", "size_mismatch", "missing", "not_regular", "elsewhere"])
def test_what_is_not_what_its_row_says_is_not_shown(tmp_path, what):
    lake = Lake(tmp_path)
    lake.add({"a.png": photo(1)})
    path, row = lake.output / "a.png", lake.rows[0]
    data = path.read_bytes()
    if what == "hash_mismatch":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif what == "size_mismatch":
        path.write_bytes(photo(2))
    elif what == "elsewhere":
        row = dataclasses.replace(row, output_uri="file:///somewhere/else.png")
    else:
        path.unlink()
        if what == "not_regular":
            path.symlink_to(tmp_path / "elsewhere.png")
    (shot,) = _shots(lake, [row])
    assert (shot.finding, shot.overview, shot.detail) == (what, "", "")


def test_order_is_kept_beyond_what_is_read_ahead(tmp_path):
    lake = Lake(tmp_path)
    lake.add({f"{i:02}.png": photo(i) for i in range(9)})
    (lake.output / "03.png").unlink()
    found = _shots(lake)
    assert [shot.photo.row.key for shot in found] == [f"{i:02}.png" for i in range(9)]
    assert [shot.finding for shot in found].count("missing") == 1


def test_the_frame_of_the_face_is_shown(tmp_path):
    first, second = (Image.fromarray(np.full((40, 60, 3), level, np.uint8)) for level in (0, 200))
    buffer = BytesIO()
    first.save(buffer, "WEBP", save_all=True, append_images=[second], lossless=True)
    lake = Lake(tmp_path)
    lake.add({"a.webp": buffer.getvalue()})
    face = Face(1, 5, 5, 10, 10, 0.2, True)
    (shot,) = _shots(lake, [dataclasses.replace(lake.rows[0], faces=(face, dataclasses.replace(face, frame=0)))])
    assert abs(np.asarray(_pixels(shot.overview).convert("L")).mean() - 200) < 3
    assert len(shot.boxes) == 1


def test_what_is_transparent_is_seen_on_paper():
    pixels = np.zeros((2, 2, 3), np.uint8)
    alpha = np.asarray([[0, 255], [128, 255]], np.uint8)
    assert seen(Frame(pixels, alpha))[..., 0].tolist() == [[255, 0], [127, 0]]
    assert seen(Frame(np.full((2, 2), 7, np.uint8))).tolist() == np.full((2, 2, 3), 7).tolist()


def test_a_suspect_is_drawn_and_shown_close(tmp_path):
    pixels = scene(400, 200)
    pixels[20:60, 300:340] = (250, 10, 10)
    lake = Lake(tmp_path)
    lake.add({"a.png": encoded(pixels)})
    suspect = Face(0, 300, 20, 40, 40, 0.6, False)
    photos = [ReviewPhoto(lake.rows[0], "suspect", suspect, (suspect,))]
    (shot,) = thumbnails(photos, open_root(str(lake.output)), CodecConfig())
    assert [(box.x, box.w, box.focus) for box in shot.boxes] == [(300, 40, True)]
    middle = np.asarray(_pixels(shot.detail).convert("RGB"))[50:70, 50:70].mean(axis=(0, 1))
    assert middle[0] > 200
    assert middle[1:].max() < 60
