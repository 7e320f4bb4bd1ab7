"""A random sample of what is published, the same whenever it is drawn from the same rows with the same seed."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable


def drawn(keys: Iterable[str], count: int, seed: str) -> list[str]:
    """So many of the keys, each set of that size as likely as any other; no more than `count` are held.

    The least keyed hashes are taken, so that neither the order of the keys nor how they are spread over files plays a
    part.

    Args:
        keys: Distinct.
        count: All of them if there are no more.
        seed: Any text; another one draws others.

    Returns:
        Sorted in UTF-8 byte order.
    """
    key = hashlib.blake2b(seed.encode()).digest()

    def lot(text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=key, digest_size=16).digest()

    # Python compares text by code points, which is the order of its UTF-8 bytes.
    return sorted(heapq.nsmallest(count, keys, key=lot))
