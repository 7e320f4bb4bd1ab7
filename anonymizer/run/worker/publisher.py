"""Publishes safe images to OUTPUT, each only over the version of the output that the driver saw."""

from __future__ import annotations

import logging
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import DeadlinePassed, FormatInPlace, InternalError, ObjectError, OutputLost, PublishConflict
from anonymizer.image import codec
from anonymizer.lake.naming import replaced
from anonymizer.lake.outputs import has_content, purge_ours
from anonymizer.lake.roots import original_key
from anonymizer.lake.storage import Root, join_uri
from anonymizer.records import AnonymizedImage, ManifestRow, WorkItem
from anonymizer.run.rows import published_row, shard_row
from anonymizer.run.worker.computer import Computed, UploadedShard
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.outcome import Outcome
from anonymizer.run.worker.unpublished import Unpublished

log = logging.getLogger(__name__)


class Publisher:
    """Finishes items: publishes their images, or keeps or removes the older output of objects without a safe image.

    Args:
        config: The run's settings.
        output: OUTPUT.
        originals: In place: folder for the originals, if they are kept.
    """

    def __init__(self, config: RunConfig, output: Root, originals: Root | None) -> None:
        self._config = config
        self._output = output
        self._originals = originals
        self._unpublished = Unpublished(config, output)

    def intended_rows(self, computed: Computed) -> tuple[ManifestRow, ...]:
        """The rows of what will be published under the planned key: of an image, or of a shard and its pictures."""
        item, image = computed.item, computed.image
        if isinstance(image, UploadedShard):
            return (shard_row(item, image, self._output_uri(item), None), *image.inside)
        if not isinstance(image, AnonymizedImage) or _output_key(item, image) != item.output_key:
            return ()
        return (published_row(item, image, self._output_uri(item), None),)

    def finish(self, computed: Computed, deadline: Deadline) -> Outcome:
        """Publishes the image; without one keeps or removes the object's older output.

        Raises:
            PublishConflict: The output is not the version that the driver saw.
            DeadlinePassed: The worker may not continue.
            OutputLost: OUTPUT is missing.
        """
        image = computed.image
        if isinstance(image, DeadlinePassed):
            raise image
        if isinstance(image, ObjectError):
            return self._unpublished.finish(computed, image, deadline)
        error: ObjectError
        try:
            if isinstance(image, UploadedShard):
                return self._publish_shard(computed.item, image, deadline)
            self._keep_original(computed, image, deadline)
            return self._publish(computed.item, image, deadline)
        except (PublishConflict, DeadlinePassed, OutputLost):
            raise
        except ObjectError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - an unexpected error of the filesystem fails one object only
            log.warning("%s: unexpected %s while publishing", computed.item.ref.key, type(caught).__name__)
            error = InternalError()
        # The store may have accepted the image although its response was lost.
        return replace(self._unpublished.finish(computed, error, deadline), uncertain=True)

    def _keep_original(self, computed: Computed, image: AnonymizedImage, deadline: Deadline) -> None:
        """In place: copies the original to the folder for originals before it is replaced, named after its content."""
        if self._originals is None:
            return
        deadline.check()
        data = computed.data.result()
        if isinstance(data, bytes):
            self._originals.create(original_key(computed.item.ref.key, image.source_sha256), data)

    def _publish(self, item: WorkItem, image: AnonymizedImage, deadline: Deadline) -> Outcome:
        output_key = _output_key(item, image)
        if output_key != item.output_key:
            if self._config.in_place:
                raise FormatInPlace
            # The driver looked up the version under another key; it has to look up this one first.
            return Outcome(conflict=True, renamed=output_key)
        self._remove_moved(item, deadline)
        etag = self._write(item, image, deadline)
        if item.replaces is not None:
            self._output.forget_older(output_key)
        return Outcome(published_row(item, image, self._output_uri(item), etag))

    def _publish_shard(self, item: WorkItem, shard: UploadedShard, deadline: Deadline) -> Outcome:
        self._remove_moved(item, deadline)
        try:
            etag = shard.upload.finish()
        except PublishConflict:
            # See `_write`.
            if not has_content(self._output, item.output_key, shard.sha256):
                raise
            etag = self._output.version(item.output_key) or ""
        if item.replaces is not None:
            self._output.forget_older(item.output_key)
        return Outcome(shard_row(item, shard, self._output_uri(item), etag), inside=shard.inside)

    def _remove_moved(self, item: WorkItem, deadline: Deadline) -> None:
        """Removes the output under its old key first, because until then the current row still names it."""
        if item.old_output_key is not None:
            deadline.check()
            purge_ours(self._output, item.old_output_key, item.old_output_version, item.replaces)

    def _write(self, item: WorkItem, image: AnonymizedImage, deadline: Deadline) -> str:
        """Writes the image over the expected version; returns the new version."""
        try:
            return self._output.publish(
                item.output_key,
                image.data,
                expected=item.output_version,
                media_type=codec.MEDIA_TYPES[image.format],
                check=deadline.check,
            )
        except PublishConflict:
            # No conflict if the output has the same content already, for example from an earlier attempt.
            if self._config.in_place or not has_content(self._output, item.output_key, image.sha256):
                raise
            return self._output.get_with_version(item.output_key)[1]

    def _output_uri(self, item: WorkItem) -> str:
        return join_uri(self._config.output, item.output_key)


def _output_key(item: WorkItem, image: AnonymizedImage) -> str:
    """Output key of the image; differs from the expected key if the source's format is not that of its extension."""
    return replaced(item.own_key, image.source_format, image.format)
