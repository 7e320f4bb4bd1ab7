"""What travels between the driver and its workers."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.records.consent import ConsentDecision, Content
from anonymizer.records.faces import GivenBoxes
from anonymizer.records.listed import ImageRef
from anonymizer.records.results import ManifestRow, Status


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One object of a chunk.

    Attributes:
        ref: What was listed.
        decision: What the consent registry says about it.
        output_version: The output that publishing is tied to; None when the driver saw none.
        standing: The current row of that output if it is still safe under today's decision: it stays if the redo
            fails.
        name: Key of the output if it has the source's format; None = the source's key.
        expected: Key of the output that `output_version` speaks of, if its format is thought to be another one.
        boxes: Its faces as they are known from outside; None = nothing is.
        moved_from: Key of the output that the current row names where today's settings put it elsewhere: it goes.
        moved_version: Its version, as the row has it.
        replaces: SHA-256 of the output that the current row names, where there is one: its older versions go too.
        foreign: What stands in the output's place is not ours: it may be replaced, but is never removed.
        bound: What rows of the key have said so far of the content that grants were first seen with.
        origin: In place, where our own output is the source: the content that it was made from, which consent speaks
            of; None = the object's own.
    """

    ref: ImageRef
    decision: ConsentDecision
    output_version: str | None
    standing: ManifestRow | None = None
    name: str | None = None
    expected: str | None = None
    boxes: GivenBoxes | None = None
    moved_from: str | None = None
    moved_version: str | None = None
    replaces: str | None = None
    foreign: bool = False
    bound: tuple[str, ...] = ()
    origin: Content | None = None

    @property
    def content(self) -> Content:
        """What consent is held against, as far as it is known before the object is read."""
        return self.origin if self.origin is not None else Content(None, self.ref.etag)

    @property
    def own_key(self) -> str:
        """Where an output in the source's own format is published."""
        return self.name if self.name is not None else self.ref.key

    @property
    def output_key(self) -> str:
        """Where the output is expected, and where an older one is looked for."""
        return self.expected if self.expected is not None else self.own_key


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of scheduling, retry and commit.

    Attributes:
        chunk_id: Hash of its (key, version) list.
        attempt: 1 for the first dispatch; each dispatch raises it.
        epoch: The run's lease epoch.
        time_s: Seconds from its arrival, on the worker's own monotonic clock, after which the worker does nothing more.
    """

    chunk_id: str
    items: tuple[WorkItem, ...]
    attempt: int
    epoch: int
    time_s: float


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a worker tells the driver about a committed chunk: no pixels, no rows, only what counting needs.

    Attributes:
        statuses: Final status of each committed item, by key; a conflicted item is in `conflicts` instead.
        conflicts: Keys whose output was not the version fixed by the driver; they have no row yet.
        renamed: Of conflicted keys, the output key that the content asks for, where it is not the expected one.
        unfinished: Keys that the deadline left untouched; they have no row yet.
        unsafe_left: Keys with an output that is not safe and could not be removed.
        codes: `error_code` by key, for failed and skipped rows.
        busy_s: Seconds in which the worker computed.
        hangs: One of its threads does not come back: the worker has to be ended.
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
