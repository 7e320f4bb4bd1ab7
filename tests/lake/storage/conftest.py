"""The stores that the contract suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pytest

from anonymizer.lake.storage import Root, open_root
from tests.fake_s3 import FakeS3


@dataclass
class Store:
    """A store behind a root, with a hand in it that is not ours.

    Attributes:
        uri: Of the root.
        write: Puts an object there, whatever its key.
        erase: Takes one away.
    """

    name: str
    uri: str
    options: dict[str, Any]
    write: Callable[[str, bytes], None]
    erase: Callable[[str], None]
    unconditional: bool = False
    roots: list[Root] = field(default_factory=list)

    def open(self) -> Root:
        root = open_root(self.uri, self.options, unconditional=self.unconditional)
        self.roots.append(root)
        return root


@pytest.fixture(params=["local", "s3", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    made: Store = request.getfixturevalue(f"{request.param}_store")
    yield made
    for root in made.roots:
        root.close()


@pytest.fixture
def local_store(tmp_path: Path) -> Store:
    folder = tmp_path / "lake"
    folder.mkdir()

    def write(key: str, data: bytes) -> None:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return Store("local", str(folder), {}, write, lambda key: (folder / key).unlink())


@pytest.fixture
def s3_store(s3_server: FakeS3, s3_client: Any, bucket: str) -> Store:
    def write(key: str, data: bytes) -> None:
        s3_client.put_object(Bucket=bucket, Key=f"lake/{key}", Body=data)

    def erase(key: str) -> None:
        s3_client.delete_object(Bucket=bucket, Key=f"lake/{key}")

    # The marker that consoles make for a folder: it is there, and it is empty.
    write("", b"")
    return Store("s3", f"s3://{bucket}/lake", s3_server.options, write, erase)


@pytest.fixture
def memory_store() -> Iterator[Store]:
    fs = fsspec.filesystem("memory")
    fs.makedirs("/lake", exist_ok=True)
    yield Store(
        "memory",
        "memory://lake",
        {},
        lambda key, data: fs.pipe_file(f"/lake/{key}", data),
        lambda key: fs.rm_file(f"/lake/{key}"),
        unconditional=True,
    )
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
