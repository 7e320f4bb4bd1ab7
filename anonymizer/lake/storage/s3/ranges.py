"""A listing cut into ranges of keys that are listed side by side and come out in order, in bounded memory.

S3 gives a thousand keys per request and one request after the other. It also begins at any key that one names: so the
prefixes below the root, one request more, tell where a listing can be cut.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

Item = dict[str, Any]
"""An object as the store lists it."""
Fetch = Callable[[str, str], tuple[Sequence[Item], str]]
"""One page: of the keys behind one, or with a token; what it holds and the token of the next, empty at the end."""

PAGES_AHEAD = 4
"""Maximum number of pages of each range that wait in memory: about 16 MB for eight ranges."""
_RANGE_KEYS = 4000
"""A range holds about as much as may wait, so that it is listed to its end while those before it are used."""
_LOOK_S = 0.2


class Range:
    """The keys behind one and up to another, listed by a thread of its own.

    Args:
        fetch: Gives a page.
        after: Before the first key; empty: from the beginning.
        until: The last key; None: to the end.
        ahead: So many pages may wait.
    """

    def __init__(self, fetch: Fetch, after: str, until: str | None, ahead: int = PAGES_AHEAD) -> None:
        self._fetch = fetch
        self._after = after
        self._until = until
        self._pages: queue.Queue[Sequence[Item] | Exception | None] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._list, name="listing", daemon=True)
        self._thread.start()

    def __iter__(self) -> Generator[Item, None, None]:
        while (page := self._pages.get()) is not None:
            if isinstance(page, Exception):
                raise page
            yield from page

    def close(self) -> None:
        """Stops fetching; returns once the thread has ended."""
        self._stopped.set()
        self._thread.join()

    def _list(self) -> None:
        try:
            self._fetch_all()
        except Exception as error:  # noqa: BLE001 - raised again where the range is read
            self._give(error)
        self._give(None)

    def _fetch_all(self) -> None:
        token = ""
        while not self._stopped.is_set():
            items, token = self._fetch(self._after, token)
            kept = [item for item in items if self._until is None or item["Key"] <= self._until]
            self._give(kept)
            if not token or len(kept) < len(items):
                return

    def _give(self, page: Sequence[Item] | Exception | None) -> None:
        while not self._stopped.is_set():
            with suppress(queue.Full):
                self._pages.put(page, timeout=_LOOK_S)
                return


def one_by_one(fetch: Fetch, after: str = "") -> Generator[Item, None, None]:
    """The keys behind one, a page when it is asked for."""
    token = ""
    while True:
        items, token = fetch(after, token)
        yield from items
        if not token:
            return


def in_order(fetch: Fetch, cuts: Sequence[str], threads: int) -> Generator[Item, None, None]:
    """All keys, in order.

    Args:
        fetch: Gives a page.
        cuts: Keys (they need not exist) at which the listing may be cut, ascending.
        threads: So many ranges are listed at once.
    """
    waiting = deque(pairwise(["", *cuts, None]))
    running: deque[tuple[Range, int]] = deque()
    cuts_seen = keys_seen = 0

    def start_one() -> None:
        if not waiting:
            return
        # How full a cut's range is, nobody knows before the first has come to its end.
        group = max(1, min(len(waiting), cuts_seen * _RANGE_KEYS // max(keys_seen, 1))) if cuts_seen else 1
        after, until = waiting.popleft()
        for _ in range(group - 1):
            _, until = waiting.popleft()
        running.append((Range(fetch, after or "", until), group))

    try:
        for _ in range(threads):
            start_one()
        while running:
            current, group = running[0]
            for item in current:
                keys_seen += 1
                yield item
            cuts_seen += group
            running.popleft()
            start_one()
    finally:
        for left, _ in running:
            left.close()
