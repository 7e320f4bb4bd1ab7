"""Folders that are data sets, on every kind of store."""

from __future__ import annotations

import pytest

from anonymizer.lake.datasets import at_root, recognized
from tests.lake.storage.conftest import Store, local_store, memory_store, s3_store, store  # noqa: F401 - fixtures

MDS = b'{"shards": [{"column_names": ["image"], "format": "mds", "raw_data": {"bytes": 9}}], "version": 2}'
KINDS = {
    "_delta_log/00000000000000000000.json": (b"{}", "Delta table"),
    "_delta_log/_last_checkpoint": (b"{}", "Delta table"),
    "metadata/00001-9f3c.metadata.json": (b"{}", "Iceberg table"),
    "metadata/v1.gz.metadata.json": (b"{}", "Iceberg table"),
    "_versions/18446744073709551614.manifest": (b"LANC", "Lance data set"),
    ".hoodie/hoodie.properties": (b"", "Hudi table"),
    "index.json": (MDS, "MDS data set"),
}
NONE = {
    "metadata/camera.json": b"{}",
    "_delta_log": b"a file",
    "_delta_log/notes.txt": b"",
    "a_delta_log/00000000000000000000.json": b"{}",
    "index.json": b'{"albums": ["shards"]}',
    "an_index.json": MDS,
}


@pytest.mark.parametrize("key", KINDS)
def test_known_by_its_log_or_index_wherever_it_lies(store: Store, key: str) -> None:  # noqa: F811
    data, kind = KINDS[key]
    store.write("a.jpg", b"0")
    store.write(f"some/where/{key}", data)
    root = store.open()
    assert list(at_root(root)) == []
    assert [(d.kind, d.folder) for e in root.list() if (d := recognized(root, e))] == [(kind, "some/where")]
    store.write(key, data)
    [found] = at_root(root)
    assert (found.kind, found.folder, found.index) == (kind, "", key)


@pytest.mark.parametrize("key", NONE)
def test_what_only_has_such_a_name_is_none(store: Store, key: str) -> None:  # noqa: F811
    store.write(key, NONE[key])
    root = store.open()
    assert list(at_root(root)) == []
    assert not any(recognized(root, entry) for entry in root.list())


def test_a_single_file_is_none(memory_store: Store) -> None:  # noqa: F811
    root = memory_store.open()
    root.only = "index.json"
    memory_store.write("index.json", MDS)
    assert list(at_root(root)) == []
