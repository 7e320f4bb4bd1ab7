"""Objects that S3 has put away (Glacier, Deep Archive): they are listed, and not read before they are restored.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html. Glacier Instant Retrieval is read like
any other class; which objects of Intelligent-Tiering are put away no listing tells, only the answer to a read.
"""

from __future__ import annotations

from typing import Any

from anonymizer.lake.storage.faults import S3Fault
from anonymizer.lake.storage.s3.client import S3Client

_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_ASKED = {"OptionalObjectAttributes": ["RestoreStatus"]}
_UNKNOWN = "restore"
"""Mark of an entry of a listing that does not say whether the object is restored: a read will tell."""


def page_of_objects(client: S3Client, parameters: dict[str, Any]) -> dict[str, Any]:
    """One page of ListObjectsV2, with the state of restored copies where something in it is archived.

    They have to be asked for, by a header that not every store takes: so it is sent only where there is a use for it.

    Raises:
        S3Fault: The page cannot be had.
    """
    answer, _ = client.send("list_objects_v2", parameters)
    archived = [item for item in answer.get("Contents", ()) if item.get("StorageClass") in _CLASSES]
    if not archived:
        return answer
    try:
        return client.send("list_objects_v2", {**parameters, **_ASKED})[0]
    except S3Fault:
        for item in archived:
            item[_UNKNOWN] = True
        return answer


def needs_restoring(item: dict[str, Any]) -> bool:
    """Whether an object cannot be read now.

    Args:
        item: An entry of `page_of_objects`, or the answer to HeadObject.
    """
    if item.get("StorageClass") not in _CLASSES or item.get(_UNKNOWN):
        return False
    status = item.get("RestoreStatus") or {}
    header = item.get("Restore") or ""
    restored = status.get("RestoreExpiryDate") is not None or 'ongoing-request="false"' in header
    return not restored
