"""What a listing yields, and a cursor that looks versions up in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from anonymizer.errors import NameNotHeld, ObjectError, ReservedKey, UnsafeKey
from anonymizer.lake.storage.keys import check_key, join_uri
from anonymizer.records import ImageRef


@dataclass(frozen=True, slots=True)
class Irregular:
    r"""A listed thing that is never read: it becomes a `failed` row.

    Attributes:
        key: Its key; of a file name that is no UTF-8 as `keys.spelled` has it.
        uri: Full fsspec URL.
        error: Why it is not read.
    """

    key: str
    uri: str
    error: type[ObjectError]


Listed: TypeAlias = ImageRef | Irregular


def irregular(root_uri: str, key: str, error: type[ObjectError]) -> Irregular:
    """The record of something that is not read."""
    return Irregular(key, join_uri(root_uri, key), error)


def key_error(key: str, *, empty_parts: bool = False) -> type[ObjectError] | None:
    """The error that a key deserves (`keys.check_key`), None for a good one."""
    try:
        check_key(key, empty_parts=empty_parts)
    except (UnsafeKey, NameNotHeld, ReservedKey) as error:
        return type(error)
    return None


def name_fits(key: str, *, empty_parts: bool) -> bool:
    """Whether a key has a form that a store knows; see `keys.check_key`."""
    return key_error(key, empty_parts=empty_parts) is not NameNotHeld


class VersionCursor:
    """Looks up versions in one pass over a listing, for keys that are asked for in ascending order.

    It holds one entry, whatever the length of the listing.
    """

    def __init__(self, listing: Iterator[Listed]) -> None:
        self._listing = listing
        self._current = next(listing, None)
        self._asked = ""

    def version(self, key: str) -> str | None:
        """The listed version of a key, None if it was not listed (or is not a regular object).

        Raises:
            ValueError: The key comes before one that was asked for.
        """
        if key < self._asked:
            raise ValueError("keys have to be asked for in ascending order")
        self._asked = key
        while self._current is not None and self._current.key < key:
            self._current = next(self._listing, None)
        if isinstance(self._current, ImageRef) and self._current.key == key:
            return self._current.etag
        return None
