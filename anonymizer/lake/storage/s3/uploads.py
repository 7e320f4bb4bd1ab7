"""Multipart uploads: requests, what a store honours when one is completed, and what became of those of dead processes.

No store tells whose an upload is. Hence a note with key and id of each lies below the root while it is under way
(`.upload.anon-….tmp`), and a sweep ends the uploads of old notes, and no other.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.faults import Kind, S3Fault, s3_error
from anonymizer.lake.storage.keys import temporary_name
from anonymizer.lake.storage.s3.client import S3Client
from anonymizer.lake.storage.s3.probe import DIFFERS, Probe

log = logging.getLogger(__name__)

NOTE_PREFIX = ".upload.anon-"
"""Of the names of notes, which are temporary names of `upload`."""
_SECRETS = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5", "ExpectedBucketOwner")
"""Parameters of `storage.put` that every request of an upload repeats."""
_NEVER: dict[str, dict[str, str]] = {"IfNoneMatch": {"IfNoneMatch": "*"}, "IfMatch": {"IfMatch": '"0"'}}
"""Conditions that do not hold of an object that is there."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that is under way.

    Attributes:
        key: The whole key.
        upload_id: As the store calls it.
        note: The whole key of its note.
        note_version: Of the note, in a bucket with versions.
    """

    key: str
    upload_id: str
    note: str
    note_version: str | None


class Uploads:
    """Multipart uploads below a root; threads may share it.

    Args:
        client: Of the bucket.
        prefix: Of the root; empty or with a slash at its end.
        access: Of the root.
    """

    def __init__(self, client: S3Client, prefix: str, access: Access) -> None:
        self._client = client
        self._prefix = prefix
        self._access = access
        self._again = {name: access.put[name] for name in _SECRETS if name in access.put}
        self._proving = threading.Lock()
        self._honoured: frozenset[str] | None = None

    def honoured(self) -> frozenset[str]:
        """Which conditions the store looks at when an upload is completed: `IfNoneMatch`, `IfMatch`, both or none.

        It is tried once, on an object of our own, before the first upload. Where the user accepted a store without
        conditions, none is.

        Raises:
            AccessDenied, StorageUnavailable, StorageError: The store did not answer.
        """
        with self._proving:
            if self._honoured is None:
                self._honoured = frozenset() if self._access.unconditional else self._proved()
            return self._honoured

    def _proved(self) -> frozenset[str]:
        key = self._prefix + temporary_name("probe")
        try:
            with Probe(self._client, key, self._access.put) as probe:
                probe.write()
                found = frozenset(name for name, condition in _NEVER.items() if self._refuses(probe, key, condition))
        except S3Fault as fault:
            raise s3_error(fault) from None
        if len(found) < len(_NEVER):
            log.warning(
                "this store does not complete uploads under the condition %s: the version that stands there is looked "
                "at right before instead",
                " and ".join(sorted(_NEVER.keys() - found)),
            )
        return found

    def _refuses(self, probe: Probe, key: str, condition: Mapping[str, str]) -> bool:
        upload_id = self._create(key, {})
        try:
            part = self.part(key, upload_id, 1, b"0")
            answer = self.complete(key, upload_id, [part], condition, lambda: None)
        except S3Fault as fault:
            with suppress(S3Fault):
                self.abort(key, upload_id)
            if fault.kind not in (*DIFFERS, Kind.UNSUPPORTED):
                raise
            return fault.kind is not Kind.UNSUPPORTED
        probe.also(answer.get("VersionId"))
        return False

    def begin(self, key: str, media_type: str) -> Upload:
        """Begins an upload and writes its note.

        Args:
            key: The whole key.
            media_type: Content type.
        """
        upload_id = self._create(key, {"ContentType": media_type})
        note = self._prefix + temporary_name("upload")
        body = json.dumps({"key": key, "upload_id": upload_id}).encode()
        try:
            answer, _ = self._client.send("put_object", {"Key": note, "Body": body, **self._access.put})
        except S3Fault:
            with suppress(S3Fault):
                self.abort(key, upload_id)
            raise
        return Upload(key, upload_id, note, answer.get("VersionId"))

    def _create(self, key: str, parameters: Mapping[str, str]) -> str:
        answer, _ = self._client.send("create_multipart_upload", {"Key": key, **parameters, **self._access.put})
        return str(answer["UploadId"])

    def part(self, key: str, upload_id: str, number: int, data: bytes) -> dict[str, Any]:
        """Sends a part, numbered from 1; returns what completing it says of it."""
        sent = {"Key": key, "UploadId": upload_id, "PartNumber": number, "Body": data, **self._again}
        answer, _ = self._client.send("upload_part", sent)
        checksums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": answer["ETag"], **checksums}

    def complete(
        self,
        key: str,
        upload_id: str,
        parts: Iterable[Mapping[str, Any]],
        condition: Mapping[str, str],
        check: Callable[[], None],
    ) -> dict[str, Any]:
        """Makes an object of the parts; `check` is called before each attempt."""
        together = {"MultipartUpload": {"Parts": list(parts)}, **condition, **self._again}
        return self._client.send("complete_multipart_upload", {"Key": key, "UploadId": upload_id, **together}, check)[0]

    def abort(self, key: str, upload_id: str) -> None:
        """Ends an upload without an object; one that is not there any more is ended."""
        try:
            self._client.send("abort_multipart_upload", {"Key": key, "UploadId": upload_id})
        except S3Fault as fault:
            if fault.kind is not Kind.GONE:
                raise

    def forget(self, upload: Upload) -> None:
        """Removes the note of an upload that has come to its end."""
        version = {"VersionId": upload.note_version} if upload.note_version else {}
        with suppress(S3Fault):
            self._client.send("delete_object", {"Key": upload.note, **version})

    def sweep(self, notes: Iterable[str]) -> int:
        """Ends the uploads of these notes and removes the notes. What fails is left for the next sweep.

        Args:
            notes: Their whole keys.

        Returns:
            How many uploads were ended.
        """
        return sum(self._swept(note) for note in notes)

    def _swept(self, note: str) -> bool:
        with suppress(S3Fault):
            answer, body = self._client.send("get_object", {"Key": note})
            upload = _read(note, body, answer.get("VersionId"))
            if upload is not None and upload.key.startswith(self._prefix):
                self.abort(upload.key, upload.upload_id)
                self.forget(upload)
                return True
        return False


def _read(note: str, body: bytes, version: str | None) -> Upload | None:
    try:
        told = json.loads(body)
        return Upload(str(told["key"]), str(told["upload_id"]), note, version)
    except (ValueError, KeyError, TypeError):
        return None
