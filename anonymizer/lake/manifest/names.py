"""Names of runs and of what lies in a manifest's folder.

    run_id=<run>/part-<number>.parquet                             the table; what Hive-aware readers see
    _journal/run_id=<run>/<chunk>-<attempt>-<rows>-<digest>.parquet    committed chunks, until they are folded
    _intents/run_id=<run>/<chunk>-<attempt>-<rows>-<digest>.parquet    chunks that are about to be published
    _runs/<run>.json                                               one record per run
    _state/<run>.json, _state/<run>/part-<number>.parquet          the current rows as that run left them
    _suspects/<run>-<digest>.jsonl                                 faces that a second look has seen (`boxes.suspects`)

Readers of Hive folders skip names with a leading underscore. A journal part says in its name how many rows it holds,
so that compaction knows from a listing alone whether there is enough to fold, and which bytes, so that a repeated
write finds itself and two workers that hold one attempt never hide each other's rows.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

JOURNAL, INTENTS, PARTS, RUNS, STATE = "_journal/", "_intents/", "run_id=", "_runs/", "_state/"

_RUN = r"(?P<run_id>r[0-9A-Za-z.-]+)"
_RUN_ID = re.compile(_RUN)
_CHUNK_ID = re.compile(r"[0-9A-Za-z_]+")
_JOURNAL_NAME = re.compile(rf"_journal/run_id={_RUN}/\w+-\d+-(?P<rows>\d+)-[0-9a-f]{{16}}\.parquet")
_PART_NAME = re.compile(rf"run_id={_RUN}/(?:part-(?P<number>\d+)|[^._/][^/]*)\.parquet")
_RECORD_NAME = re.compile(rf"_runs/{_RUN}\.json")
_STATE_NAME = re.compile(rf"_state/{_RUN}\.json")
_STAMP = "r%Y%m%dT%H%M%S%fZ"


class JournalPart(NamedTuple):
    """One committed chunk, not folded yet."""

    name: str
    run_id: str
    rows: int


def new_run_id(existing: Iterable[str], now: datetime, token: str | None = None) -> str:
    """A run id, `r<UTC time>-<random>`, greater than all that are there.

    Args:
        existing: Every id of the manifest (`ManifestStore.run_ids`).
        now: With a zone. A clock that stands still or runs backwards does no harm: the newest id's time counts on.
        token: Letters and digits instead of random ones.
    """
    suffix = token or secrets.token_hex(4)
    newest = max(existing, default="")
    candidates = (f"{time.strftime(_STAMP)}-{suffix}" for time in (now.astimezone(UTC), _after(newest)) if time)
    # The last resort is for ids that were not made here: whatever begins with one is greater.
    return next((candidate for candidate in candidates if candidate > newest), f"{newest}-{suffix}")


def _after(run_id: str) -> datetime | None:
    """The first moment after that of a run id; None if it names none."""
    try:
        return datetime.strptime(run_id.partition("-")[0], _STAMP).replace(tzinfo=UTC) + timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def journal_folder(run_id: str) -> str:
    """Prefix of a run's journal parts."""
    return f"{JOURNAL}run_id={checked_run_id(run_id)}/"


def parts_folder(run_id: str) -> str:
    """Prefix of a run's compacted parts."""
    return f"{PARTS}{checked_run_id(run_id)}/"


def record_name(run_id: str) -> str:
    """Name of a run's record."""
    return f"{RUNS}{checked_run_id(run_id)}.json"


def journal_name(run_id: str, chunk_id: str, attempt: int, rows: int, data: bytes) -> str:
    """Name of the journal part with these bytes."""
    if not _CHUNK_ID.fullmatch(chunk_id):
        raise ValueError(f"{chunk_id!r} cannot be part of a file's name")
    return f"{journal_folder(run_id)}{chunk_id}-{attempt}-{rows}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"


def intent_name(run_id: str, chunk_id: str, attempt: int, rows: int, data: bytes) -> str:
    """Name of the intent with these bytes."""
    return INTENTS + journal_name(run_id, chunk_id, attempt, rows, data).removeprefix(JOURNAL)


def intents_of(run_id: str, chunk_id: str) -> str:
    """Prefix of a chunk's intents."""
    return f"{INTENTS}run_id={checked_run_id(run_id)}/{chunk_id}"


def intent(name: str) -> JournalPart | None:
    """What a name says about an intent; None for any other name."""
    found = journal_part(JOURNAL + name.removeprefix(INTENTS)) if name.startswith(INTENTS) else None
    return found and found._replace(name=name)


def part_name(run_id: str, number: int) -> str:
    """Name of a compacted part."""
    return f"{parts_folder(run_id)}part-{number:05d}.parquet"


def journal_part(name: str) -> JournalPart | None:
    """What a name says about a journal part; None for any other name."""
    match = _JOURNAL_NAME.fullmatch(name)
    return match and JournalPart(name, match["run_id"], int(match["rows"]))


def part_number(name: str) -> int:
    """Number of a compacted part; -1 for a table that somebody else wrote there."""
    match = _PART_NAME.fullmatch(name)
    return int(match["number"] or -1) if match else -1


def part_run_id(name: str) -> str | None:
    """Run of a compacted part (or of a table that somebody else wrote there); None for any other name."""
    match = _PART_NAME.fullmatch(name)
    return match and match["run_id"]


def record_run_id(name: str) -> str | None:
    """Run of a record; None for any other name."""
    match = _RECORD_NAME.fullmatch(name)
    return match and match["run_id"]


def state_name(run_id: str) -> str:
    """Name of the index of the current rows as a run left them."""
    return f"{STATE}{checked_run_id(run_id)}.json"


def state_part_name(run_id: str, number: int) -> str:
    """Name of a part of the current rows that a run has merged."""
    return f"{STATE}{checked_run_id(run_id)}/part-{number:05d}.parquet"


def state_run_id(name: str) -> str | None:
    """Run of an index of the current rows; None for any other name."""
    match = _STATE_NAME.fullmatch(name)
    return match and match["run_id"]


def checked_run_id(run_id: str) -> str:
    """The id itself.

    Raises:
        ValueError: It cannot be part of a file's name.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is no run id")
    return run_id
