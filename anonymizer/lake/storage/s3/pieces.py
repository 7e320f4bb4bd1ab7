"""Parts of an object of S3: ranged reads of the one version that was listed."""

from __future__ import annotations

import re

from anonymizer.errors import SourceChanged, StorageError, StorageUnavailable
from anonymizer.lake.storage.faults import Kind, S3Fault, s3_error
from anonymizer.lake.storage.s3.client import S3Client
from anonymizer.lake.storage.s3.etags import bare, same
from anonymizer.records import ImageRef

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class S3Pieces:
    """See `Pieces`.

    Args:
        client: Of the bucket.
        name: The whole key.
        ref: As it was listed.
    """

    def __init__(self, client: S3Client, name: str, ref: ImageRef) -> None:
        self._client = client
        self._name = name
        self._ref = ref
        self.coding = ""

    def fetch(self, start: int, length: int) -> bytes:
        """See `Pieces.fetch`; every answer is held against ETag, place and length, whatever the store honours."""
        key, last = self._ref.key, start + length - 1
        asked = {"Key": self._name, "Range": f"bytes={start}-{last}", "IfMatch": f'"{bare(self._ref.etag)}"'}
        try:
            answer, data = self._client.send("get_object", asked)
        except S3Fault as fault:
            raise (SourceChanged(key) if fault.kind is Kind.PRECONDITION else s3_error(fault)) from None
        if not same(self._ref.etag, answer.get("ETag") or ""):
            raise SourceChanged(key)
        # The whole object has no range in its answer.
        told = _RANGE.fullmatch(answer.get("ContentRange") or f"bytes 0-{len(data) - 1}/{len(data)}")
        if told is not None and int(told[3]) != self._ref.size:
            raise SourceChanged(key)
        if told is None or (int(told[1]), int(told[2])) != (start, last):
            raise StorageError("the store does not answer with the range that was asked for")
        if len(data) != length:
            raise StorageUnavailable("the body is not whole")
        self.coding = answer.get("ContentEncoding") or ""
        return data

    def close(self) -> None:
        """The connections are the root's."""
