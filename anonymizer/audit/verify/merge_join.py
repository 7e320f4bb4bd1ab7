"""Merge-join OUTPUT's listing with the manifest's rows: report what only one side has, yield what is to be read.

Both sides are sorted by the outputs' keys in UTF-8 byte order, so the listing is streamed and never held in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from anonymizer.audit.verify.output_mark import is_output_mark
from anonymizer.errors import NotARegularFile, ObjectError, ReservedKey
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.storage import Irregular, Listed, Root, is_temporary
from anonymizer.records import NO_CONSENT, ImageRef, ManifestRow, WorkItem
from anonymizer.run.takedown.unsafe import past_retention, published

COLUMNS = (
    *("key", "run_id", "source_uri", "status", "processed_at", "output_uri", "output_sha256", "output_size"),
    *("format", "width", "height", "frame_count", "metadata_kept", "retained_until", "shard", "shard_sha256"),
    "picture_count",
)
"""The columns of the manifest that a verification reads."""

Report = Callable[[str, str], None]
"""Called with a key below OUTPUT and the code of the finding."""

_BATCH = 2048
_IRREGULAR: dict[type[ObjectError], str] = {NotARegularFile: "not_regular", ReservedKey: "reserved_key"}


def outputs(root: Root) -> Iterator[Listed]:
    """Lists every file below OUTPUT except its identity mark; an OUTPUT that does not exist is empty.

    Raises:
        ListingError: The listing is incomplete.
    """
    return (entry for entry in root.list(output=True, temporaries=True) if not is_output_mark(root, entry))


def named_outputs(table: Any, output_uri: str, report: Report) -> Iterator[tuple[str, ManifestRow]]:
    """Yields (output key, row) for every row that names an output, sorted by output key.

    A row whose output lies outside OUTPUT is reported as `elsewhere`.

    Args:
        table: Rows with `COLUMNS`.
        output_uri: OUTPUT, normalized.
        report: Called for each row whose output lies outside OUTPUT.
    """
    ordered = table.sort_by("output_uri")
    for row in published(ordered.slice(start, _BATCH) for start in range(0, ordered.num_rows, _BATCH)):
        key = output_key_of(row.output_uri or "", output_uri)
        if key is None:
            report(row.key, "elsewhere")
        else:
            yield key, row


class _Rows:
    """The manifest's side of the merge join; asked for ascending keys."""

    def __init__(self, rows: Iterator[tuple[str, ManifestRow]]) -> None:
        self._rows = rows
        self._head = next(rows, None)

    def below(self, key: str | None) -> Iterator[str]:
        """Skips the rows whose output sorts before a key (None: all remaining rows) and yields their output keys."""
        while self._head is not None and (key is None or self._head[0] < key):
            yield self._head[0]
            self._head = next(self._rows, None)

    def at(self, key: str) -> list[ManifestRow]:
        """Consumes and returns the rows that name this output key."""
        found = []
        while self._head is not None and self._head[0] == key:
            found.append(self._head[1])
            self._head = next(self._rows, None)
        return found


def files_to_check(
    listing: Iterable[Listed], rows: Iterator[tuple[str, ManifestRow]], now: datetime, report: Report
) -> Iterator[WorkItem]:
    """Yields the files to read, each with its row as `standing`; reports every finding that needs no reading.

    Args:
        listing: The listing of OUTPUT.
        rows: The rows from `named_outputs`.
        now: An output whose `retained_until` is not after this time should have been removed.
        report: Called for every finding.
    """
    left = _Rows(rows)
    for entry in listing:
        code = _irregular(entry) if isinstance(entry, Irregular) else None
        if code == "unsafe_key":
            # Its spelling may not follow the sort order, and no row can name it.
            report(entry.key, code)
            continue
        for key in left.below(entry.key):
            report(key, "missing")
        claims = left.at(entry.key)
        if isinstance(entry, ImageRef):
            yield from _compared(entry, claims, now, report)
        elif code is not None:
            report(entry.key, code)
    for key in left.below(None):
        report(key, "missing")


def _irregular(entry: Irregular) -> str:
    if entry.error is ReservedKey and is_temporary(entry.key):
        return "stale_temporary"
    return _IRREGULAR.get(entry.error, "unsafe_key")


def _compared(ref: ImageRef, claims: list[ManifestRow], now: datetime, report: Report) -> Iterator[WorkItem]:
    if not claims:
        report(ref.key, "no_row")
        return
    row = claims[0]
    if len(claims) > 1:
        report(ref.key, "claimed_twice")
    if past_retention(row, now):
        report(ref.key, "past_retention")
    if ref.size != row.output_size:
        # Do not read it: a file from somebody else may be of any size.
        report(ref.key, "size_mismatch")
        return
    yield WorkItem(ref, NO_CONSENT, None, row)
