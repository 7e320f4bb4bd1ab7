"""Whether an S3 store writes under conditions: tried on an object of our own, of which nothing is left."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from anonymizer.lake.storage.faults import Kind, S3Fault
from anonymizer.lake.storage.s3.client import S3Client

DIFFERS = (Kind.PRECONDITION, Kind.CONFLICT, Kind.GONE)
"""Answers to a write whose condition does not hold."""
_BODY = b"0"
"""A store may refuse a body of no bytes for reasons of its own."""
_NEVER = ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'})
"""Conditions that do not hold of an object that is there."""


class Probe:
    """One object of ours; as a context it takes it away at the end.

    Args:
        client: Of the bucket.
        key: A whole key that nobody else has.
        put: Extra PutObject parameters.
    """

    def __init__(self, client: S3Client, key: str, put: Mapping[str, Any]) -> None:
        self._client = client
        self._key = key
        self._put = put
        self._versions: list[str] = []

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        # In a versioned bucket our own versions go, so that no marker is left in their place.
        with suppress(S3Fault):
            for version in self._versions:
                self._client.send("delete_object", {"Key": self._key, "VersionId": version})
            if self._versions:
                return
        # Without versions, or where they may not be deleted.
        with suppress(S3Fault):
            self._client.send("delete_object", {"Key": self._key})

    def write(self, condition: Mapping[str, str] | None = None) -> None:
        """Writes it; `S3Fault` if that fails."""
        sent = {"Key": self._key, "Body": _BODY, **(condition or {}), **self._put}
        answer, _ = self._client.send("put_object", sent)
        self.also(answer.get("VersionId"))

    def also(self, version: str | None) -> None:
        """Another version of the object, that was not written by this."""
        if version:
            self._versions.append(version)

    def conditions_count(self) -> bool:
        """Whether the store refuses to write where a condition does not hold; the object has to be there."""
        return all(self._refused(condition) for condition in _NEVER)

    def _refused(self, condition: Mapping[str, str]) -> bool:
        try:
            self.write(condition)
        except S3Fault as fault:
            if fault.kind is Kind.UNSUPPORTED:
                return False
            if fault.kind not in DIFFERS:
                raise
            return True
        return False
