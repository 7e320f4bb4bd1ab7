"""Stores that fsspec knows and we do not."""

from __future__ import annotations

from dataclasses import replace

import fsspec
import pytest

from anonymizer.errors import (
    AccessDenied,
    ConfigError,
    ListingError,
    NameNotHeld,
    PublishConflict,
    SourceChanged,
    SourceGone,
    StorageUnavailable,
)
from anonymizer.lake.storage import Irregular, open_root
from anonymizer.records import ImageRef
from tests.lake.storage.conftest import Store


def check() -> None:
    """The deadline is far."""


def test_publishing_needs_consent_to_the_race(memory_store: Store):
    root = open_root(memory_store.uri)
    with pytest.raises(ConfigError, match=r"storage\.unconditional"):
        root.check_publishing()
    with pytest.raises(ConfigError, match=r"storage\.unconditional"):
        root.publish("a", b"1", expected=None, media_type="image/jpeg", check=check)
    assert list(root.list()) == []


@pytest.mark.parametrize(("uri", "put"), [("nonsense://a", {}), ("gs://a", {}), ("memory://a", {"ACL": "private"})])
def test_refused_when_it_is_opened(uri: str, put: dict[str, str]):
    with pytest.raises(ConfigError):
        open_root(uri, put=put)


def test_unsafe_keys_and_other_things_are_reported(memory_store: Store, monkeypatch: pytest.MonkeyPatch):
    found = {
        "/lake/a//b": {"type": "file", "size": 1},
        "/lake/link": {"type": "link", "size": 1},
        "/lake/z": {"type": "file", "size": 1, "ETag": '"0"'},
    }
    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "find", lambda *_, **__: found)
    first, second, third = memory_store.open().list()
    assert isinstance(first, Irregular)
    assert first.error is NameNotHeld
    assert isinstance(second, Irregular)
    assert isinstance(third, ImageRef)
    assert (third.etag, third.modified) == ("0", None)


def test_names_that_are_no_text_are_reported(memory_store: Store, monkeypatch: pytest.MonkeyPatch):
    found = {f"/lake/{name}": {"type": "file", "size": 1} for name in ("a\udcff.jpg", "a\\xff.jpg", "d\ud800/b")}
    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "find", lambda *_, **__: found)
    listed = list(memory_store.open().list())
    assert [(item.key, isinstance(item, Irregular)) for item in listed] == [
        ("./a\\xed\\xb3\\xbf.jpg", True),
        ("./d\\xed\\xa0\\x80/b", True),
        ("a\\xff.jpg", False),
    ]
    found["/lake/./a\\xed\\xb3\\xbf.jpg"] = {"type": "file", "size": 1}
    with pytest.raises(ListingError, match="two objects have one name"):
        list(memory_store.open().list())


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (FileNotFoundError("hunter2"), SourceGone),
        (PermissionError("hunter2"), AccessDenied),
        (RuntimeError("hunter2"), StorageUnavailable),
    ],
)
def test_errors_are_ours(
    memory_store: Store, monkeypatch: pytest.MonkeyPatch, raised: Exception, error: type[Exception]
):
    def fail(*_: object, **__: object) -> None:
        raise raised

    memory_store.write("a", b"1")
    root = memory_store.open()
    (ref,) = root.list()
    assert isinstance(ref, ImageRef)
    filesystem = fsspec.get_filesystem_class("memory")
    monkeypatch.setattr(filesystem, "cat_file", fail)
    with pytest.raises(error) as caught:
        root.read(ref)
    assert "hunter2" not in str(caught.value)
    if error is not SourceGone:
        monkeypatch.setattr(filesystem, "find", fail)
        with pytest.raises(ListingError, match="cannot be listed"):
            list(root.list())


def test_what_is_read_has_to_be_what_was_listed(memory_store: Store, monkeypatch: pytest.MonkeyPatch):
    """Caches of filesystems may be old: s3fs cuts what it reads to a length that it remembers."""
    memory_store.write("a", b"1234")
    root = memory_store.open()
    (ref,) = root.list()
    assert isinstance(ref, ImageRef)
    filesystem = fsspec.get_filesystem_class("memory")
    monkeypatch.setattr(filesystem, "cat_file", lambda *_, **__: b"123")
    with pytest.raises(SourceChanged):
        root.read(ref)
    with pytest.raises(SourceChanged):
        root.get("a")
    monkeypatch.undo()
    with pytest.raises(SourceChanged):
        root.read(replace(ref, size=3))
    assert root.read(ref) == b"1234"


def test_what_was_written_has_to_stand_there_whole(memory_store: Store, monkeypatch: pytest.MonkeyPatch):
    root = memory_store.open()
    filesystem = fsspec.get_filesystem_class("memory")
    original = filesystem.pipe_file
    monkeypatch.setattr(
        filesystem, "pipe_file", lambda self, path, data, **rest: original(self, path, data[:2], **rest)
    )
    with pytest.raises(PublishConflict):
        root.publish("a", b"1234", expected=None, media_type="image/jpeg", check=check)
