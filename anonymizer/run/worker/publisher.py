"""Publishing: a safe image takes its place in OUTPUT, over exactly the version that the driver saw there."""

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
from anonymizer.run.rows import published_row
from anonymizer.run.worker.computer import Computed
from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.outcome import Outcome
from anonymizer.run.worker.unpublished import Unpublished

log = logging.getLogger(__name__)


class Publisher:
    """Ends items: publishes their images, or settles what objects without a safe image leave behind.

    Args:
        config: Of the run.
        output: OUTPUT.
        originals: The quarantine of a run in place, if originals are kept.
    """

    def __init__(self, config: RunConfig, output: Root, originals: Root | None) -> None:
        self._config = config
        self._output = output
        self._originals = originals
        self._unpublished = Unpublished(config, output)

    def intended_row(self, computed: Computed) -> ManifestRow | None:
        """The row that publishing will make true; None if nothing is to be published under the name that is planned."""
        item, image = computed.item, computed.image
        if not isinstance(image, AnonymizedImage) or _output_key(item, image) != item.output_key:
            return None
        return published_row(item, image, self._output_uri(item), None)

    def finish(self, computed: Computed, deadline: Deadline) -> Outcome:
        """Publishes the image, or settles what an object without one leaves behind.

        Raises:
            PublishConflict: Something else stands in the output's place than the driver saw.
            DeadlinePassed: The worker may not go on.
            OutputLost: OUTPUT is not there.
        """
        image = computed.image
        if isinstance(image, DeadlinePassed):
            raise image
        if isinstance(image, ObjectError):
            return self._unpublished.finish(computed, image, deadline)
        error: ObjectError
        try:
            self._keep_original(computed, image, deadline)
            return self._publish(computed.item, image, deadline)
        except (PublishConflict, DeadlinePassed, OutputLost):
            raise
        except ObjectError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a filesystem's surprise is one object's failure too
            log.warning("%s: unexpected %s while publishing", computed.item.ref.key, type(caught).__name__)
            error = InternalError()
        # The store may have taken the image and its answer may have been lost.
        return replace(self._unpublished.finish(computed, error, deadline), uncertain=True)

    def _keep_original(self, computed: Computed, image: AnonymizedImage, deadline: Deadline) -> None:
        """In place: what is about to be replaced goes to the quarantine first, under a name that its content has."""
        if self._originals is None:
            return
        deadline.check()
        self._originals.create(original_key(computed.item.ref.key, image.source_sha256), computed.data.result())

    def _publish(self, item: WorkItem, image: AnonymizedImage, deadline: Deadline) -> Outcome:
        output_key = _output_key(item, image)
        if output_key != item.output_key:
            if self._config.in_place:
                raise FormatInPlace
            # The driver fixed the version of another name; it has to look at this one first.
            return Outcome(conflict=True, renamed=output_key)
        if item.old_output_key is not None:
            # First what stands under a name that may not be any more: its row goes on naming it until it is gone.
            deadline.check()
            purge_ours(self._output, item.old_output_key, item.old_output_version, item.replaces)
        etag = self._write(item, image, deadline)
        if item.replaces is not None:
            self._output.forget_older(output_key)
        return Outcome(published_row(item, image, self._output_uri(item), etag))

    def _write(self, item: WorkItem, image: AnonymizedImage, deadline: Deadline) -> str:
        """Writes the image over the expected version; its new version."""
        try:
            return self._output.publish(
                item.output_key,
                image.data,
                expected=item.output_version,
                media_type=codec.MEDIA_TYPES[image.format],
                alive=deadline.check,
            )
        except PublishConflict:
            # Whoever wrote it, it is what we would have written.
            if self._config.in_place or not has_content(self._output, item.output_key, image.sha256):
                raise
            return self._output.get_with_version(item.output_key)[1]

    def _output_uri(self, item: WorkItem) -> str:
        return join_uri(self._config.output, item.output_key)


def _output_key(item: WorkItem, image: AnonymizedImage) -> str:
    """Where the image belongs; not where the driver looked, if the source is of another format than its name says."""
    return replaced(item.own_key, image.source_format, image.format)
