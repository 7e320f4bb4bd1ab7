"""Compare published files with their manifest rows, a chunk at a time; the engine runs this on its workers."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from anonymizer.audit.verify.shard_checker import ShardChecker
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
"""The finding for each error on reading a listed output; any other error is `unreadable`."""


@dataclass(frozen=True)
class _Answer:
    """The result for one item.

    Attributes:
        code: The finding's code; None = no finding.
        size_bytes: Number of bytes read; None = the file was not read.
        done: False = the chunk's deadline passed before the file was read.
    """

    code: str | None = None
    size_bytes: int | None = None
    done: bool = True


class Checker:
    """Checks published files. Holds one file in memory per thread.

    Args:
        config: OUTPUT, its storage options and the number of threads.
    """

    def __init__(self, config: RunConfig) -> None:
        self._output = open_output(config)
        self._shards = ShardChecker(config, self._output, finding)
        self._threads = config.engine.io_threads
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Asks the checker to start no further file."""
        self._stopping.set()

    def process(self, chunk: Chunk) -> ChunkResult:
        """Checks outputs; each item's `ref` is the listed output, its `standing` the manifest row that names it.

        Returns:
            `codes` has the findings by key, `statuses` every output that was read, `output_bytes` their total size.
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
        row = _row(item)
        try:
            deadline.check()
            if row.is_shard:
                return _Answer(self._shards.finding(item.ref, row, deadline), item.ref.size)
            data = self._output.read(item.ref)
        except DeadlinePassed:
            return _Answer(done=False)
        except ObjectError as error:
            return _Answer(_READ_FINDINGS.get(type(error), "unreadable"))
        except Exception as error:  # noqa: BLE001 - an unexpected storage error is a finding for this one object
            log.warning("%s: unexpected %s while reading", item.ref.key, type(error).__name__)
            return _Answer("unreadable")
        return _Answer(finding(data, row), len(data))


def finding(data: bytes, row: ManifestRow) -> str | None:
    """Checks that published bytes match their row and that their container holds nothing but what a run writes.

    Args:
        data: The whole file.
        row: The manifest row that names the output.

    Returns:
        The first of `size_mismatch`, `hash_mismatch` and `container` that applies; None if the file is as expected.
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
    except Exception as error:  # noqa: BLE001 - a container that cannot be parsed is not known to be safe
        log.warning("%s: unexpected %s in the container check", row.key, type(error).__name__)
        return "container"
    return None


def _row(item: WorkItem) -> ManifestRow:
    assert item.kept_output is not None, "an output is checked against its row"  # noqa: S101 - a bug in the caller
    return item.kept_output
