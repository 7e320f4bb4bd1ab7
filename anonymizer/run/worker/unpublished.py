"""Finishes objects without a safe image: makes their row, and keeps or removes their older output."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import DeadlinePassed, ObjectError, OutputLost, PublishConflict
from anonymizer.lake.outputs import purge_ours
from anonymizer.lake.storage import Root, join_uri
from anonymizer.records import ManifestRow, WorkItem
from anonymizer.run.rows import failed_row, pending_removal_row, read_as, with_kept_output
from anonymizer.run.sources import OpenShard
from anonymizer.run.worker.computer import Computed
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.outcome import Outcome

log = logging.getLogger(__name__)


class Unpublished:
    """Finishes objects that are not published: an older output stays only if it is still safe.

    Args:
        config: The run's settings.
        output: OUTPUT.
    """

    def __init__(self, config: RunConfig, output: Root) -> None:
        self._config = config
        self._output = output

    def finish(self, computed: Computed, error: ObjectError, deadline: Deadline) -> Outcome:
        """Keeps or removes the older output, and makes the row.

        Raises:
            PublishConflict: The output is not the version that the driver saw.
            DeadlinePassed: The worker may not continue.
            OutputLost: OUTPUT is missing.
        """
        item = computed.item
        deadline.check()
        if self._current_version(item) != item.output_version:
            raise PublishConflict
        row = _as_read(failed_row(item, error, self._config.allow), computed)
        if row.status == "failed" and _is_shard(computed):
            row = replace(row, shard=item.ref.key)
        if row.status == "failed" and item.kept_output is not None:
            return Outcome(with_kept_output(row, item.kept_output))
        return self._removed(item, row)

    def _removed(self, item: WorkItem, row: ManifestRow) -> Outcome:
        """Removes the object's older outputs, except in place, where the output is the source itself."""
        for key, version in () if self._config.in_place else _older_outputs(item):
            try:
                purge_ours(self._output, key, version, item.replaces)
            except (PublishConflict, DeadlinePassed, OutputLost):
                raise
            except Exception as caught:  # noqa: BLE001 - whatever the reason, the row has to say that it still exists
                name = type(caught).__name__
                log.error("%s: an output that is not safe could not be removed (%s)", item.ref.key, name)
                uri = join_uri(self._config.output, key)
                return Outcome(pending_removal_row(row, uri, version, item.replaces), unsafe_left=True)
        return Outcome(row)

    def _current_version(self, item: WorkItem) -> str | None:
        """Version of the output in the store; `output_version` may come from the manifest only."""
        try:
            return self._output.version(item.output_key)
        except ObjectError:
            return item.output_version


def _older_outputs(item: WorkItem) -> Iterator[tuple[str, str | None]]:
    """(key, version) of the outputs of an object that earlier runs published."""
    if item.old_output_key is not None:
        yield item.old_output_key, item.old_output_version
    if item.output_version is not None and not item.foreign:
        yield item.output_key, item.output_version


def _as_read(row: ManifestRow, computed: Computed) -> ManifestRow:
    """Adds the content's SHA-256 to the row of an object without a safe image, if the source could be read."""
    read = _read(computed)
    if not isinstance(read, bytes) or not computed.item.decision.seen:
        return row
    return read_as(row, computed.item, hashlib.sha256(read).hexdigest())


def _is_shard(computed: Computed) -> bool:
    return isinstance(_read(computed), OpenShard)


def _read(computed: Computed) -> bytes | OpenShard | None:
    """What was read of the source; None if it could not be read."""
    data = computed.data
    return data.result() if data.done() and data.exception() is None else None
