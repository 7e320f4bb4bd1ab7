"""A folder on a disk of this machine.

Published files appear by rename, from a temporary file beside them that was written and synced before; check and
rename happen under a lock file beside the root (`.<name>.anon-lock`, or the option `lock_path`), so that the version
that was checked is the one that is replaced. A private root (`Access.private`) makes files and folders that nobody but
their owner can open; the folders above it, which may hold other things too, are made as the umask says.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from anonymizer.errors import (
    ConfigError,
    ListingError,
    NotARegularFile,
    ObjectError,
    PublishConflict,
    SourceGone,
    UnsafeKey,
)
from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.base import Root, regular_names
from anonymizer.lake.storage.faults import file_errors
from anonymizer.lake.storage.keys import (
    check_key,
    is_reserved,
    is_temporary,
    join_uri,
    local_path,
    temporary_name,
)
from anonymizer.lake.storage.listing import Listed, irregular, key_error
from anonymizer.lake.storage.local.files import (
    current_version,
    file_version,
    is_regular,
    new_file,
    open_file,
    parent_folder,
    read_file,
)
from anonymizer.lake.storage.local.lock import lock_beside, locked
from anonymizer.lake.storage.local.rights import keep_rights, tighten
from anonymizer.lake.storage.local.streams import Aside, LocalPieces, LocalStream
from anonymizer.lake.storage.local.walk import Entry, walk
from anonymizer.lake.storage.streams import Pieces, Stream
from anonymizer.records import ImageRef

_FOLDER_TRIES = 3


class _Modes(NamedTuple):
    """What things are made with, less the umask."""

    file: int
    folder: int
    lock: int


_OPEN = _Modes(0o644, 0o777, 0o666)
_PRIVATE = _Modes(0o600, 0o700, 0o600)


class LocalRoot(Root):
    """A local folder."""

    def __init__(self, uri: str, access: Access, only: str | None = None) -> None:
        super().__init__(uri, access, only)
        self._path = local_path(uri)
        unknown = access.options.keys() - {"lock_path"}
        if unknown or access.put:
            raise ConfigError(f"a local folder has no storage option {', '.join(sorted(unknown or access.put))}")
        self._lock_path = Path(access.options.get("lock_path", lock_beside(self._path)))
        self._modes = _PRIVATE if access.private else _OPEN

    def list(
        self, start_after: str | None = None, *, output: bool = False, temporaries: bool = False
    ) -> Iterator[Listed]:
        try:
            entries = walk(self._path, start_after or "") if self.only is None else self._single(start_after or "")
            for entry in entries:
                if not output or temporaries or not is_reserved(entry.key):
                    yield self._listed(entry)
        except FileNotFoundError:
            if not output:
                raise ListingError(f"{self.uri}: there is no such file or folder") from None
        except ListingError as error:
            raise ListingError(f"{self.uri}: {error}") from None

    def _listed(self, entry: Entry) -> Listed:
        error = key_error(entry.key) if entry.valid else UnsafeKey
        if error is None and not is_regular(entry.status):
            error = NotARegularFile
        if error is not None:
            return irregular(self.uri, entry.key, error)
        uri, status = join_uri(self.uri, entry.key), entry.status
        return ImageRef(entry.key, uri, file_version(status), status.st_size, _modified(status))

    def _single(self, start_after: str) -> Iterator[Entry]:
        if self.only is not None and self.only > start_after:
            yield Entry(self.only, True, Path(self._path, self.only).lstat())

    def is_object(self) -> bool:
        path = Path(self._path)
        return os.path.lexists(path) and not path.is_dir()

    def check_publishing(self) -> None:
        try:
            with self._locked():
                pass
        except ObjectError:
            raise ConfigError(f"{self.uri}: the lock file beside it cannot be used; see option `lock_path`") from None

    def version(self, key: str) -> str | None:
        if not self.can_hold(key):
            return None
        check_key(key)
        try:
            with file_errors(), self._parent(key) as (folder, name):
                return current_version(folder, name)
        except SourceGone:
            return None

    def stat(self, key: str) -> Listed | None:
        error = key_error(key)
        if error is not None:
            return irregular(self.uri, key, error)
        try:
            with file_errors(), self._parent(key) as (folder, name):
                status = os.lstat(name, dir_fd=folder)
        except (SourceGone, NotARegularFile):
            # Also below a link, which no listing follows.
            return None
        return None if stat.S_ISDIR(status.st_mode) else self._listed(Entry(key, True, status))

    def put(self, name: str, data: bytes) -> None:
        check_key(name)
        self._store(name, data, lambda _: None)

    def create(self, name: str, data: bytes) -> bool:
        check_key(name)
        try:
            self._store(name, data, _only_over(None))
        except PublishConflict:
            return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.remove(name, expected=None)

    def names(self, prefix: str = "") -> Iterator[str]:
        return regular_names(self.list(_before(prefix), output=True), prefix)

    def tighten(self) -> None:
        if self._access.private:
            tighten(self._path)

    def sweep(self, age_s: float = 3600.0) -> int:
        latest, swept = time.time() - age_s, 0
        with suppress(FileNotFoundError):
            for entry in walk(self._path):
                old = is_temporary(entry.key) and entry.valid and entry.status.st_mtime < latest
                if old and is_regular(entry.status):
                    with file_errors(), self._parent(entry.key) as (folder, name), suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=folder)
                        swept += 1
        return swept

    def _read(self, key: str, expected: str | None) -> tuple[bytes, str]:
        with file_errors(), self._parent(key) as (folder, name):
            return read_file(folder, name, expected)

    def _publish(
        self,
        key: str,
        data: bytes,
        *,
        expected: str | None,
        media_type: str,  # noqa: ARG002 - file systems keep none
        check: Callable[[], None],
    ) -> str:
        return self._store(key, data, _allowed(expected, check))

    def _store(self, key: str, data: bytes, permit: Callable[[str | None], None]) -> str:
        """Writes aside, then renames once `permit`, given the version that stands there, has not raised."""
        with file_errors(writing=True):
            for _ in range(_FOLDER_TRIES - 1):
                # A purge beside us may drop the folder that we have just made.
                with suppress(FileNotFoundError):
                    return self._store_once(key, data, permit)
            return self._store_once(key, data, permit)

    def _store_once(self, key: str, data: bytes, permit: Callable[[str | None], None]) -> str:
        with self._beside(key) as aside:
            aside.file.write(data)
            return self._place(aside, permit)

    @contextmanager
    def _beside(self, key: str) -> Iterator[Aside]:
        """A new file beside the one that it is to become; without `_place` it is gone at the end."""
        if self._access.mark is None:
            Path(self._path).mkdir(self._modes.folder, parents=True, exist_ok=True)
        with self._parent(key, create=self._modes.folder) as (folder, name):
            temporary = temporary_name(name)
            mode = _PRIVATE.file if self._access.keeps_rights else self._modes.file
            with new_file(folder, temporary, mode) as file:
                yield Aside(folder, name, temporary, file)

    def _place(self, aside: Aside, permit: Callable[[str | None], None]) -> str:
        """Renames a file that is written once `permit`, given the version that stands there, has not raised."""
        folder, written = aside.folder, aside.file.fileno()
        aside.file.flush()
        # Without it a full disk or a power cut leaves a truncated file under the final name.
        os.fsync(written)
        with self._locked():
            permit(current_version(folder, aside.name, replacing=True))
            if self._access.keeps_rights:
                keep_rights(folder, aside.name, written)
            version = file_version(os.fstat(written))
            os.rename(aside.temporary, aside.name, src_dir_fd=folder, dst_dir_fd=folder)
        return version

    def _pieces(self, ref: ImageRef) -> Pieces:
        with file_errors(), self._parent(ref.key) as (folder, name):
            return LocalPieces(*open_file(folder, name, ref.etag), ref)

    def _stream(
        self,
        key: str,
        *,
        expected: str | None,
        media_type: str,  # noqa: ARG002 - file systems keep none
        check: Callable[[], None],
        size_hint: int,  # noqa: ARG002 - of no use here
    ) -> Stream:
        permit = _allowed(expected, check)

        def place(aside: Aside) -> str:
            # The folder that was opened bore the mark; whether OUTPUT is still there may be another matter by now.
            with self._parent(key):
                return self._place(aside, permit)

        return LocalStream(lambda: self._beside(key), place)

    def _remove(self, key: str, expected: str | None) -> None:
        with suppress(SourceGone), file_errors(), self._parent(key) as (folder, name), self._locked():
            current = current_version(folder, name)
            if current is not None:
                _only_over(expected or current)(current)
                os.unlink(name, dir_fd=folder)
                # A removal may be a take-down: it has to outlive a power cut.
                os.fsync(folder)

    def purge(self, key: str, *, expected: str | None = None) -> None:
        stood = self.version(key) is not None
        super().purge(key, expected=expected)
        # A folder that we have emptied goes too: one that is empty and stands may be the place of a disk.
        with suppress(OSError):
            for folder in PurePosixPath(key).parents[:-1] if stood else ():
                Path(self._path, folder).rmdir()

    def knows_absence(self, key: str) -> bool:
        try:
            for folder in PurePosixPath(key).parents[:-1]:
                with suppress(FileNotFoundError), os.scandir(Path(self._path, folder)) as entries:
                    return next(entries, None) is not None
        except OSError:
            return False
        return True

    def _top_names(self, prefix: str) -> Iterator[str]:
        with suppress(FileNotFoundError), self._told(), os.scandir(self._path) as entries:
            yield from (entry.name for entry in entries if entry.name.startswith(prefix))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError:
            raise ListingError(f"{self.uri}: it cannot be listed") from None

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self._lock_path, self._modes.lock)

    def _parent(self, key: str, *, create: int | None = None) -> AbstractContextManager[tuple[int, str]]:
        return parent_folder(self._path, key, create=create, mark=self._access.mark)


def _only_over(expected: str | None) -> Callable[[str | None], None]:
    def permit(current: str | None) -> None:
        if current != expected:
            raise PublishConflict

    return permit


def _allowed(expected: str | None, check: Callable[[], None]) -> Callable[[str | None], None]:
    only_over = _only_over(expected)

    def permit(current: str | None) -> None:
        only_over(current)
        check()

    return permit


def _modified(status: os.stat_result) -> datetime | None:
    try:
        return datetime.fromtimestamp(status.st_mtime, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _before(prefix: str) -> str:
    """A text that comes shortly before every key with a prefix, for `start_after`."""
    return prefix[:-1] + chr(ord(prefix[-1]) - 1) if prefix else ""
