"""Computing: the bytes of a source become a safe image, or the error that says why they do not."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from anonymizer.errors import DeadlinePassed, ImageTimeout, InternalError, ObjectError
from anonymizer.people import consent
from anonymizer.pipeline import Anonymizer
from anonymizer.records import AnonymizedImage, WorkItem
from anonymizer.run.worker.deadline import Deadline

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Computed:
    """An item after its computing.

    Attributes:
        item: The object.
        image: Its safe image, or why there is none.
        began: When its computing began, on the monotonic clock.
        data: The bytes of its source, if they could be read.
    """

    item: WorkItem
    image: AnonymizedImage | ObjectError
    began: float
    data: Future[bytes]


class Computer:
    """Anonymizes one image at a time. Whatever goes wrong with an image stays with that image.

    Args:
        anonymizer: Detects and redacts.
        image_time_s: An image that takes longer is a failure.

    Attributes:
        hangs: An image took too long. Nothing can end its computing but the end of the process, and until then no
            other image is computed.
    """

    def __init__(self, anonymizer: Anonymizer, image_time_s: float) -> None:
        self._anonymizer = anonymizer
        self._image_time_s = image_time_s
        # A thread apart from the one that waits for it, which an image that never ends must not hold as well.
        self._thread = ThreadPoolExecutor(1)
        self.hangs = False

    def compute(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> Computed:
        """Waits for the bytes and makes the safe image of them."""
        began = time.monotonic()
        return Computed(item, self._image(item, data, deadline), began, data)

    def _image(self, item: WorkItem, data: Future[bytes], deadline: Deadline) -> AnonymizedImage | ObjectError:
        if self.hangs:
            return DeadlinePassed()
        try:
            deadline.check()
            return self._anonymized(item, data.result())
        except ObjectError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one image stays with that image
            log.warning("%s: unexpected %s", item.ref.key, type(error).__name__)
            return InternalError()

    def _anonymized(self, item: WorkItem, data: bytes) -> AnonymizedImage:
        decision = consent.held(item.decision, item.bound)
        image = self._thread.submit(self._anonymizer, data, decision, item.boxes, item.content)
        if wait([image], self._image_time_s).not_done:
            log.error("%s: it takes longer than engine.image_time_s; this worker has to end", item.ref.key)
            self.hangs = True
            raise ImageTimeout
        return image.result()
