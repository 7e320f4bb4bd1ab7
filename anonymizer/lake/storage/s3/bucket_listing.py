"""The listing of a bucket in the order of keys, page by page; or several ranges of keys at once, which is faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from anonymizer.errors import ListingError
from anonymizer.lake.storage.s3.archive import page_of_objects
from anonymizer.lake.storage.s3.client import S3Client
from anonymizer.lake.storage.s3.ranges import in_order, one_by_one

PAGE = 1000
"""Keys of one ListObjectsV2 or DeleteObjects request: S3's limit."""
_LEVELS = 8
"""Maximum depth at which a level with more than one prefix is searched for."""


class BucketListing:
    """Lists what lies below a prefix.

    Args:
        client: Of the bucket.
        uri: Of the root, for errors.
        prefix: Of the root; empty or with a slash at its end.
        threads: Ranges of keys that are listed at once.
    """

    def __init__(self, client: S3Client, uri: str, prefix: str, threads: int) -> None:
        self._client = client
        self._uri = uri
        self._prefix = prefix
        self._threads = threads

    def items(self, start_after: str, prefix: str) -> Iterator[dict[str, Any]]:
        """The objects as the store describes them, in order.

        Args:
            start_after: Only those behind this key; they are listed page by page.
            prefix: Only keys that start with this.

        Raises:
            ListingError: The store does not list in order.
            S3Fault: It did not answer.
        """
        below = self._prefix + prefix

        def fetch(after: str, token: str) -> tuple[Sequence[dict[str, Any]], str]:
            page = {"ContinuationToken": token} if token else {"StartAfter": after} if after else {}
            answer = page_of_objects(self._client, {"Prefix": below, "MaxKeys": PAGE, **page})
            return answer.get("Contents", ()), answer["NextContinuationToken"] if answer.get("IsTruncated") else ""

        if start_after:
            listing = one_by_one(fetch, self._prefix + start_after)
        elif self._threads > 1:
            listing = in_order(fetch, self._cuts(below), self._threads)
        else:
            listing = one_by_one(fetch)
        last = ""
        with closing(listing) as items:
            for item in items:
                if item["Key"] <= last:
                    # S3 Express directory buckets do this; incremental runs and versions rely on order.
                    raise ListingError(f"{self._uri}: the store does not list in the order of keys")
                last = item["Key"]
                yield item

    def _cuts(self, below: str) -> Sequence[str]:
        """Where a listing can be cut: the first prefixes of the first level that has more than one."""
        for _ in range(_LEVELS):
            page = {"Prefix": below, "MaxKeys": PAGE, "Delimiter": "/"}
            answer = self._client.send("list_objects_v2", page)[0]
            prefixes = [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())]
            if len(prefixes) != 1 or answer.get("Contents"):
                return prefixes
            below = prefixes[0]
        return []
