"""Reading objects of INPUT: what is not asked for, what bytes stand for, and what is a lost picture."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from anonymizer.errors import (
    Archived,
    ArchiveUnread,
    EmptyFile,
    ImageTooLarge,
    ObjectError,
    TableUnread,
    VideoUnread,
    WrongCoding,
)
from anonymizer.records import ImageRef
from anonymizer.run.sources import read_source
from tests.image.codec.containers import zipped
from tests.pictures import photo

PHOTO = photo(1, image_format="JPEG")
MOST = 10**6


class _File(io.BytesIO):
    def __init__(self, data: bytes, coding: str) -> None:
        super().__init__(data)
        self.coding = coding


@dataclass
class _Root:
    """A store with one object."""

    data: bytes
    coding: str = ""
    asked: list[str] = field(default_factory=list)

    def open_source(self, ref: ImageRef, **_: int) -> _File:
        self.asked.append(f"the beginning of {ref.key}")
        return _File(self.data, self.coding)

    def read_coded(self, ref: ImageRef) -> tuple[bytes, str]:
        self.asked.append(ref.key)
        return self.data, self.coding


def _read(root: _Root, key: str = "a.jpg", *, archived: bool = False, most: int = MOST) -> bytes:
    return read_source(root, ImageRef(key, "", "0", len(root.data), None, archived), most)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (PHOTO, ""),
        (gzip.compress(PHOTO), "gzip"),
        (zlib.compress(PHOTO), "deflate"),
        (pa.compress(PHOTO, "brotli", asbytes=True), "br"),
        (pa.compress(PHOTO, "zstd", asbytes=True), "zstd"),
        (gzip.compress(PHOTO), "aws-chunked,gzip"),
    ],
)
def test_a_picture_however_it_is_kept(data: bytes, coding: str) -> None:
    assert _read(_Root(data, coding)) == PHOTO


@pytest.mark.parametrize("key", ["a.TFRecord", "shard.00000.mds.zstd", "train.beton"])
def test_a_shard_without_a_signature_is_known_by_its_name_unless_it_is_a_picture(key: str) -> None:
    with pytest.raises(TableUnread):
        _read(_Root(b"nobody knows"), key)
    assert _read(_Root(PHOTO), key) == PHOTO


@pytest.mark.parametrize("coding", ["gzip", "br", "utf-8", "base64", "aws-chunked", "identity", "none"])
def test_what_is_a_picture_as_it_stands_is_one_whatever_is_said(coding: str) -> None:
    for data in (PHOTO, b"8BPS Photoshop, not ours"):
        assert _read(_Root(data, coding)) == data


@pytest.mark.parametrize("coding", ["gzip", "br", "compress", "utf-8"])
def test_a_picture_that_cannot_be_had_is_lost_and_nothing_else_is(coding: str) -> None:
    for key in ("a.jpg", "b/c.CR2"):
        with pytest.raises(WrongCoding):
            _read(_Root(gzip.compress(PHOTO)[:-9] if coding == "gzip" else b"some bytes", coding), key)
    assert _read(_Root(b"some bytes", coding), "notes.txt") == b"some bytes"


def test_a_bomb_is_too_large() -> None:
    with pytest.raises(ImageTooLarge):
        _read(_Root(gzip.compress(bytes(MOST + 1)), "gzip"))
    assert _read(_Root(gzip.compress(PHOTO), "gzip"), most=len(PHOTO)) == PHOTO


def test_what_is_too_large_or_archived_is_not_asked_for() -> None:
    root = _Root(PHOTO)
    with pytest.raises(ImageTooLarge):
        _read(root, most=len(PHOTO) - 1)
    assert root.asked == ["the beginning of a.jpg"]
    root.asked.clear()
    with pytest.raises(Archived):
        _read(root, archived=True)
    assert root.asked == []


@pytest.mark.parametrize(
    ("data", "key", "error"),
    [
        (zipped("a.jpg") + bytes(MOST), "a.zip", ArchiveUnread),
        (b"\0\0\0\x18ftypisom" + bytes(MOST), "a.mp4", VideoUnread),
        (bytes(MOST + 1), "a.beton", TableUnread),
        (bytes(MOST + 1), "a.bin", ImageTooLarge),
        (b"8BPS" + bytes(MOST), "a.psd", ImageTooLarge),
    ],
)
def test_what_is_too_large_to_be_read_is_known_by_its_beginning(
    data: bytes, key: str, error: type[ObjectError]
) -> None:
    with pytest.raises(error):
        _read(_Root(data), key)
    with pytest.raises(ImageTooLarge):
        _read(_Root(data, "gzip"), key)


@pytest.mark.parametrize("key", ["a.jpg", "A.JPEG", "b/c.heic", "d.nef", "e.tif"])
def test_an_empty_picture_is_a_lost_one(key: str) -> None:
    root = _Root(b"")
    with pytest.raises(EmptyFile):
        _read(root, key)
    assert root.asked == []
    with pytest.raises(EmptyFile):
        _read(_Root(gzip.compress(b""), "gzip"), key)


@pytest.mark.parametrize("key", ["a.txt", "a", ".jpg", "jpg/a"])
def test_other_empty_files_are_just_empty(key: str) -> None:
    assert _read(_Root(b""), key) == b""
