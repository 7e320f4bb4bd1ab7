"""The versions of an object, in buckets that keep them: what was deleted or replaced can be had there until it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anonymizer.errors import StorageError
from anonymizer.lake.storage.faults import Kind, S3Fault, s3_error
from anonymizer.lake.storage.s3.client import S3Client


def delete_versions(client: S3Client, name: str, *, older: bool = False) -> None:
    """Deletes every version and delete marker of an object; nothing where the bucket keeps none.

    Args:
        client: Of the bucket.
        name: The whole key.
        older: All but the latest.

    Raises:
        AccessDenied, StorageUnavailable, StorageError: Some may be left.
    """
    for batch in _versions(client, name, older=older):
        try:
            answer, _ = client.send("delete_objects", {"Delete": {"Objects": batch, "Quiet": True}})
        except S3Fault as fault:
            raise s3_error(fault) from None
        if answer.get("Errors"):
            raise StorageError("some versions were not deleted")


def _versions(client: S3Client, name: str, *, older: bool) -> Iterator[Sequence[dict[str, str]]]:
    """Every version and delete marker of exactly this key, a page at a time; or all but the latest."""
    page: dict[str, str] = {}
    while True:
        try:
            answer, _ = client.send("list_object_versions", {"Prefix": name, **page})
        except S3Fault as fault:
            if fault.kind is Kind.UNSUPPORTED:
                return
            raise s3_error(fault) from None
        entries = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
        of_key = [e for e in entries if e["Key"] == name and not (older and e["IsLatest"])]
        found = [{"Key": name, "VersionId": e["VersionId"]} for e in of_key]
        if found:
            yield found
        # Keys come in order: behind this one are only longer ones.
        if not answer.get("IsTruncated") or answer["NextKeyMarker"] > name:
            return
        page = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer.get("NextVersionIdMarker", "")}
