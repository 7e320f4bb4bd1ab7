"""Takes down pictures inside shards: the shard is made again without them, or at least copied without them.

A shard that was made again has its other pictures from the output that stood (`worker.standing`), so this costs a copy.
If it cannot be made again, for example because its source no longer exists, the driver copies the standing output
without the samples of these pictures. If that fails as well, the shard's output is removed.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from anonymizer import shards
from anonymizer.errors import OutputLost, PublishConflict, ScrubCheckFailed, Unsafe
from anonymizer.lake.manifest import SCHEMA, Snapshot, from_table
from anonymizer.records import PUBLISHED, ImageRef, ManifestRow
from anonymizer.run.context import RunContext
from anonymizer.run.inside import left_out_row
from anonymizer.run.takedown.removals import Removals
from anonymizer.run.takedown.rows import removed_row

log = logging.getLogger(__name__)


@dataclass
class UnsafeInside:
    """Pictures inside shards that have to be taken down.

    Attributes:
        keys: Their keys, by the key of the shard.
    """

    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def besides(self, rows: Iterable[ManifestRow]) -> Iterator[ManifestRow]:
        """Collects the rows of pictures inside shards, and yields the others."""
        for row in rows:
            if row.shard is not None and row.is_inside:
                self.keys[row.shard].add(row.key)
            else:
                yield row


def take_down(
    run: RunContext,
    inside: UnsafeInside,
    snapshot: Snapshot,
    redact: Callable[[list[str], Snapshot], None] | None,
) -> Snapshot:
    """Takes down pictures inside shards.

    Args:
        run: The run; does not work in place.
        inside: The pictures.
        snapshot: The current rows.
        redact: Makes the shards of the given keys again; None: their sources are not read.

    Returns:
        The current rows afterwards.

    Raises:
        OutputLost: OUTPUT went missing meanwhile.
    """
    if not inside.keys:
        return snapshot
    names = sorted(inside.keys)
    if redact is not None:
        redact(names, snapshot)
        snapshot = run.refreshed(snapshot, len(names))
    current = run.current_rows(snapshot)
    removals, owed = Removals(run), []
    for name in names:
        row = current.find(name)
        if row is None or row.output_uri is None:
            continue
        whole = current.manifest_row(row)
        made_again = row.of_this_run and row.error_code is None
        # Ranks above the row of a failed attempt to make it again.
        attempt = whole.attempt + 1 if row.of_this_run else run.attempt
        if made_again or _strip(run, whole, snapshot, inside.keys[name], attempt):
            run.summary.removed_unsafe += len(inside.keys[name])
        else:
            owed.append(whole)
    removals.remove_unsafe(owed)
    return run.refreshed(snapshot, len(names))


def _strip(run: RunContext, whole: ManifestRow, snapshot: Snapshot, unsafe: set[str], attempt: int) -> bool:
    """Copies a shard's output without the samples of some pictures; returns whether that succeeded."""
    try:
        _copy_without(run, whole, snapshot, unsafe, attempt)
    except OutputLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the reason, the output is then removed as a whole
        log.warning("%s: the shard could not be copied without unsafe pictures (%s)", whole.key, type(error).__name__)
        return False
    return True


def _copy_without(run: RunContext, whole: ManifestRow, snapshot: Snapshot, unsafe: set[str], attempt: int) -> None:
    output, key = run.output.root, run.places.output_key(whole.output_uri)
    found = output.stat(key) if key is not None else None
    if key is None or not isinstance(found, ImageRef) or found.etag != whole.output_etag:
        raise PublishConflict
    tables = snapshot.scan(SCHEMA.names, between=(whole.key, f"{whole.key}0"))
    copied = _Copied(
        [row for table in tables for row in from_table(table) if row.shard == whole.key != row.key], unsafe
    )
    kind = shards.kind_named(whole.format)
    upload = output.publish_stream(
        key,
        expected=found.etag,
        media_type=shards.MEDIA_TYPES[kind],
        check=run.lease.check,
        size_hint=found.size,
    )
    with output.open_source(found) as file, upload:
        report = shards.rewrite(kind, file, upload.write, copied.make, run.config.shards)
        again = copied.rows(report.dropped, upload.sha256, attempt)
        remaining = sum(row.status in PUBLISHED for row in again)
        now = datetime.now(UTC)
        new = replace(
            whole,
            output_sha256=upload.sha256,
            output_size=upload.size,
            output_etag=None,
            picture_count=remaining,
            attempt=attempt,
            processed_at=now,
        )
        name = f"strip_{upload.sha256[:20]}"
        intent = run.manifest.write_intent(run.run_id, name, attempt, [new, *again])
        new = replace(new, output_etag=upload.finish())
    output.forget_older(key)
    run.output.require()
    run.manifest.write_part(run.run_id, name, attempt, [new, *again])
    run.manifest.forget_intent(intent)


class _Copied:
    """Copies the pictures of an output, and leaves out those that are unsafe. They are recognised by their SHA-256.

    Args:
        rows: Current rows of the shard's pictures.
        unsafe: Keys of those that must not stay.
    """

    def __init__(self, rows: Sequence[ManifestRow], unsafe: set[str]) -> None:
        self._held = rows
        self._unsafe = unsafe
        self._known = {row.output_sha256 for row in rows}
        self._gone = {row.output_sha256 for row in rows if row.key in unsafe}
        self._order: list[str] = []

    def make(self, entry: shards.Entry) -> bytes | None:
        """The picture as it is; None if it must not stay.

        Raises:
            ScrubCheckFailed: It is not the picture of any row.
        """
        sha256 = hashlib.sha256(entry.data).hexdigest()
        if sha256 not in self._known:
            raise ScrubCheckFailed
        self._order.append(sha256)
        return None if sha256 in self._gone else entry.data

    def rows(self, dropped: Iterable[int], sha256: str, attempt: int) -> list[ManifestRow]:
        """The new rows of all pictures of the shard.

        Args:
            dropped: Positions of the pictures that are not in the new output, in the order of `make`.
            sha256: SHA-256 of the new output.
            attempt: Attempt of the rows.
        """
        left_out = {self._order[position] for position in dropped}
        return [
            replace(self._after(row, left_out), shard=row.shard, shard_sha256=sha256, attempt=attempt)
            for row in self._held
        ]

    def _after(self, row: ManifestRow, left_out: set[str]) -> ManifestRow:
        if row.key in self._unsafe:
            return removed_row(row, Unsafe(), row.attempt)
        return left_out_row(row) if row.output_sha256 in left_out else row
