"""The contract of a root: a folder of objects behind some storage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import ClassVar, Self

from anonymizer.errors import (
    NotARegularFile,
    ObjectError,
    OutputLost,
    PublishConflict,
    SourceChanged,
    SourceGone,
)
from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.keys import MARK_PREFIX, check_key, mark_content, mark_name, marked_id
from anonymizer.lake.storage.listing import Listed, key_error, name_fits
from anonymizer.lake.storage.streams import PIECE, Pieces, Source, Stream
from anonymizer.records import ImageRef


class Root(ABC):
    """A folder of objects. Cheap to make, picklable (connections are made on first use), safe to share by threads.

    Every order is that of the keys' UTF-8 bytes. A version is an opaque text: the same version means the same bytes.

    Attributes:
        uri: Normalized; the folder even where a single file was asked for.
        only: The one key that the listing has, for a single file; else None.
        empty_parts: See `keys.check_key`.
    """

    empty_parts: ClassVar[bool] = False

    def __init__(self, uri: str, access: Access, only: str | None = None) -> None:
        self.uri = uri
        self.only = only
        self._access = access

    def __reduce__(self) -> tuple[type[Root], tuple[str, Access, str | None]]:
        return type(self), (self.uri, self._access, self.only)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - most backends hold no connection
        """Closes the connections; a later call opens new ones."""

    @abstractmethod
    def list(
        self, start_after: str | None = None, *, output: bool = False, temporaries: bool = False
    ) -> Iterator[Listed]:
        """Streams everything below the root, in order, in bounded memory.

        Args:
            start_after: Only keys greater than this one.
            output: The root is an OUTPUT: one that is not there is empty, and reserved names are left out.
            temporaries: Of an OUTPUT they are listed all the same.

        Raises:
            ListingError: The listing is not complete.
        """

    def check(self, key: str) -> None:
        """See `keys.check_key`."""
        check_key(key, empty_parts=self.empty_parts)

    def key_error(self, key: str) -> type[ObjectError] | None:
        """Returns the error of a key that this root cannot hold, None for a valid key."""
        return key_error(key, empty_parts=self.empty_parts)

    def can_hold(self, key: str) -> bool:
        """Returns whether the store can hold names of this form."""
        return name_fits(key, empty_parts=self.empty_parts)

    def read(self, ref: ImageRef) -> bytes:
        """Exactly the bytes of the listed version: what comes is held against its version and its length.

        Raises:
            SourceGone, SourceChanged, NotARegularFile: It is not what was listed any more.
            AccessDenied, StorageUnavailable, StorageError: The storage did not answer.
            UnsafeKey, ReservedKey: See `check_key`.
        """
        self.check(ref.key)
        data = self._read(ref.key, ref.etag)[0]
        if len(data) != ref.size:
            raise SourceChanged(ref.key)
        return data

    def read_coded(self, ref: ImageRef) -> tuple[bytes, str]:
        """As `read`, with what the store says of how the bytes are coded (Content-Encoding); empty: they are not."""
        return self.read(ref), ""

    def open_source(self, ref: ImageRef, *, piece: int = PIECE, ahead: int = 1) -> Source:
        """Opens the listed version for reading at any position, without holding it whole.

        What it reads is of that version only, as with `read`: it is asked for with each piece. No byte touches a disk.

        Args:
            ref: As it was listed.
            piece: Bytes that are asked of the storage at once.
            ahead: Pieces that are fetched before they are asked for, while one piece after the other is read.

        Returns:
            A binary file, to be closed; see `Source`. The errors of `read` are raised here or when it is read.
        """
        self.check(ref.key)
        return Source(ref, self._pieces(ref), piece=piece, ahead=ahead)

    def publish_stream(
        self,
        key: str,
        *,
        expected: str | None,
        media_type: str,
        check: Callable[[], None],
        size_hint: int = 0,
    ) -> Stream:
        """Writes one object piece by piece, under the conditions of `publish`; memory does not grow with its size.

        Args:
            key: Below the root.
            expected: See `publish`, as for the next two.
            media_type: Content type.
            check: Called right before every step that cannot be taken back.
            size_hint: About how many bytes will come; on S3 it decides the size of the parts.

        Returns:
            A context manager with `write` and `finish`; see `Stream`. Nothing appears before `finish`, whose errors are
            those of `publish`. Whoever leaves it without `finish` leaves nothing behind.

        Raises:
            ObjectError: See `publish`.
        """
        self.check(key)
        return self._stream(key, expected=expected, media_type=media_type, check=check, size_hint=size_hint)

    def publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, check: Callable[[], None]
    ) -> str:
        """Writes one object, atomically, over the expected version only. It appears complete or not at all.

        Args:
            key: Below the root.
            data: The whole content.
            expected: The version that is overwritten; None: there must be none.
            media_type: Content type, where the storage keeps one.
            check: Called right before every step that cannot be taken back; it raises to forbid it.

        Returns:
            The new version.

        Raises:
            PublishConflict: Another version stands there.
            UnsafeKey, ReservedKey, KeyCollision, NotARegularFile: The key cannot be written to.
            AccessDenied, StorageUnavailable, StorageError: The storage did not take it.
        """
        self.check(key)
        return self._publish(key, data, expected=expected, media_type=media_type, check=check)

    def remove(self, key: str, *, expected: str | None) -> None:
        """Removes one object; does nothing if it no longer exists.

        Args:
            key: Below the root.
            expected: The version that is removed; None: whatever stands there.

        Raises:
            PublishConflict: Another version stands there.
        """
        self.check(key)
        self._remove(key, expected)

    def purge(self, key: str, *, expected: str | None = None) -> None:
        """Removes one object, and its older versions where the store keeps them.

        Args:
            key: Below the root.
            expected: The version that is removed; None: whatever stands there.

        Raises:
            PublishConflict: Another version stands there; nothing was removed.
            AccessDenied, StorageUnavailable, StorageError: Something of it may be left.
        """
        self.remove(key, expected=expected)

    def forget_older(self, key: str) -> None:  # noqa: B027 - most stores keep none
        """Removes the older versions of an object, where the store keeps them; the current one stays.

        Raises:
            AccessDenied, StorageUnavailable, StorageError: Some may be left.
        """

    def knows_absence(self, key: str) -> bool:  # noqa: ARG002 - for stores whose folders may be disks
        """Whether it can be believed that an object is not there: not where an empty folder may be a disk's place."""
        return True

    def has_mark(self, output_id: str) -> bool:
        """Returns whether the root has the mark of this OUTPUT.

        Raises:
            AccessDenied, StorageUnavailable, StorageError: The storage cannot tell.
        """
        try:
            return self._read(mark_name(output_id), None)[0] == mark_content(output_id)
        except (SourceGone, NotARegularFile, OutputLost):
            return False

    def set_mark(self, output_id: str) -> None:
        """Marks the root as this OUTPUT; makes the folder where it is not there."""
        name, data = mark_name(output_id), mark_content(output_id)
        try:
            self._publish(name, data, expected=None, media_type="application/json", check=lambda: None)
        except PublishConflict:
            if not self.has_mark(output_id):
                raise

    def clear_mark(self, output_id: str) -> None:
        """Removes a mark."""
        self._remove(mark_name(output_id), None)

    def marks(self) -> Iterator[str]:
        """Ids of all OUTPUTs whose mark the root bears, in no order; a root that is not there has none.

        Raises:
            ListingError: The storage cannot tell.
        """
        return (found for name in self._top_names(MARK_PREFIX) if (found := marked_id(name)) is not None)

    def get(self, name: str) -> bytes:
        """The current bytes of an object; `SourceGone` without one."""
        return self.get_with_version(name)[0]

    def get_with_version(self, name: str) -> tuple[bytes, str]:
        """The current bytes of an object and their version; `SourceGone` without one."""
        self.check(name)
        return self._read(name, None)

    def exists(self, name: str) -> bool:
        """Returns whether the object exists."""
        return self.version(name) is not None

    def tighten(self) -> None:  # noqa: B027 - for stores without modes
        """Takes the folder's rights from everybody but its owner, where it is private, ours and on a disk."""

    def sweep(self, age_s: float = 3600.0) -> int:  # noqa: ARG002 - for stores that write without temporaries
        """Removes our temporaries that a killed process left longer than `age_s` ago; returns how many."""
        return 0

    @abstractmethod
    def is_object(self) -> bool:
        """Whether the URL names one object and no folder; `ListingError` if that cannot be told."""

    @abstractmethod
    def check_publishing(self) -> None:
        """Proves before any work that the store publishes conditionally; `ConfigError` if not."""

    @abstractmethod
    def version(self, key: str) -> str | None:
        """The current version of an object, None without one; `NotARegularFile` for a link or a special file."""

    @abstractmethod
    def stat(self, key: str) -> Listed | None:
        """Returns one object as the listing would describe it, None if it does not exist."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Writes an object atomically and replaces any existing one."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Creates an object atomically; returns False if it already exists."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Removes objects; those that no longer exist are skipped."""

    @abstractmethod
    def names(self, prefix: str = "") -> Iterator[str]:
        """Keys of the regular objects that start with a prefix, in order; a root that is not there has none."""

    @abstractmethod
    def _read(self, key: str, expected: str | None) -> tuple[bytes, str]:
        """The bytes of an object and their version, which is the expected one, else `SourceChanged`."""

    @abstractmethod
    def _pieces(self, ref: ImageRef) -> Pieces:
        """Opens the listed version; see `open_source`."""

    @abstractmethod
    def _stream(
        self, key: str, *, expected: str | None, media_type: str, check: Callable[[], None], size_hint: int
    ) -> Stream: ...

    @abstractmethod
    def _publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, check: Callable[[], None]
    ) -> str: ...

    @abstractmethod
    def _remove(self, key: str, expected: str | None) -> None: ...

    @abstractmethod
    def _top_names(self, prefix: str) -> Iterator[str]:
        """Names at the root itself that start with a prefix, reserved ones too, in no order."""


def regular_names(listing: Iterator[Listed], prefix: str) -> Iterator[str]:
    """Keys of the objects in a listing that start with a prefix; stops behind them."""
    for listed in listing:
        if listed.key.startswith(prefix):
            if isinstance(listed, ImageRef):
                yield listed.key
        elif listed.key > prefix:
            return
