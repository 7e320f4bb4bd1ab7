"""Ranges of a listing come out as one listing, whatever the cuts; nothing runs on once nobody reads."""

from __future__ import annotations

import threading
from bisect import bisect_right
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.lake.storage.s3.ranges import in_order, one_by_one

KEYS = st.lists(st.text("ab/", min_size=1, max_size=6), unique=True).map(sorted)


class Store:
    """A sorted list of keys, a few a page."""

    def __init__(self, keys: list[str], page: int) -> None:
        self.keys, self.page, self.requests = keys, page, 0

    def fetch(self, after: str, token: str):
        self.requests += 1
        start = bisect_right(self.keys, token or after) if token or after else 0
        names = self.keys[start : start + self.page]
        more = start + self.page < len(self.keys)
        return [{"Key": name} for name in names], names[-1] if more else ""


@given(KEYS, st.lists(st.text("ab/", min_size=1, max_size=4), unique=True).map(sorted), st.integers(1, 4))
def test_every_key_comes_once_and_in_order(keys, cuts, threads):
    assert [item["Key"] for item in in_order(Store(keys, 3).fetch, cuts, threads)] == keys


@given(KEYS, st.text("ab/", max_size=3))
def test_one_by_one_begins_behind_a_key(keys, after):
    assert [item["Key"] for item in one_by_one(Store(keys, 3).fetch, after)] == [k for k in keys if k > after]


def test_small_folders_are_listed_together():
    """A request for each of a thousand folders would be dearer than the listing itself."""
    store = Store([f"{folder:04d}/{name}" for folder in range(1000) for name in range(10)], 1000)
    assert len(list(in_order(store.fetch, [f"{folder:04d}/" for folder in range(1000)], 8))) == 10_000
    assert store.requests < 40  # 10 are needed


def test_a_page_that_fails_ends_the_listing_where_it_is_missed():
    store = Store(["a/1", "b/1", "c/1"], 10)

    def fetch(after: str, token: str):
        if after == "b/":
            raise OSError("gone")
        return store.fetch(after, token)

    listing = in_order(fetch, ["b/"], 2)
    assert next(listing)["Key"] == "a/1"
    with pytest.raises(OSError, match="gone"):
        next(listing)


def test_a_listing_that_nobody_reads_on_ends_its_threads():
    store = Store([f"{folder}/{name:05d}" for folder in "abc" for name in range(20_000)], 100)
    before = threading.active_count()
    with closing(in_order(store.fetch, ["a/", "b/", "c/"], 4)) as listing:
        next(listing)
    assert threading.active_count() == before
    assert store.requests < 60  # of 600
