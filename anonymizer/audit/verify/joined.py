"""OUTPUT's listing and the manifest's rows, in step: what is on one side only, and what is to be read.

Both come in UTF-8 byte order of the outputs' keys, so nothing is held but the rows themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from anonymizer.audit.verify.ours import is_ours
from anonymizer.errors import NotARegularFile, ObjectError, ReservedKey
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.storage import Irregular, Listed, Root, is_temporary
from anonymizer.records import NO_CONSENT, ImageRef, ManifestRow, WorkItem
from anonymizer.run.takedown.unsafe import past_retention, published

COLUMNS = (
    *("key", "run_id", "source_uri", "status", "processed_at", "output_uri", "output_sha256", "output_size"),
    *("format", "width", "height", "frame_count", "metadata_kept", "retained_until"),
)
"""What has to be known of a row."""

Report = Callable[[str, str], None]
"""Takes a key below OUTPUT and the code of what is wrong with it."""

_BATCH = 2048
_IRREGULAR: dict[type[ObjectError], str] = {NotARegularFile: "not_regular", ReservedKey: "reserved_key"}


def outputs(root: Root) -> Iterator[Listed]:
    """Everything below OUTPUT that somebody has to answer for; one that is not there is empty.

    Raises:
        ListingError: The listing is not complete.
    """
    return (entry for entry in root.list(output=True, temporaries=True) if not is_ours(root, entry))


def named_outputs(table: Any, output_uri: str, report: Report) -> Iterator[tuple[str, ManifestRow]]:
    """(key of the output, row) of every row that names one, in order of these keys; others are `elsewhere`.

    Args:
        table: Rows with `COLUMNS`.
        output_uri: OUTPUT, normalized.
        report: Told of rows that name no place below it.
    """
    ordered = table.sort_by("output_uri")
    for row in published(ordered.slice(start, _BATCH) for start in range(0, ordered.num_rows, _BATCH)):
        key = output_key_of(row.output_uri or "", output_uri)
        if key is None:
            report(row.key, "elsewhere")
        else:
            yield key, row


class _Rows:
    """Rows taken in step with ascending keys."""

    def __init__(self, rows: Iterator[tuple[str, ManifestRow]]) -> None:
        self._rows = rows
        self._head = next(rows, None)

    def below(self, key: str | None) -> Iterator[str]:
        """Passes over the rows whose output comes before a key (None: all that are left); gives their keys."""
        while self._head is not None and (key is None or self._head[0] < key):
            yield self._head[0]
            self._head = next(self._rows, None)

    def at(self, key: str) -> list[ManifestRow]:
        """Takes the rows of a key."""
        found = []
        while self._head is not None and self._head[0] == key:
            found.append(self._head[1])
            self._head = next(self._rows, None)
        return found


def to_check(
    listing: Iterable[Listed], rows: Iterator[tuple[str, ManifestRow]], now: datetime, report: Report
) -> Iterator[WorkItem]:
    """What has to be read, with its row as `standing`; everything that is wrong without reading is reported.

    Args:
        listing: Of OUTPUT.
        rows: As `named_outputs` gives them.
        now: Outputs retained until then or earlier should be gone.
        report: Told of every finding.
    """
    left = _Rows(rows)
    for entry in listing:
        code = _irregular(entry) if isinstance(entry, Irregular) else None
        if code == "unsafe_key":
            # It may be spelled otherwise than it sorts, and no row can name it.
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
        # Not read: the size of what somebody else put there has no bound.
        report(ref.key, "size_mismatch")
        return
    yield WorkItem(ref, NO_CONSENT, None, row)
