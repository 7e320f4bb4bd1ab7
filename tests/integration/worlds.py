"""A lake on a disk or in a bucket, and the command line over it: what changes around a run is changed here."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from anonymizer import cli
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.lake import manifest
from anonymizer.lake.storage import is_reserved, marked_id
from tests.fake_s3 import ENVIRONMENT
from tests.pictures import decoded

CONFIG = """
[detector]
name = "patch"
[engine]
workers = 1
chunk_keys = 4
lease_s = 600
"""


class World(ABC):
    """INPUT, OUTPUT, and a registry that lies on a disk."""

    options: dict[str, Any] | None = None

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(config)
        self.registry = folder / "consent.csv"

    @property
    @abstractmethod
    def input(self) -> str: ...

    @property
    @abstractmethod
    def output(self) -> str: ...

    def run(self, *arguments: str, output: str | None = None, config: Path | None = None) -> int:
        """Exit status of `anonymizer run`."""
        consent = ["--consent", str(self.registry)] if self.registry.exists() else []
        places = [self.input, output or self.output] if "--in-place" not in arguments else [self.input]
        command = ["run", *places, "--config", str(config or self.config), *consent, *arguments]
        return cli.main(command, {"ANONYMIZER_NAMES_KEY": "a key of enough bytes"})

    def grant(self, *lines: str, header: str = "key,status") -> None:
        self.registry.write_text("\n".join([header, *lines]) + "\n")

    def rows(self, output: str | None = None) -> dict[str, dict[str, Any]]:
        """Current rows by key."""
        listed = manifest.current(f"{output or self.output}.manifest", self.options).to_pylist()
        return {row["key"]: row for row in listed}

    def shown(self) -> set[str]:
        """Published keys whose picture shows a face, in any version that anybody can still read."""
        return {key for key, data in self.everything_published() if (decoded(data) == PATCH_RGB).all(axis=-1).any()}

    @abstractmethod
    def put(self, key: str, data: bytes) -> None: ...

    @abstractmethod
    def delete(self, key: str) -> None: ...

    @abstractmethod
    def published(self) -> dict[str, bytes]:
        """What stands in OUTPUT, its mark left out."""

    @abstractmethod
    def everything_published(self) -> list[tuple[str, bytes]]:
        """Older versions too, where the store keeps them."""

    @abstractmethod
    def lay(self, key: str, data: bytes) -> None:
        """Somebody else puts a file into OUTPUT."""

    @abstractmethod
    def hide_output(self) -> None:
        """The disk is not mounted, the bucket another one: OUTPUT is an empty place."""

    @abstractmethod
    def show_output(self) -> None:
        """OUTPUT is back as it was."""


class Disk(World):
    """Two folders."""

    @property
    def input(self) -> str:
        return str(self.folder / "in")

    @property
    def output(self) -> str:
        return str(self.folder / "out")

    def put(self, key: str, data: bytes) -> None:
        path = self.folder / "in" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key: str) -> None:
        (self.folder / "in" / key).unlink()

    def published(self) -> dict[str, bytes]:
        out = self.folder / "out"
        found = {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
        return {key: data for key, data in found.items() if marked_id(key) is None}

    def everything_published(self) -> list[tuple[str, bytes]]:
        return list(self.published().items())

    def lay(self, key: str, data: bytes) -> None:
        (self.folder / "out" / key).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / "out" / key).write_bytes(data)

    def hide_output(self) -> None:
        (self.folder / "out").rename(self.folder / "unmounted")
        (self.folder / "out").mkdir()

    def show_output(self) -> None:
        shutil.rmtree(self.folder / "out")
        (self.folder / "unmounted").rename(self.folder / "out")


class Bucket(World):
    """Two buckets; that of OUTPUT keeps versions if `versioned`."""

    def __init__(self, folder: Path, server: Any, client: Any, *, versioned: bool, unconditional: bool = False) -> None:
        credentials = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}
        self.options = server.options | credentials
        told = "".join(f'{name} = "{value}"\n' for name, value in self.options.items() if isinstance(value, str))
        storage = f"[storage]\nunconditional = {str(unconditional).lower()}\n"
        super().__init__(folder, CONFIG + storage + f"[storage.input]\n{told}[storage.output]\n{told}")
        self._client = client
        for name in ("lake-in", "lake-out"):
            client.create_bucket(Bucket=name)
        if versioned:
            client.put_bucket_versioning(Bucket="lake-out", VersioningConfiguration={"Status": "Enabled"})
        self._hidden: dict[str, bytes] = {}

    @property
    def input(self) -> str:
        return "s3://lake-in/photos"

    @property
    def output(self) -> str:
        return "s3://lake-out/run"

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket="lake-in", Key=f"photos/{key}", Body=data)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket="lake-in", Key=f"photos/{key}")

    def published(self) -> dict[str, bytes]:
        return {key: data for key, data in self._objects().items() if marked_id(key) is None}

    def _objects(self) -> dict[str, bytes]:
        listed = self._client.list_objects_v2(Bucket="lake-out", Prefix="run/").get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {k.removeprefix("run/"): self._client.get_object(Bucket="lake-out", Key=k)["Body"].read() for k in keys}

    def everything_published(self) -> list[tuple[str, bytes]]:
        found = self._client.list_object_versions(Bucket="lake-out", Prefix="run/").get("Versions", [])
        read = [
            (
                entry["Key"].removeprefix("run/"),
                self._client.get_object(Bucket="lake-out", Key=entry["Key"], VersionId=entry["VersionId"])[
                    "Body"
                ].read(),
            )
            for entry in found
        ]
        return [(key, data) for key, data in read if not is_reserved(key)]

    def lay(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket="lake-out", Key=f"run/{key}", Body=data)

    def unlay(self, key: str) -> None:
        self._client.delete_object(Bucket="lake-out", Key=f"run/{key}")

    def hide_output(self) -> None:
        self._hidden = self._objects()
        for key in self._hidden:
            self._client.delete_object(Bucket="lake-out", Key=f"run/{key}")

    def show_output(self) -> None:
        for key, data in self._hidden.items():
            self.lay(key, data)
