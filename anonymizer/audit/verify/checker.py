"""One published file against its row, and a chunk of them: what the engine places on workers."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from anonymizer.config import RunConfig
from anonymizer.errors import DeadlinePassed, NotARegularFile, ObjectError, ScrubCheckFailed, SourceChanged, SourceGone
from anonymizer.image import metadata
from anonymizer.lake.roots import open_output
from anonymizer.records import Chunk, ChunkResult, ManifestRow, WorkItem
from anonymizer.run.worker import Deadline

log = logging.getLogger(__name__)

_READ_FINDINGS: dict[type[ObjectError], str] = {
    SourceGone: "missing",
    SourceChanged: "changed",
    NotARegularFile: "not_regular",
}
"""What it means that a listed output cannot be read; anything else is `unreadable`."""


@dataclass(frozen=True)
class _Answer:
    """How one item ended.

    Attributes:
        code: Of its finding; None = nothing found.
        size_bytes: Of what was read; None = nothing was.
        done: False = there was no time for it.
    """

    code: str | None = None
    size_bytes: int | None = None
    done: bool = True


class Checker:
    """Holds the connection to OUTPUT. Holds as many files at once as it has threads.

    Args:
        config: OUTPUT, how it is reached, and the number of threads.
    """

    def __init__(self, config: RunConfig) -> None:
        self._output = open_output(config)
        self._threads = config.engine.io_threads
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Nothing more is to be begun."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> ChunkResult:
        """Checks outputs; each item's `ref` is the listed output, its `standing` the row that names it.

        Returns:
            `codes` holds the findings by key; `statuses` every output that was read, `output_bytes` their size.
        """
        since = time.monotonic()
        deadline = Deadline(chunk.time_s, self._stopping)
        with ThreadPoolExecutor(self._threads) as pool:
            answers = list(pool.map(partial(self._check, deadline), chunk.items))
        pairs = list(zip(chunk.items, answers, strict=True))
        return ChunkResult(
            chunk_id=chunk.chunk_id,
            attempt=chunk.attempt,
            statuses={item.ref.key: _row(item).status for item, answer in pairs if answer.size_bytes is not None},
            codes={item.ref.key: answer.code for item, answer in pairs if answer.code is not None},
            conflicts=(),
            unfinished=tuple(item.ref.key for item, answer in pairs if not answer.done),
            unsafe_left=(),
            renamed={},
            face_count=0,
            redacted_count=0,
            source_bytes=0,
            output_bytes=sum(answer.size_bytes or 0 for answer in answers),
            busy_s=time.monotonic() - since,
        )

    def _check(self, deadline: Deadline, item: WorkItem) -> _Answer:
        try:
            deadline.check()
            data = self._output.read(item.ref)
        except DeadlinePassed:
            return _Answer(done=False)
        except ObjectError as error:
            return _Answer(_READ_FINDINGS.get(type(error), "unreadable"))
        except Exception as error:  # noqa: BLE001 - a filesystem's surprise is one object's finding
            log.warning("%s: unexpected %s while it was read", item.ref.key, type(error).__name__)
            return _Answer("unreadable")
        return _Answer(finding(data, _row(item)), len(data))


def finding(data: bytes, row: ManifestRow) -> str | None:
    """Whether published bytes are those of their row and hold nothing that we do not write.

    Args:
        data: The whole file.
        row: Names the output.

    Returns:
        `size_mismatch`, `hash_mismatch` or `container`, the first that holds; None if all is well.
    """
    if len(data) != row.output_size:
        return "size_mismatch"
    if hashlib.sha256(data).hexdigest() != row.output_sha256:
        return "hash_mismatch"
    if row.format is None or row.width is None or row.height is None or row.frame_count is None:
        return "container"
    try:
        metadata.check(data, row.format, row.width, row.height, row.frame_count, row.metadata_kept)
    except ScrubCheckFailed:
        return "container"
    except Exception as error:  # noqa: BLE001 - what the walker cannot follow is not proven
        log.warning("%s: unexpected %s in the check", row.key, type(error).__name__)
        return "container"
    return None


def _row(item: WorkItem) -> ManifestRow:
    assert item.kept_output is not None, "an output is checked against its row"  # noqa: S101 - the caller's defect
    return item.kept_output
