"""Defines the messages between the driver and its workers: work items, chunks and their results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from anonymizer.records.consent import ConsentDecision, Content
from anonymizer.records.faces import GivenBoxes
from anonymizer.records.listed import ImageRef
from anonymizer.records.results import ManifestRow, Status


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One object of a chunk.

    Attributes:
        ref: The listed source object.
        decision: What the consent registry says about it.
        output_version: Version of the existing output, which publishing may replace; None = the driver saw none, and
            publishing creates the output.
        kept_output: Manifest row of the existing output, if that is still safe under the current decision: the output
            stays published if processing fails this time. None = there is none, or it has to be removed.
        name: Key of the output if it has the source's format; None = the source's key.
        expected: Key of the output that `output_version` belongs to, if the output probably gets another format.
        boxes: Boxes of faces that the user supplied (`--boxes`); None = none.
        old_output_key: Key of the existing output if the settings now give it another key: it is removed.
        old_output_version: Version of that output in its manifest row.
        replaces: SHA-256 of the output that the current row names, if any: its older versions are removed too.
        foreign: The file under the output's key was not written by this software: it may be replaced (`--adopt
            replace`), but is never removed.
        bound: What earlier rows of the key recorded about the content that grants were first seen with.
        origin: In place, if the source is an output of an earlier run: the original content, which consent is checked
            against; None = the content of the source itself.
    """

    ref: ImageRef
    decision: ConsentDecision
    output_version: str | None
    kept_output: ManifestRow | None = None
    name: str | None = None
    expected: str | None = None
    boxes: GivenBoxes | None = None
    old_output_key: str | None = None
    old_output_version: str | None = None
    replaces: str | None = None
    foreign: bool = False
    bound: tuple[str, ...] = ()
    origin: Content | None = None

    @property
    def content(self) -> Content:
        """The content that consent is checked against, as far as it is known before the object is read."""
        return self.origin if self.origin is not None else Content(None, self.ref.etag)

    @property
    def own_key(self) -> str:
        """Key of the output if it has the source's format."""
        return self.name if self.name is not None else self.ref.key

    @property
    def output_key(self) -> str:
        """Key that the output probably gets, and under which an existing output is looked up."""
        return self.expected if self.expected is not None else self.own_key


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of scheduling, retry and commit.

    Attributes:
        chunk_id: Hash of the (key, version) pairs of its items.
        attempt: 1 for the first dispatch; each further dispatch adds 1.
        epoch: Epoch of the run's lease.
        time_s: Seconds from its arrival, on the worker's monotonic clock, after which the worker stops working on it.
    """

    chunk_id: str
    items: tuple[WorkItem, ...]
    attempt: int
    epoch: int
    time_s: float


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a worker returns to the driver for a committed chunk: no pixels and no rows, only what the driver counts.

    Attributes:
        statuses: Final status of each committed item, by key, and instead of a shard that of its pictures; items with a
            conflict are in `conflicts` instead.
        conflicts: Keys whose output was not the version that the driver saw; they have no row yet.
        renamed: For keys in `conflicts` whose content has another format than expected: the output key for it.
        unfinished: Keys that were not processed before the deadline; they have no row yet.
        unsafe_left: Keys with an output that is not safe and could not be removed.
        codes: `error_code` by key, for failed and skipped rows.
        busy_s: Seconds that the worker spent computing.
        hangs: One of the worker's threads hangs: the driver has to kill the worker.
        shard_count: Number of shards that were published; they have no entry in `statuses`.
        inside_count: Number of entries in `statuses` of pictures inside shards.
        left_out: Number of things that were left out of shards, by name.
    """

    chunk_id: str
    attempt: int
    statuses: dict[str, Status]
    codes: dict[str, str]
    conflicts: tuple[str, ...]
    renamed: dict[str, str]
    unfinished: tuple[str, ...]
    unsafe_left: tuple[str, ...]
    face_count: int
    redacted_count: int
    source_bytes: int
    output_bytes: int
    busy_s: float
    hangs: bool = False
    shard_count: int = 0
    inside_count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
