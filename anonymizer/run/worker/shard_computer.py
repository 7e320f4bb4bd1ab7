"""Anonymizes a shard: the same shard is written as a stream, with every picture in it made safe.

The new shard is uploaded while it is made and becomes visible only when `Publisher` finishes the upload.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager

from anonymizer import shards
from anonymizer.config import RunConfig
from anonymizer.errors import ArchiveUnread, InternalError, NotAnImage, ObjectError, ShardSettings, TableUnread
from anonymizer.lake.storage import Root
from anonymizer.records import ImageRef, WorkItem
from anonymizer.run.sources import OpenShard
from anonymizer.run.worker.computer import Computed, Computer, UploadedShard
from anonymizer.run.worker.contents import Contents
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.pictures import Pictures
from anonymizer.run.worker.provenance import Provenance
from anonymizer.run.worker.standing import StandingPictures

log = logging.getLogger(__name__)


class ShardComputer:
    """Anonymizes one shard at a time.

    Args:
        config: The run's settings.
        output: OUTPUT.
        computer: Anonymizes the pictures.
        contents: What is known about them.
        provenance: Completes their rows.
    """

    def __init__(
        self, config: RunConfig, output: Root, computer: Computer, contents: Contents, provenance: Provenance
    ) -> None:
        self._config = config
        self._output = output
        self._computer = computer
        self._contents = contents
        self._provenance = provenance

    def compute(self, item: WorkItem, opened: Future[OpenShard], attempt: int, deadline: Deadline) -> Computed:
        """Writes the safe shard into an upload, which `Publisher` has to finish or abort.

        Args:
            item: The shard.
            opened: Its source, which is closed at the end.
            attempt: Attempt of the chunk, for the pictures' rows.
            deadline: Deadline of the chunk.
        """
        began = time.monotonic()
        made: UploadedShard | ObjectError
        with opened.result() as source:
            try:
                made = self._made(item, source, attempt, deadline)
            except ObjectError as error:
                made = error
            except Exception as error:  # noqa: BLE001 - an error of one shard must not affect other objects
                log.warning("%s: unexpected %s", item.ref.key, type(error).__name__)
                made = InternalError()
        return Computed(item, made, began, opened)

    def _made(self, item: WorkItem, source: OpenShard, attempt: int, deadline: Deadline) -> UploadedShard:
        if self._config.in_place or self._config.names != "same":
            raise ShardSettings
        dropped: frozenset[str] = frozenset()
        while True:
            try:
                return self._written(item, source, attempt, deadline, dropped)
            except shards.Again as again:
                # A sample that failed after a part of it was written: leave it out from the start.
                dropped |= again.dropped

    def _written(
        self, item: WorkItem, source: OpenShard, attempt: int, deadline: Deadline, dropped: frozenset[str]
    ) -> UploadedShard:
        with ExitStack() as uploading, self._standing(item, source) as standing:
            deadline.check()
            upload = uploading.enter_context(
                self._output.publish_stream(
                    item.output_key,
                    expected=item.output_version,
                    media_type=shards.MEDIA_TYPES[source.kind],
                    check=deadline.check,
                    size_hint=item.ref.size,
                )
            )
            pictures = Pictures(
                self._config, item, self._contents, self._computer, self._provenance, standing, attempt, deadline
            )
            source.file.seek(0)
            report = shards.rewrite(
                source.kind,
                source.file,
                upload.write,
                pictures.make,
                self._config.shards,
                dropped=dropped,
                max_bytes=self._config.codec.max_bytes,
            )
            if not report.pictures_in:
                raise _unread(source.kind) if report.may_hide_pictures else NotAnImage
            uploading.pop_all()
        return UploadedShard(
            format=source.kind,
            sha256=upload.sha256,
            size_bytes=upload.size,
            inside=pictures.rows(report.dropped, upload.sha256),
            left_out=tuple(f"{name}: {number}" for name, number in sorted(report.left_out.items())),
            upload=upload,
        )

    @contextmanager
    def _standing(self, item: WorkItem, source: OpenShard) -> Iterator[StandingPictures | None]:
        """The pictures of the output that still stands, if the item's row names one."""
        if item.output_version is None or item.replaces is None or item.foreign:
            yield None
            return
        found = self._output.stat(item.output_key)
        if not isinstance(found, ImageRef) or found.etag != item.output_version:
            yield None
            return
        with self._output.open_source(found) as file:
            yield StandingPictures(source.kind, file, self._contents.rows(item.ref.key))


def _unread(kind: shards.Kind) -> type[ObjectError]:
    """The error of a shard that has no picture and something that may hold some."""
    return TableUnread if kind == "parquet" else ArchiveUnread
