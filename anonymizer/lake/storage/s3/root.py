"""A prefix of an S3 bucket, or of a store that speaks its language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from anonymizer.errors import (
    ConfigError,
    ListingError,
    PublishConflict,
    SourceChanged,
    StorageError,
    StorageUnavailable,
)
from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.base import Root, regular_names
from anonymizer.lake.storage.faults import Kind, S3Fault, s3_error
from anonymizer.lake.storage.keys import is_reserved, is_temporary, join_uri, split_uri, temporary_name
from anonymizer.lake.storage.listing import Listed, irregular
from anonymizer.lake.storage.s3.archive import needs_restoring
from anonymizer.lake.storage.s3.bucket_listing import PAGE, BucketListing
from anonymizer.lake.storage.s3.client import S3Client
from anonymizer.lake.storage.s3.etags import bare, etag_of, same
from anonymizer.lake.storage.s3.object_versions import delete_versions
from anonymizer.lake.storage.s3.pieces import S3Pieces
from anonymizer.lake.storage.s3.probe import DIFFERS, Probe
from anonymizer.lake.storage.s3.stream import S3Stream, Wanted
from anonymizer.lake.storage.s3.uploads import NOTE_PREFIX, Uploads
from anonymizer.lake.storage.streams import Pieces, Stream
from anonymizer.records import ImageRef

_BUCKET = re.compile(r"(arn:[^/]*:accesspoint(?::[^/:]+|/[^/]+)|[^/]+)(?:/(.*))?", re.DOTALL)
_OURS = {"Bucket", "Key", "Body", "IfMatch", "IfNoneMatch"}


class S3Root(Root):
    """A prefix of a bucket."""

    empty_parts = True

    def __init__(self, uri: str, access: Access, only: str | None = None) -> None:
        super().__init__(uri, access, only)
        match = _BUCKET.fullmatch(split_uri(uri)[1])
        if match is None or _OURS & access.put.keys():
            raise ConfigError(f"{uri}: no bucket, or one of {', '.join(sorted(_OURS))} among the `put` parameters")
        self._prefix = f"{match[2]}/" if match[2] else ""
        self._client = S3Client(match[1], access)
        # A single file is not cut into ranges.
        threads = access.list_threads if only is None else 1
        self._listing = BucketListing(self._client, self.uri, self._prefix, threads)
        self._bare_tags = False
        self._uploads = Uploads(self._client, self._prefix, access)

    def list(
        self, start_after: str | None = None, *, output: bool = False, temporaries: bool = False
    ) -> Iterator[Listed]:
        try:
            found = False
            for item in self._listing.items(start_after or "", self.only or ""):
                found = True
                listed = self._listed(item)
                if self.only is not None and self.only != listed.key:
                    return
                left_out = output and not temporaries and is_reserved(listed.key)
                if not left_out and not _is_folder(item["Key"], item["Size"]):
                    yield listed
        except S3Fault as fault:
            raise ListingError(f"{self.uri}: {fault.kind.value}") from None
        if not found and self._prefix and not output and start_after is None:
            raise ListingError(f"{self.uri}: there is nothing below it")

    def _below(self, item: dict[str, Any]) -> str:
        return str(item["Key"][len(self._prefix) :])

    def _listed(self, item: dict[str, Any]) -> Listed:
        key = self._below(item)
        error = self.key_error(key)
        if error is not None:
            return irregular(self.uri, key, error)
        if not item.get("ETag"):
            raise ListingError(f"{self.uri}: the store lists no ETags")
        archived = needs_restoring(item)
        return ImageRef(key, join_uri(self.uri, key), etag_of(item), item["Size"], _utc(item), archived)

    def is_object(self) -> bool:
        if not self._prefix:
            return False
        try:
            below, _ = self._client.send("list_objects_v2", {"Prefix": self._prefix, "MaxKeys": 1})
            if not below.get("Contents"):
                self._client.send("head_object", {"Key": self._prefix[:-1]})
                return True
        except S3Fault as fault:
            if fault.kind is not Kind.GONE:
                raise ListingError(f"{self.uri}: {fault.kind.value}") from None
        return False

    def check_publishing(self) -> None:
        key = self._prefix + temporary_name("probe")
        try:
            with Probe(self._client, key, self._access.put) as probe:
                probe.write()
                honoured = self._access.unconditional or probe.conditions_count()
        except S3Fault as fault:
            raise ConfigError(f"{self.uri} cannot be published to: {fault.kind.value}") from None
        if not honoured:
            raise ConfigError(f"{self.uri}: the store does not write conditionally; see `storage.unconditional`")

    def version(self, key: str) -> str | None:
        self.check(key)
        return self._version(key)

    def _version(self, key: str) -> str | None:
        """The version of a key of ours or theirs."""
        answer = self._head(key)
        return etag_of(answer) if answer is not None else None

    def stat(self, key: str) -> Listed | None:
        error = self.key_error(key)
        if error is not None:
            return irregular(self.uri, key, error)
        answer = self._head(key)
        if answer is None or _is_folder(key, answer["ContentLength"]):
            return None
        archived = needs_restoring(answer)
        return ImageRef(key, join_uri(self.uri, key), etag_of(answer), answer["ContentLength"], _utc(answer), archived)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return self._client.send("head_object", {"Key": self._prefix + key})[0]
        except S3Fault as fault:
            if fault.kind is Kind.GONE:
                return None
            raise s3_error(fault) from None

    def purge(self, key: str, *, expected: str | None = None) -> None:
        # First what everybody sees, in a versioned bucket under a marker; then all that lies below it.
        self.remove(key, expected=expected)
        delete_versions(self._client, self._prefix + key)

    def forget_older(self, key: str) -> None:
        self.check(key)
        delete_versions(self._client, self._prefix + key, older=True)

    def put(self, name: str, data: bytes) -> None:
        self.check(name)
        try:
            self._put(name, data, {})
        except S3Fault as fault:
            raise s3_error(fault) from None

    def create(self, name: str, data: bytes) -> bool:
        self.check(name)
        try:
            self._publish(name, data, expected=None, media_type="application/octet-stream", check=lambda: None)
        except PublishConflict:
            return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        remaining = iter(names)
        while batch := list(itertools.islice(remaining, PAGE)):
            for name in batch:
                self.check(name)
            self._delete(batch)

    def _delete(self, batch: Sequence[str]) -> None:
        objects = [{"Key": self._prefix + name} for name in batch]
        try:
            answer, _ = self._client.send("delete_objects", {"Delete": {"Objects": objects, "Quiet": True}})
        except S3Fault as fault:
            raise s3_error(fault) from None
        if answer.get("Errors"):
            raise StorageError("some objects were not deleted")

    def names(self, prefix: str = "") -> Iterator[str]:
        try:
            items = (item for item in self._listing.items("", prefix) if not _is_folder(item["Key"], item["Size"]))
            yield from regular_names(map(self._listed, items), prefix)
        except S3Fault as fault:
            raise ListingError(f"{self.uri}: {fault.kind.value}") from None

    def close(self) -> None:
        self._client.close()

    def sweep(self, age_s: float = 3600.0) -> int:
        try:
            notes = [note for note in self._listing.items("", NOTE_PREFIX) if is_temporary(self._below(note))]
            return self._uploads.sweep([note["Key"] for note in notes if _age_s(note) > age_s])
        except S3Fault as fault:
            raise s3_error(fault) from None

    def read_coded(self, ref: ImageRef) -> tuple[bytes, str]:
        self.check(ref.key)
        data, answer = self._get(ref.key, ref.etag)
        if len(data) != ref.size:
            raise SourceChanged(ref.key)
        return data, answer.get("ContentEncoding") or ""

    def _read(self, key: str, expected: str | None) -> tuple[bytes, str]:
        data, answer = self._get(key, expected)
        return data, etag_of(answer)

    def _get(self, key: str, expected: str | None) -> tuple[bytes, dict[str, Any]]:
        condition = {} if expected is None else {"IfMatch": f'"{bare(expected)}"'}
        try:
            answer, data = self._client.send("get_object", {"Key": self._prefix + key, **condition})
        except S3Fault as fault:
            raise (SourceChanged(key) if fault.kind is Kind.PRECONDITION else s3_error(fault)) from None
        # Some stores do not look at the condition; and what has no ETag may be any version.
        if expected is not None and not same(expected, answer.get("ETag") or ""):
            raise SourceChanged(key)
        if len(data) != answer.get("ContentLength", len(data)):
            raise StorageUnavailable("the body is not whole")
        return data, answer

    def _pieces(self, ref: ImageRef) -> Pieces:
        return S3Pieces(self._client, self._prefix + ref.key, ref)

    def _stream(
        self, key: str, *, expected: str | None, media_type: str, check: Callable[[], None], size_hint: int
    ) -> Stream:
        return S3Stream(self, key, self._uploads, Wanted(expected, media_type, check), size_hint)

    def _publish(
        self, key: str, data: bytes, *, expected: str | None, media_type: str, check: Callable[[], None]
    ) -> str:
        if self._access.unconditional and self._version(key) != expected:
            raise PublishConflict(key)
        try:
            answer = self._put(key, data, {"ContentType": media_type, **self.condition(expected)}, check)
        except S3Fault as fault:
            if fault.kind not in DIFFERS:
                raise s3_error(fault) from None
            if self.reads_bare_tags(key, expected, fault):
                return self._publish(key, data, expected=expected, media_type=media_type, check=check)
            # The attempt before this one may have been ours and have succeeded without our hearing of it.
            if fault.attempts == 1:
                raise PublishConflict(key) from None
            return self._known(key, data)
        return etag_of(answer) if answer.get("ETag") else self._known(key, data)

    def _known(self, key: str, data: bytes) -> str:
        """The version of what we have written, if that is what stands there."""
        with suppress(StorageError):
            standing, version = self._read(key, None)
            if standing == data:
                return version
        raise PublishConflict(key)

    def whole_key(self, key: str) -> str:
        """The key in the bucket."""
        return self._prefix + key

    def condition(self, expected: str | None) -> dict[str, str]:
        """The parameter of a write that may only replace this version; none for a store that is written without."""
        if self._access.unconditional:
            return {}
        if expected is None:
            return {"IfNoneMatch": "*"}
        return {"IfMatch": expected if self._bare_tags else f'"{expected}"'}

    def reads_bare_tags(self, key: str, expected: str | None, fault: S3Fault) -> bool:
        """Ceph up to Pacific compares If-Match of a PUT with the bare ETag, quotes and all: nothing ever matches."""
        tried = expected is None or self._bare_tags or fault.kind is not Kind.PRECONDITION or fault.attempts > 1
        if tried or self._version(key) != expected:
            return False
        self._bare_tags = True
        return True

    def _remove(self, key: str, expected: str | None) -> None:
        condition = {} if expected is None or self._access.unconditional else {"IfMatch": f'"{expected}"'}
        # Not every store knows conditional deletes; this narrows the gap where they are ignored.
        if expected is not None and self._version(key) not in (None, expected):
            raise PublishConflict(key)
        try:
            self._client.send("delete_object", {"Key": self._prefix + key, **condition})
        except S3Fault as fault:
            if fault.kind in (Kind.PRECONDITION, Kind.CONFLICT):
                raise PublishConflict(key) from None
            if fault.kind is not Kind.GONE:
                raise s3_error(fault) from None

    def _top_names(self, prefix: str) -> Iterator[str]:
        try:
            for item in self._listing.items("", prefix):
                yield self._below(item)
        except S3Fault as fault:
            raise ListingError(f"{self.uri}: {fault.kind.value}") from None

    def _put(
        self, key: str, data: bytes, parameters: dict[str, str], check: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        sent = {"Key": self._prefix + key, "Body": data, **parameters, **self._access.put}
        return self._client.send("put_object", sent, check)[0]


def _is_folder(key: str, size: int) -> bool:
    """The marker that consoles make for a folder: an empty object, and nothing that anybody would look at."""
    return key.endswith("/") and size == 0


def _age_s(item: dict[str, Any]) -> float:
    return (datetime.now(UTC) - _utc(item)).total_seconds()


def _utc(item: dict[str, Any]) -> datetime:
    modified: datetime = item["LastModified"]
    return modified.astimezone(UTC)
