import json

import pytest

from anonymizer.shards import sidecars
from anonymizer.shards.content import Content


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (("json",), {"caption": "a dog", "width": 3, "more": [{"score": 0.5}]}),
        (("json", "json.url"), {"caption": "a dog", "url": "http://x", "width": 3, "more": [{"score": 0.5}]}),
        (("*",), {"caption": "a dog", "width": 3, "more": [{"score": 0.5}]}),
    ],
)
def test_known_leaks_go_from_json(keep, expected):
    given = {
        "caption": "a dog", "url": "http://x", "exif": {"Make": "x"}, "sha256": "0" * 64, "width": 3,
        "more": [{"score": 0.5, "original_url": "x", "clip_embedding": [1, 2], "GPSLatitude": 3}],
    }  # fmt: skip
    kept = sidecars.kept("json", json.dumps(given).encode(), Content.TEXT, keep)
    assert json.loads(kept or b"") == expected


@pytest.mark.parametrize("name", ["exif", "EXIF", "url", "image_url", "sha256", "phash", "md5", "thumbnail", "gps_lat"])
def test_leaks(name):
    assert sidecars.is_leak(name)


@pytest.mark.parametrize("name", ["caption", "label", "width", "cls", "text", "score", "category"])
def test_no_leaks(name):
    assert not sidecars.is_leak(name)


def test_what_is_not_named_goes():
    assert sidecars.kept("txt", b"x", Content.TEXT, ()) is None
    assert sidecars.kept("TXT", b"x", Content.TEXT, ("txt",)) == b"x"
    assert sidecars.kept("npy", b"\0", Content.BINARY, ("*",)) is None
    assert sidecars.kept("npy", b"\0", Content.BINARY, ("npy",)) == b"\0"
    assert sidecars.kept("zip", b"PK", Content.CONTAINER, ("zip",)) is None
    assert sidecars.kept("json", b"{broken", Content.TEXT, ("json",)) is None


def test_lines_of_json():
    data = b'{"url": "x", "a": 1}\n\n{"b": 2}\n'
    assert sidecars.kept("jsonl", data, Content.TEXT, ("jsonl",)) == b'{"a": 1}\n{"b": 2}'
