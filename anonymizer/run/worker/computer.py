"""Anonymizes the bytes of one source at a time; the result is a safe image or an error."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from anonymizer.errors import DeadlinePassed, ImageTimeout, InternalError, ObjectError
from anonymizer.lake.storage import Stream
from anonymizer.people import consent
from anonymizer.pipeline import Anonymizer
from anonymizer.records import AnonymizedImage, AnonymizedShard, WorkItem
from anonymizer.run.sources import OpenShard
from anonymizer.run.worker.deadline import Deadline

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadedShard(AnonymizedShard):
    """A safe shard and its upload, which has to be finished or aborted."""

    upload: Stream


@dataclass(frozen=True)
class Computed:
    """Result of the computation for one item.

    Attributes:
        item: The object.
        image: Its safe image, or the error why there is none.
        began: Start of the computation, on the monotonic clock.
        data: The bytes of its source, or the error of reading them; a shard is read while it is computed.
    """

    item: WorkItem
    image: AnonymizedImage | UploadedShard | ObjectError
    began: float
    data: Future[bytes] | Future[OpenShard]


class Computer:
    """Anonymizes one image at a time. An error of an image becomes its result and affects no other image.

    Args:
        anonymizer: Detects and redacts.
        image_time_s: Time limit of an image, seconds.

    Attributes:
        hangs: An image exceeded the time limit. Only the end of the process can stop its thread, and until then no
            other image is computed.
    """

    def __init__(self, anonymizer: Anonymizer, image_time_s: float) -> None:
        self._anonymizer = anonymizer
        self._image_time_s = image_time_s
        # A thread of its own, so that the waiting thread can go on if an image never finishes.
        self._thread = ThreadPoolExecutor(1)
        self.hangs = False

    def compute(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> Computed:
        """Waits for the bytes and anonymizes them."""
        began = time.monotonic()
        return Computed(item, self.image(item, data, deadline), began, data)

    def blanked(self, data: bytes) -> bytes | None:
        """A gray picture of the same size and format; None if the picture cannot be decoded or encoded."""
        try:
            return self._anonymizer.blanked(data)
        except ObjectError:
            return None

    def image(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> AnonymizedImage | ObjectError:
        """The safe image, or the error why there is none."""
        if self.hangs:
            return DeadlinePassed()
        try:
            deadline.check()
            return self._anonymized(item, data.result())
        except ObjectError as error:
            return error
        except Exception as error:  # noqa: BLE001 - an error of one image must not affect the others
            log.warning("%s: unexpected %s", item.ref.key, type(error).__name__)
            return InternalError()

    def _anonymized(self, item: WorkItem, data: bytes) -> AnonymizedImage:
        decision = consent.held(item.decision, item.bound)
        image = self._thread.submit(self._anonymizer, data, decision, item.boxes, item.content)
        if wait([image], self._image_time_s).not_done:
            log.error("%s: takes longer than engine.image_time_s; this worker will be restarted", item.ref.key)
            self.hangs = True
            raise ImageTimeout
        return image.result()
