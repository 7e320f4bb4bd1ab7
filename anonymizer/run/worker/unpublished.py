"""Objects without a safe image: which row they get, and what becomes of the output that they have from before."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator

from anonymizer.config import RunConfig
from anonymizer.errors import DeadlinePassed, ObjectError, OutputLost, PublishConflict
from anonymizer.lake.outputs import purge_ours
from anonymizer.lake.storage import Root, join_uri
from anonymizer.records import ManifestRow, WorkItem
from anonymizer.run.rows import failed_row, pending_removal_row, read_as, with_kept_output
from anonymizer.run.worker.computer import Computed
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.outcome import Outcome

log = logging.getLogger(__name__)


class Unpublished:
    """Settles objects that are not published: an older output stays only if it is still safe.

    Args:
        config: Of the run.
        output: OUTPUT.
    """

    def __init__(self, config: RunConfig, output: Root) -> None:
        self._config = config
        self._output = output

    def finish(self, computed: Computed, error: ObjectError, deadline: Deadline) -> Outcome:
        """Keeps or removes the older output; the row says which, and what the object held if it could be read.

        Raises:
            PublishConflict: Something else stands there than the driver saw.
            DeadlinePassed: The worker may not go on.
            OutputLost: OUTPUT is not there.
        """
        item = computed.item
        deadline.check()
        if self._standing_version(item) != item.output_version:
            raise PublishConflict
        row = _as_read(failed_row(item, error), computed)
        if error.status == "failed" and item.kept_output is not None:
            return Outcome(with_kept_output(row, item.kept_output))
        return self._removed(item, row)

    def _removed(self, item: WorkItem, row: ManifestRow) -> Outcome:
        """Removes what the object leaves behind; in place that is the source itself, which stays."""
        for key, version in () if self._config.in_place else _left_behind(item):
            try:
                purge_ours(self._output, key, version, item.replaces)
            except (PublishConflict, DeadlinePassed, OutputLost):
                raise
            except Exception as caught:  # noqa: BLE001 - whatever the reason, the run has to say that it is still there
                name = type(caught).__name__
                log.error("%s: an output that is not safe could not be removed (%s)", item.ref.key, name)
                uri = join_uri(self._config.output, key)
                return Outcome(pending_removal_row(row, uri, version, item.replaces), unsafe_left=True)
        return Outcome(row)

    def _standing_version(self, item: WorkItem) -> str | None:
        """What stands in the output's place: so far only the manifest has said so, and nobody has looked."""
        try:
            return self._output.version(item.output_key)
        except ObjectError:
            return item.output_version


def _left_behind(item: WorkItem) -> Iterator[tuple[str, str | None]]:
    """(key, version) of the outputs of ours that an object has from before."""
    if item.old_output_key is not None:
        yield item.old_output_key, item.old_output_version
    if item.output_version is not None and not item.foreign:
        yield item.output_key, item.output_version


def _as_read(row: ManifestRow, computed: Computed) -> ManifestRow:
    """The row of an object without a safe image: what it holds is known all the same, if it could be read."""
    data = computed.data
    unread = not data.done() or data.exception() is not None
    if unread or not computed.item.decision.seen:
        return row
    return read_as(row, computed.item, hashlib.sha256(data.result()).hexdigest())
