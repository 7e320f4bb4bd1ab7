"""Draw a reproducible random sample: the same keys and the same seed always give the same sample."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable


def sample_keys(keys: Iterable[str], count: int, seed: str) -> list[str]:
    """Draws a simple random sample of `count` keys; holds at most `count` keys in memory.

    The keys with the smallest keyed hashes are taken, so the sample depends neither on the order of the keys nor on
    how they are distributed over the manifest's files.

    Args:
        keys: Distinct.
        count: Size of the sample; all keys if there are fewer.
        seed: Any text; another seed gives another sample.

    Returns:
        Sorted in UTF-8 byte order.
    """
    key = hashlib.blake2b(seed.encode()).digest()

    def keyed_hash(text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=key, digest_size=16).digest()

    # Python compares text by code points, which is the order of its UTF-8 bytes.
    return sorted(heapq.nsmallest(count, keys, key=keyed_hash))
