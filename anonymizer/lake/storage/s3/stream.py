"""A large object of S3, written part by part and made of them under a condition."""

from __future__ import annotations

import hashlib
import typing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from anonymizer.errors import PublishConflict, StorageError
from anonymizer.lake.storage.faults import Kind, S3Fault, s3_error
from anonymizer.lake.storage.s3.etags import etag_of, etag_of_parts, same
from anonymizer.lake.storage.s3.probe import DIFFERS
from anonymizer.lake.storage.s3.uploads import Upload, Uploads
from anonymizer.lake.storage.streams import Stream
from anonymizer.records import ImageRef

if typing.TYPE_CHECKING:
    from anonymizer.lake.storage.s3.root import S3Root

MOST_PARTS = 10_000
"""Of one upload, as for the sizes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html."""
SMALLEST, LARGEST = 8 * 2**20, 64 * 2**20
_EQUAL_PARTS = 5_000
"""So many parts have the size of the first: Cloudflare R2 takes only equal ones. Then it doubles every thousand."""


class Wanted(NamedTuple):
    """What is to be published; see `Root.publish`."""

    expected: str | None
    media_type: str
    check: Callable[[], None]


def part_size(number: int, first: int) -> int:
    """Size of a part in bytes: 10,000 parts hold 273 GiB if the first has 8 MiB, 625 GiB if it has 64.

    Args:
        number: From 1.
        first: Size of the first.
    """
    doublings = max(0, (number - _EQUAL_PARTS + 999) // 1000)
    return min(first << doublings, LARGEST)


def first_part_size(size_hint: int) -> int:
    """Size of the first part in bytes, so that an object of about this size has equal parts where that is possible."""
    size = SMALLEST
    while size < LARGEST and size * _EQUAL_PARTS < size_hint:
        size *= 2
    return size


@contextmanager
def _told() -> Iterator[None]:
    """An upload that is gone is no source that is gone."""
    try:
        yield
    except S3Fault as fault:
        raise (StorageError(fault.kind.value) if fault.kind is Kind.GONE else s3_error(fault)) from None


class S3Stream(Stream):
    """See `Stream`; what fits into one part is one conditional PUT.

    One part is sent while the next is written: memory holds two.

    Args:
        root: Publishes.
        key: Below the root.
        uploads: Of the root.
        wanted: What is to be published.
        size_hint: See `Root.publish_stream`.
    """

    def __init__(self, root: S3Root, key: str, uploads: Uploads, wanted: Wanted, size_hint: int) -> None:
        super().__init__()
        self._root = root
        self._key = key
        self._uploads = uploads
        self._wanted = wanted
        self._first = first_part_size(size_hint)
        self._buffer = bytearray()
        self._upload: Upload | None = None
        self._parts: list[dict[str, Any]] = []
        self._sending: Future[dict[str, Any]] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="upload")

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        while left:
            room = part_size(self._number, self._first) - len(self._buffer)
            if not room:
                # Only now: what fits into one part is no upload.
                full, self._buffer = bytes(self._buffer), bytearray()
                self._send(full)
            self._buffer += left[:room]
            left = left[room:]

    @property
    def _number(self) -> int:
        """Number of the next part."""
        return len(self._parts) + (self._sending is not None) + 1

    def _send(self, data: bytes) -> None:
        with _told():
            if self._number > MOST_PARTS:
                raise StorageError("the object has more parts than a store takes")
            if self._upload is None:
                self._uploads.honoured()
                self._upload = self._uploads.begin(self._root.whole_key(self._key), self._wanted.media_type)
            number, upload = self._number, self._upload
            self._sent()
            self._sending = self._pool.submit(self._uploads.part, upload.key, upload.upload_id, number, data)

    def _sent(self) -> None:
        """Waits for the part that is being sent."""
        sending, self._sending = self._sending, None
        if sending is not None:
            self._parts.append(sending.result())

    def _finish(self) -> str:
        if self._upload is None:
            version = self._root.publish(self._key, bytes(self._buffer), **self._wanted._asdict())
            self._pool.shutdown()
            return version
        if self._buffer:
            self._send(bytes(self._buffer))
        with _told():
            self._sent()
        version = self._completed(self._upload)
        self._uploads.forget(self._upload)
        self._pool.shutdown()
        return version

    def _completed(self, upload: Upload) -> str:
        """Completes the upload over the expected version only; see `S3Root._publish`."""
        condition = self._root.condition(self._wanted.expected)
        permission = _Permission(self, looks=not condition.keys() & self._uploads.honoured())
        try:
            answer = self._uploads.complete(upload.key, upload.upload_id, self._parts, condition, permission)
        except S3Fault as fault:
            if fault.kind not in DIFFERS:
                raise s3_error(fault) from None
            if self._root.reads_bare_tags(self._key, self._wanted.expected, fault):
                return self._completed(upload)
            # The attempt before this one may have been ours and have succeeded without our hearing of it.
            if fault.attempts == 1:
                raise PublishConflict(self._key) from None
            return self._standing()
        except PublishConflict:
            if permission.asked == 1:
                raise
            return self._standing()
        return etag_of(answer) if answer.get("ETag") else self._standing()

    def require_expected(self) -> None:
        """Raises PublishConflict if another version stands there than the expected one."""
        if self._root.version(self._key) != self._wanted.expected:
            raise PublishConflict(self._key)

    def check(self) -> None:
        """The permission of whoever publishes."""
        self._wanted.check()

    def _standing(self) -> str:
        """The version of what we have written, if that is what stands there."""
        with suppress(StorageError):
            found = self._root.stat(self._key)
            if isinstance(found, ImageRef) and found.size == self.size and self._is_ours(found):
                return found.etag
        raise PublishConflict(self._key)

    def _is_ours(self, found: ImageRef) -> bool:
        """By the ETag that S3 makes of those of the parts; where a store makes others, the object is read again."""
        if same(found.etag, etag_of_parts([part["ETag"] for part in self._parts])):
            return True
        with self._root.open_source(found) as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == self.sha256

    def _abort(self) -> None:
        # A part that arrives after the upload has ended would be left for ever.
        self._pool.shutdown(cancel_futures=True)
        if self._upload is not None:
            self._uploads.abort(self._upload.key, self._upload.upload_id)
            self._uploads.forget(self._upload)


class _Permission:
    """Called before each attempt to complete an upload.

    Args:
        stream: Its stream.
        looks: The store does not look at the condition, so it is looked up here. Between look and completion another
            writer may come.

    Attributes:
        asked: How often it was called.
    """

    def __init__(self, stream: S3Stream, *, looks: bool) -> None:
        self._stream = stream
        self._looks = looks
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self._looks:
            self._stream.require_expected()
        self._stream.check()
