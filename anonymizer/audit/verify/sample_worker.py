"""Run the second detector on chunks of sampled photos; the engine runs this on its workers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from anonymizer.audit.verify.checker import finding
from anonymizer.audit.verify.redacted_pixels import RunSettings, decode_published, empty_masks, redacted_masks
from anonymizer.audit.verify.second_detector import FlipAugmented, PhotoResult, check_photo, detector_settings
from anonymizer.config import CodecConfig, DetectorConfig, RedactionConfig, RunConfig
from anonymizer.errors import DeadlinePassed, ObjectError, ScrubCheckFailed
from anonymizer.image import detectors
from anonymizer.lake.roots import open_output
from anonymizer.records import Chunk, ChunkResult, ManifestRow, WorkItem
from anonymizer.run.worker import Deadline

log = logging.getLogger(__name__)

DEFAULT_SETTINGS = RunSettings(DetectorConfig().padding, RedactionConfig(), CodecConfig())
"""Used for decoding a photo when the settings of its run are not known."""


@dataclass(frozen=True, slots=True)
class SampledPhoto(WorkItem):
    """A published photo of the sample; `ref` is the listed output, `standing` its row.

    Attributes:
        made: Settings of the run that published it; None = not known, so none of its pixels can be confirmed.
    """

    made: RunSettings | None = None


@dataclass(frozen=True, slots=True)
class SampleJob:
    """What each worker receives once, at its start.

    Attributes:
        config: OUTPUT, its storage options and the second detector's settings.
        weights: The second detector's weights.
    """

    config: RunConfig
    weights: detectors.Weights


@dataclass(frozen=True, slots=True)
class SampleChunkResult(ChunkResult):
    """Results by key below OUTPUT; photos that could not be checked are in `codes`."""

    looked: tuple[tuple[str, PhotoResult], ...] = ()


class SampleWorker:
    """Runs the second detector on sampled photos.

    Raises:
        ObjectError: The detector failed its known-answer test.
    """

    def __init__(self, job: SampleJob) -> None:
        self._output = open_output(job.config)
        self._threads = job.config.engine.io_threads
        self._detector = FlipAugmented(detectors.make(detector_settings(job.config.detector), job.weights))
        self._detector.self_test()
        # A worker processes two chunks at once, on two threads; the detector is used by one at a time.
        self._looking = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Asks the worker to start no further photo."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> SampleChunkResult:
        """Checks the photos of a chunk one after the other; files are prefetched."""
        since = time.monotonic()
        deadline = Deadline(chunk.time_s, self._stopping)
        looked: dict[str, PhotoResult] = {}
        left: list[str] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for item, data in zip(chunk.items, self._read(pool, chunk.items), strict=True):
                try:
                    with self._looking:
                        deadline.check()
                        looked[item.ref.key] = self._look(item, data)
                except DeadlinePassed:
                    left.append(item.ref.key)
                except Exception as error:  # noqa: BLE001 - an error concerns this one photo only
                    log.warning("%s: %s while the second detector checked it", item.ref.key, _named(error))
        done = {item.ref.key: item for item in chunk.items if item.ref.key not in left}
        return SampleChunkResult(
            chunk_id=chunk.chunk_id,
            attempt=chunk.attempt,
            statuses={key: _row(item).status for key, item in done.items() if key in looked},
            codes={key: "not_looked" for key in done if key not in looked},
            conflicts=(),
            renamed={},
            unfinished=tuple(left),
            unsafe_left=(),
            face_count=sum(one.faces for one in looked.values()),
            redacted_count=0,
            source_bytes=0,
            output_bytes=0,
            busy_s=time.monotonic() - since,
            looked=tuple(looked.items()),
        )

    def _read(self, pool: ThreadPoolExecutor, items: Sequence[WorkItem]) -> Iterator[Future[bytes]]:
        """Starts reading all items of a chunk, in order; a chunk is small enough to be held in memory."""
        return iter([pool.submit(self._output.read, item.ref) for item in items])

    def _look(self, item: WorkItem, data: Future[bytes]) -> PhotoResult:
        row, made = _row(item), item.made if isinstance(item, SampledPhoto) else None
        published = data.result()
        if finding(published, row) is not None:
            raise ScrubCheckFailed  # The file does not match its row; the check of all files reports how.
        picture = decode_published(published, row, made or DEFAULT_SETTINGS)
        masks = redacted_masks(picture, row, made) if made is not None else empty_masks(picture)
        return check_photo(picture, row, masks, self._detector)


def _named(error: Exception) -> str:
    """A name for the log; never the message of another library, which may quote data."""
    return error.code if isinstance(error, ObjectError) else type(error).__name__


def _row(item: WorkItem) -> ManifestRow:
    assert item.kept_output is not None, "a sampled photo comes with its row"  # noqa: S101 - a bug in the caller
    return item.kept_output
