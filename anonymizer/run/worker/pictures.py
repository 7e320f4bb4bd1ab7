"""Makes the pictures inside a shard safe, one after the other, and their manifest rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from anonymizer import shards
from anonymizer.config import RunConfig
from anonymizer.errors import DeadlinePassed, FormatInShard, ImageTimeout, ObjectError, ShardImageFailed
from anonymizer.records import ManifestRow, WorkItem
from anonymizer.run.inside import Names, left_out_row
from anonymizer.run.rows import failed_row, published_row
from anonymizer.run.worker.computer import Computed, Computer
from anonymizer.run.worker.contents import Contents
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.provenance import Provenance
from anonymizer.run.worker.standing import StandingPictures


class Pictures:
    """The pictures of one shard.

    Args:
        config: The run's settings.
        shard: The shard's item.
        contents: What is known about the pictures.
        computer: Anonymizes them.
        provenance: Completes their rows.
        standing: The pictures of the output that still stands, if there is one.
        attempt: Attempt of the chunk.
        deadline: Deadline of the chunk.
    """

    def __init__(
        self,
        config: RunConfig,
        shard: WorkItem,
        contents: Contents,
        computer: Computer,
        provenance: Provenance,
        standing: StandingPictures | None,
        attempt: int,
        deadline: Deadline,
    ) -> None:
        self._config = config
        self._shard = shard
        self._contents = contents
        self._computer = computer
        self._provenance = provenance
        self._standing = standing
        self._attempt = attempt
        self._deadline = deadline
        self._names = Names(shard.ref.key)
        self._rows: list[ManifestRow] = []

    def make(self, entry: shards.Entry) -> bytes | None:
        """The safe picture, in the format of its source; None if its sample has to be left out.

        Raises:
            DeadlinePassed: The worker may not continue.
            ImageTimeout: The picture took too long; the worker has to be restarted.
            ShardImageFailed: The picture cannot be made safe, and `shards.on_failure` is `fail`.
            RegistryChanged: See `Contents`.
        """
        self._deadline.check()
        key = self._names.key(entry.name)
        before = self._standing.rows.get(key) if self._standing is not None else None
        item = self._contents.item(self._shard, key, len(entry.data), before)
        copied = self._copied(item, entry, before)
        return copied if copied is not None else self._made(item, entry)

    def _made(self, item: WorkItem, entry: shards.Entry) -> bytes | None:
        data: Future[bytes] = Future()
        if entry.error is None:
            data.set_result(entry.data)
        else:
            data.set_exception(entry.error())
        began = time.monotonic()
        image = self._computer.image(item, data, self._deadline)
        computed = Computed(item, image, began, data)
        if isinstance(image, (DeadlinePassed, ImageTimeout)):
            raise image
        if isinstance(image, ObjectError):
            return self._failed(computed, image, entry.data)
        if image.format != image.source_format:
            return self._failed(computed, FormatInShard(), entry.data)
        self._add(published_row(item, image, "", None), computed)
        return image.data

    def rows(self, dropped: Collection[int], sha256: str) -> tuple[ManifestRow, ...]:
        """The rows of all pictures.

        Args:
            dropped: Positions of the pictures that are not in the output, in the order of `make`.
            sha256: SHA-256 of the shard's output.
        """
        rows = (left_out_row(row) if place in dropped else row for place, row in enumerate(self._rows))
        return tuple(replace(row, shard_sha256=sha256) for row in rows)

    def _copied(self, item: WorkItem, entry: shards.Entry, before: ManifestRow | None) -> bytes | None:
        """The bytes that stand for the picture already, if neither it nor consent or settings have changed."""
        if self._standing is None or before is None or self._config.force:
            return None
        made_by = self._provenance.settings_of(item)
        if before.settings_sha256 != made_by or before.consent_sha256 != item.decision.sha256:
            return None
        if before.source_sha256 != hashlib.sha256(entry.data).hexdigest():
            return None
        data = self._standing.find(before)
        if data is not None:
            again = replace(before, source_etag=item.ref.etag, attempt=self._attempt, processed_at=datetime.now(UTC))
            self._rows.append(again)
        return data

    def _failed(self, computed: Computed, error: ObjectError, data: bytes) -> bytes | None:
        on_failure = self._config.shards.on_failure
        if on_failure == "fail":
            raise ShardImageFailed
        self._add(failed_row(computed.item, error), computed)
        return self._computer.blanked(data) if on_failure == "blank" else None

    def _add(self, row: ManifestRow, computed: Computed) -> None:
        inside = replace(row, output_uri=None, shard=self._shard.ref.key)
        self._rows.append(self._provenance.complete(inside, self._attempt, computed))
