"""Provide the places to publish to (folders, or buckets with versioning) and read them independently of the product."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tests.fake_s3 import ENVIRONMENT, FakeS3

#: The OUTPUT of every day, and another one that is given by mistake.
MAIN, OTHER = "out", "other"
AWAY = "away"
"""What an unmounted OUTPUT is called in what is found there."""
_LEASE = "_lease"
_RESERVED = ".anon-"
"""In the names of what the product writes into OUTPUT for itself."""


@dataclass(frozen=True)
class Standing:
    """A published file.

    Attributes:
        place: `MAIN`, `OTHER` or `AWAY`.
        current: False: an older version.
    """

    place: str
    name: str
    data: bytes
    current: bool = True


class Places(ABC):
    """OUTPUT, another OUTPUT, and the manifest of both.

    Attributes:
        away: OUTPUT is not there: something empty stands in its place.
    """

    away: bool = False
    settings: str = ""
    """A configuration file's text, with which the places are reached."""

    @abstractmethod
    def url(self, name: str) -> str:
        """`MAIN`, `OTHER` or `manifest`."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """With which the manifest's reader reaches it."""

    @abstractmethod
    def standing(self) -> Iterator[Standing]:
        """Every published file wherever it lies, every version of it, and what lies on a disk that is not there."""

    @abstractmethod
    def vanish(self) -> None:
        """OUTPUT is replaced by something empty; nothing happens without an OUTPUT."""

    @abstractmethod
    def come_back(self) -> None:
        """OUTPUT is there again; what was written into its place is hidden."""

    @abstractmethod
    def _lease(self) -> bytes | None: ...

    @abstractmethod
    def _write_lease(self, data: bytes) -> None: ...

    def bury(self) -> None:
        """Whoever held the lease was a process of this machine that is gone, and nobody waits for its workers."""
        data = self._lease()
        if data is not None:
            record = json.loads(data)
            record |= {"pid_started": record["pid_started"] + 1, "lease_s": 0.0}
            self._write_lease(json.dumps(record).encode())


class Disk(Places):
    """Folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        return str(self._folder / name)

    @property
    def options(self) -> dict[str, Any]:
        return {}

    def standing(self) -> Iterator[Standing]:
        for place in (MAIN, OTHER, AWAY):
            root = self._folder / place
            for path in sorted(root.rglob("*")):
                if path.is_file() and _RESERVED not in path.name:
                    yield Standing(place, path.relative_to(root).as_posix(), path.read_bytes())

    def vanish(self) -> None:
        out = self._folder / MAIN
        if out.exists() and not self.away:
            out.rename(self._folder / AWAY)
            out.mkdir()
            self.away = True

    def come_back(self) -> None:
        if self.away:
            shutil.rmtree(self._folder / MAIN)
            (self._folder / AWAY).rename(self._folder / MAIN)
            self.away = False

    def _lease(self) -> bytes | None:
        path = self._folder / "manifest" / _LEASE
        return path.read_bytes() if path.exists() else None

    def _write_lease(self, data: bytes) -> None:
        (self._folder / "manifest" / _LEASE).write_bytes(data)


class Buckets(Places):
    """Buckets of moto; those of the two OUTPUTs keep versions."""

    def __init__(self, server: FakeS3) -> None:
        server.reset()
        self.settings = "".join(
            f'[storage.{root}]\nendpoint_url = "{server.endpoint_url}"\nkey = "{ENVIRONMENT["AWS_ACCESS_KEY_ID"]}"\n'
            f'secret = "{ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}"\n'
            for root in ("output", "manifest")
        )
        keys = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}
        self._options = {"endpoint_url": server.endpoint_url, **keys}
        self._s3: Any = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
        for name in (MAIN, OTHER, "manifest"):
            self._create(name)
        self._gone: Any = None

    def _create(self, name: str) -> None:
        self._s3.create_bucket(name, "us-east-1")
        if name != "manifest":
            self._s3.put_bucket_versioning(name, "Enabled")

    def url(self, name: str) -> str:
        return f"s3://{name}/lake"

    @property
    def options(self) -> dict[str, Any]:
        return self._options

    def standing(self) -> Iterator[Standing]:
        stores = [(name, self._s3.buckets[name].keys) for name in (MAIN, OTHER)]
        stores += [(AWAY, self._gone)] if self.away else []
        for place, store in stores:
            for key, versions in list(store.lists()):
                name = key.removeprefix("lake/")
                if _RESERVED not in name:
                    for number, version in enumerate(reversed(versions)):
                        # Delete markers have no content.
                        if hasattr(version, "value"):
                            yield Standing(place, name, version.value, current=number == 0)

    def vanish(self) -> None:
        bucket = self._s3.buckets[MAIN]
        if not self.away and bucket.keys:
            self._gone, bucket.keys = bucket.keys, type(bucket.keys)()
            self.away = True

    def come_back(self) -> None:
        if self.away:
            self._s3.buckets[MAIN].keys = self._gone
            self.away = False

    def _lease(self) -> bytes | None:
        found = self._s3.get_object("manifest", f"lake/{_LEASE}")
        return found.value if found is not None else None

    def _write_lease(self, data: bytes) -> None:
        self._s3.put_object("manifest", f"lake/{_LEASE}", data)
