"""Any other store that fsspec knows: read exactly; published to only where the user accepts the race.

fsspec has no conditional write, hence a check and a write are two steps here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import fsspec

from anonymizer.errors import (
    ConfigError,
    ListingError,
    NotARegularFile,
    PublishConflict,
    SourceChanged,
    SourceGone,
)
from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.base import Root, regular_names
from anonymizer.lake.storage.faults import filesystem_errors
from anonymizer.lake.storage.generic_streams import STREAM_PREFIX, GenericPieces, GenericStream
from anonymizer.lake.storage.info import fits, modified, version_of
from anonymizer.lake.storage.keys import check_key, is_reserved, is_temporary, join_uri, spelled_key, split_uri
from anonymizer.lake.storage.listing import Listed, irregular, key_error
from anonymizer.lake.storage.streams import Pieces, Stream
from anonymizer.records import ImageRef


class GenericRoot(Root):
    """A folder of some fsspec filesystem. Listing holds all keys in memory."""

    def __init__(self, uri: str, access: Access, only: str | None = None) -> None:
        super().__init__(uri, access, only)
        self._scheme = split_uri(uri)[0]
        if access.put:
            raise ConfigError(f"`storage.put` is for s3://, not for {self._scheme}://")
        self._class = _filesystem_class(self._scheme)
        self._path = str(self._class._strip_protocol(uri)).rstrip("/")
        self._fs: Any = None
        self._making = threading.Lock()

    def list(
        self, start_after: str | None = None, *, output: bool = False, temporaries: bool = False
    ) -> Iterator[Listed]:
        yield from self._list("", start_after or "", output=output, temporaries=temporaries)

    def _list(self, folder: str, start_after: str, *, output: bool, temporaries: bool = False) -> Iterator[Listed]:
        """As `list`, of one folder."""
        try:
            found = self._found(folder)
        except FileNotFoundError:
            found = {}
        except ListingError:
            raise
        except Exception:  # noqa: BLE001 - filesystems have no common root of errors, and texts may hold secrets
            raise ListingError(f"{self.uri}: it cannot be listed") from None
        if not found and not output and not self._exists():
            raise ListingError(f"{self.uri}: there is no such file or folder")
        for key in sorted(found):
            if key > start_after and not (output and not temporaries and is_reserved(key)):
                yield self._listed(key, found[key])

    def _found(self, folder: str) -> dict[str, dict[str, Any]]:
        fs = self._filesystem()
        fs.invalidate_cache()
        if self.only is not None:
            return {self.only: fs.info(self._full(self.only))}
        below = f"{self._path}/"
        everything = fs.find(self._full(folder) if folder else self._path, detail=True)
        inside = [
            (spelled_key(path[len(below) :]), info) for path, info in everything.items() if path.startswith(below)
        ]
        found = dict(inside)
        if len(found) < len(inside):
            raise ListingError(f"{self.uri}: two objects have one name")
        return found

    def _exists(self) -> bool:
        try:
            return bool(self._filesystem().exists(self._path))
        except Exception:  # noqa: BLE001 - as above
            return False

    def _listed(self, key: str, info: dict[str, Any]) -> Listed:
        error = key_error(key) or (None if info["type"] == "file" else NotARegularFile)
        if error is not None:
            return irregular(self.uri, key, error)
        return ImageRef(key, join_uri(self.uri, key), version_of(info), int(info["size"]), modified(info))

    def is_object(self) -> bool:
        try:
            return bool(self._filesystem().isfile(self._path))
        except Exception:  # noqa: BLE001 - as above
            raise ListingError(f"{self.uri}: it cannot be reached") from None

    def check_publishing(self) -> None:
        if not self._access.unconditional:
            raise ConfigError(f"{self._scheme}:// cannot be written conditionally; see `storage.unconditional`")

    def version(self, key: str) -> str | None:
        if not self.can_hold(key):
            return None
        check_key(key)
        return self._standing(key)

    def _standing(self, key: str) -> str | None:
        """The current version of a key of ours or theirs."""
        info = self._object_info(key)
        if info is not None and info["type"] != "file":
            raise NotARegularFile(key)
        return version_of(info) if info is not None else None

    def stat(self, key: str) -> Listed | None:
        error = key_error(key)
        if error is not None:
            return irregular(self.uri, key, error)
        info = self._object_info(key)
        return self._listed(key, info) if info is not None else None

    def _object_info(self, key: str) -> dict[str, Any] | None:
        info: dict[str, Any] = {"type": "directory"}
        with suppress(SourceGone), filesystem_errors():
            info = self._info(key)
        return info if info["type"] != "directory" else None

    def put(self, name: str, data: bytes) -> None:
        check_key(name)
        self._write(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> bool:
        check_key(name)
        try:
            self._write(name, data, "create")
        except FileExistsError:
            return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.remove(name, expected=None)

    def names(self, prefix: str = "") -> Iterator[str]:
        return regular_names(self._list(prefix.rpartition("/")[0], "", output=True), prefix)

    def _read(self, key: str, expected: str | None) -> tuple[bytes, str]:
        with filesystem_errors():
            before = self._info(key)
            if before["type"] != "file":
                raise NotARegularFile(key)
            if expected not in (None, version_of(before)):
                raise SourceChanged(key)
            data = bytes(self._filesystem().cat_file(self._full(key)))
            # A filesystem may know no better version than length and time, and its caches may be old.
            if not fits(before, len(data)) or version_of(self._info(key)) != version_of(before):
                raise SourceChanged(key)
        return data, version_of(before)

    def _publish(
        self,
        key: str,
        data: bytes,
        *,
        expected: str | None,
        media_type: str,  # noqa: ARG002 - fsspec has no common word for it
        check: Callable[[], None],
    ) -> str:
        self.check_publishing()
        self._permit(key, expected, check)
        self._write(key, data, "overwrite")
        return self._written(key, len(data))

    def _permit(self, key: str, expected: str | None, check: Callable[[], None]) -> None:
        if self._standing(key) != expected:
            raise PublishConflict(key)
        check()

    def _written(self, key: str, size: int) -> str:
        """The version of what we have written, if that may be what stands there."""
        with filesystem_errors():
            written = self._info(key)
        if not fits(written, size):
            raise PublishConflict(key)
        return version_of(written)

    def _pieces(self, ref: ImageRef) -> Pieces:
        return GenericPieces(ref, self._part, self._info_of_file)

    def _part(self, key: str, start: int, length: int) -> bytes:
        with filesystem_errors():
            return bytes(self._filesystem().cat_file(self._full(key), start=start, end=start + length))

    def _info_of_file(self, key: str) -> dict[str, Any]:
        with filesystem_errors():
            info = self._info(key)
        if info["type"] != "file":
            raise NotARegularFile(key)
        return info

    def _stream(
        self,
        key: str,
        *,
        expected: str | None,
        media_type: str,  # noqa: ARG002 - fsspec has no common word for it
        check: Callable[[], None],
        size_hint: int,  # noqa: ARG002 - of no use here
    ) -> Stream:
        self.check_publishing()

        def place(temporary: str, size: int) -> str:
            self._permit(key, expected, check)
            self._move(temporary, key)
            return self._written(key, size)

        return GenericStream(self._file, place, self._drop)

    def _file(self, temporary: str) -> Any:
        fs, path = self._filesystem(), self._full(temporary)
        with filesystem_errors():
            fs.makedirs(self._path, exist_ok=True)
            return fs.open(path, "wb")

    def _move(self, temporary: str, key: str) -> None:
        fs, path = self._filesystem(), self._full(key)
        with filesystem_errors():
            fs.makedirs(fs._parent(path), exist_ok=True)
            fs.mv(self._full(temporary), path)

    def _drop(self, temporary: str) -> None:
        with suppress(SourceGone), filesystem_errors():
            self._filesystem().rm_file(self._full(temporary))

    def sweep(self, age_s: float = 3600.0) -> int:
        latest, swept = datetime.now(UTC) - timedelta(seconds=age_s), 0
        for name in self._top_names(STREAM_PREFIX):
            info = self._object_info(name) if is_temporary(name) else None
            moment = modified(info) if info is not None else None
            if moment is not None and moment < latest:
                self._drop(name)
                swept += 1
        return swept

    def _remove(self, key: str, expected: str | None) -> None:
        current = self._standing(key)
        if current is None:
            return
        if expected not in (None, current):
            raise PublishConflict(key)
        with suppress(SourceGone), filesystem_errors():
            self._filesystem().rm_file(self._full(key))

    def _top_names(self, prefix: str) -> Iterator[str]:
        try:
            fs = self._filesystem()
            fs.invalidate_cache()
            paths = fs.ls(self._path, detail=False)
        except FileNotFoundError:
            return
        except Exception:  # noqa: BLE001 - as above
            raise ListingError(f"{self.uri}: it cannot be listed") from None
        names = (str(path).rstrip("/").rpartition("/")[2] for path in paths)
        yield from (name for name in names if name.startswith(prefix))

    def _write(self, key: str, data: bytes, mode: str) -> None:
        fs, path = self._filesystem(), self._full(key)
        with filesystem_errors():
            fs.makedirs(fs._parent(path), exist_ok=True)
            fs.pipe_file(path, data, mode=mode)

    def _info(self, key: str) -> dict[str, Any]:
        fs = self._filesystem()
        fs.invalidate_cache()
        return dict(fs.info(self._full(key)))

    def _full(self, key: str) -> str:
        return f"{self._path}/{key}"

    def _filesystem(self) -> Any:
        with self._making:
            if self._fs is None:
                self._fs = self._class(**self._access.options, skip_instance_cache=True)
            return self._fs


def _filesystem_class(scheme: str) -> Any:
    try:
        return fsspec.get_filesystem_class(scheme)
    except ImportError:
        raise ConfigError(f"{scheme}:// needs another package; see fsspec's table of known implementations") from None
    except ValueError:
        raise ConfigError(f"{scheme}:// is not known to fsspec") from None
