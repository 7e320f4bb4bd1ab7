"""A chunk of published photos as a second detector sees them: what the engine places on workers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from anonymizer.audit.verify.checker import finding
from anonymizer.audit.verify.look import Looked, Mirrored, look, settings
from anonymizer.audit.verify.proof import MadeWith, decoded, nothing_proven, proven
from anonymizer.config import CodecConfig, DetectorConfig, RedactionConfig, RunConfig
from anonymizer.errors import DeadlinePassed, ObjectError, ScrubCheckFailed
from anonymizer.image import detectors
from anonymizer.lake.roots import open_output
from anonymizer.records import Chunk, ChunkResult, ManifestRow, WorkItem
from anonymizer.run.worker import Deadline

log = logging.getLogger(__name__)

UNKNOWN = MadeWith(DetectorConfig().padding, RedactionConfig(), CodecConfig())
"""How a photo is decoded whose run's settings are not known."""


@dataclass(frozen=True, slots=True)
class Drawn(WorkItem):
    """A published photo that was drawn; `ref` is the listed output, `standing` its row.

    Attributes:
        made: Settings of the run that published it; None = not known, so that no pixel of it is proven.
    """

    made: MadeWith | None = None


@dataclass(frozen=True, slots=True)
class LookJob:
    """What every worker is given once.

    Attributes:
        config: OUTPUT, how it is reached, and the second detector.
        weights: Of that detector.
    """

    config: RunConfig
    weights: detectors.Weights


@dataclass(frozen=True, slots=True)
class LookResult(ChunkResult):
    """What was seen, by key below OUTPUT; those that could not be looked at are in `codes`."""

    looked: tuple[tuple[str, Looked], ...] = ()


class Looker:
    """Holds the second detector and the connection to OUTPUT.

    Raises:
        ObjectError: The detector fails its known-answer test.
    """

    def __init__(self, job: LookJob) -> None:
        self._output = open_output(job.config)
        self._threads = job.config.engine.io_threads
        self._detector = Mirrored(detectors.make(settings(job.config.detector), job.weights))
        self._detector.self_test()
        # A worker holds two chunks at once, on two threads.
        self._looking = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Nothing more is to be begun."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> LookResult:
        """Looks at the outputs of a chunk, one after the other; they are read ahead."""
        since = time.monotonic()
        deadline = Deadline(chunk.time_s, self._stopping)
        looked: dict[str, Looked] = {}
        left: list[str] = []
        with ThreadPoolExecutor(self._threads) as pool:
            for item, data in zip(chunk.items, self._read(pool, chunk.items), strict=True):
                try:
                    with self._looking:
                        deadline.check()
                        looked[item.ref.key] = self._look(item, data)
                except DeadlinePassed:
                    left.append(item.ref.key)
                except Exception as error:  # noqa: BLE001 - whatever goes wrong with one photo stays with that photo
                    log.warning("%s: %s in the second look", item.ref.key, _named(error))
        done = {item.ref.key: item for item in chunk.items if item.ref.key not in left}
        return LookResult(
            chunk_id=chunk.chunk_id,
            attempt=chunk.attempt,
            statuses={key: _row(item).status for key, item in done.items() if key in looked},
            codes={key: "not_looked" for key in done if key not in looked},
            conflicts=(),
            renamed={},
            unfinished=tuple(left),
            unsafe_left=(),
            face_count=sum(one.seen for one in looked.values()),
            redacted_count=0,
            source_bytes=0,
            output_bytes=0,
            busy_s=time.monotonic() - since,
            looked=tuple(looked.items()),
        )

    def _read(self, pool: ThreadPoolExecutor, items: Sequence[WorkItem]) -> Iterator[Future[bytes]]:
        """The items' bytes in their order; a chunk has few enough of them to be held at once."""
        return iter([pool.submit(self._output.read, item.ref) for item in items])

    def _look(self, item: WorkItem, data: Future[bytes]) -> Looked:
        row, made = _row(item), item.made if isinstance(item, Drawn) else None
        published = data.result()
        if finding(published, row) is not None:
            raise ScrubCheckFailed  # Not what the row speaks of; the check of all outputs says what is wrong.
        picture = decoded(published, row, made or UNKNOWN)
        masks = proven(picture, row, made) if made is not None else nothing_proven(picture)
        return look(picture, row, masks, self._detector)


def _named(error: Exception) -> str:
    """What may be logged of an error: never a text of another library."""
    return error.code if isinstance(error, ObjectError) else type(error).__name__


def _row(item: WorkItem) -> ManifestRow:
    assert item.kept_output is not None, "an output is looked at with its row"  # noqa: S101 - the caller's defect
    return item.kept_output
