"""Finds the objects of a list of keys, and looks up in INPUT those for which the list lacks size or version."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from anonymizer.lake.storage import Listed, Root, join_uri
from anonymizer.records import ImageRef
from anonymizer.run.start.keylist.requests import KeyRequest

LOOKED_UP_AT_ONCE = 16


def requested(root: Root, requests: Iterator[KeyRequest]) -> Iterator[tuple[KeyRequest, Listed | None]]:
    """Finds the objects of the requests, in their order; looks up several at once if the list lacks their properties.

    Yields:
        The request and the object; None if it does not exist.
    """
    ahead: deque[tuple[KeyRequest, Future[Listed | None]]] = deque()
    with ThreadPoolExecutor(LOOKED_UP_AT_ONCE) as pool:
        for request in islice(requests, LOOKED_UP_AT_ONCE):
            ahead.append((request, pool.submit(_listed, root, request)))
        while ahead:
            request, found = ahead.popleft()
            for following in islice(requests, 1):
                ahead.append((following, pool.submit(_listed, root, following)))
            yield request, found.result()


def _listed(root: Root, request: KeyRequest) -> Listed | None:
    if request.action != "check" or request.etag is None or request.size is None or root.key_error(request.key):
        return root.stat(request.key)
    return ImageRef(request.key, join_uri(root.uri, request.key), request.etag, request.size, request.modified)
