"""Makes and parses the names of runs and of the files in a manifest's folder.

    run_id=<run>/part-<number>.parquet                             the table, which Hive-aware readers see
    _journal/run_id=<run>/<chunk>-<attempt>-<rows>-<digest>.parquet    committed chunks, until they are compacted
    _intents/run_id=<run>/<chunk>-<attempt>-<rows>-<digest>.parquet    chunks that are about to be published
    _runs/<run>.json                                               one record per run
    _state/<run>.json, _state/<run>/part-<number>.parquet          the current rows at the end of that run
    _suspects/<run>-<digest>.jsonl                                 faces that `verify --sample` found (`boxes.suspects`)

Readers of Hive folders skip names with a leading underscore. The name of a journal part has the number of its rows, so
that compaction can decide from a listing alone, and a digest of its bytes, so that a repeated write is recognized and
two workers with the same attempt never overwrite each other's rows.
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
    """A committed chunk that is not compacted yet."""

    name: str
    run_id: str
    rows: int


def new_run_id(existing: Iterable[str], now: datetime, token: str | None = None) -> str:
    """Makes a run id, `r<UTC time>-<random>`, that is greater than all existing ones.

    Args:
        existing: All ids of the manifest (`ManifestStore.run_ids`).
        now: Current time, with a time zone. If it is not after that of the newest id, 1 µs is added to the latter.
        token: Letters and digits to use instead of random ones.
    """
    suffix = token or secrets.token_hex(4)
    newest = max(existing, default="")
    candidates = (f"{time.strftime(_STAMP)}-{suffix}" for time in (now.astimezone(UTC), _after(newest)) if time)
    # The default is for ids in another form: an id with an existing one as its prefix is greater.
    return next((candidate for candidate in candidates if candidate > newest), f"{newest}-{suffix}")


def _after(run_id: str) -> datetime | None:
    """The time of a run id plus 1 µs; None if the id has no time."""
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
    """Parses the name of an intent; returns None for any other name."""
    found = journal_part(JOURNAL + name.removeprefix(INTENTS)) if name.startswith(INTENTS) else None
    return found and found._replace(name=name)


def part_name(run_id: str, number: int) -> str:
    """Name of a compacted part."""
    return f"{parts_folder(run_id)}part-{number:05d}.parquet"


def journal_part(name: str) -> JournalPart | None:
    """Parses the name of a journal part; returns None for any other name."""
    match = _JOURNAL_NAME.fullmatch(name)
    return match and JournalPart(name, match["run_id"], int(match["rows"]))


def part_number(name: str) -> int:
    """Number of a compacted part; -1 for a Parquet file of other software."""
    match = _PART_NAME.fullmatch(name)
    return int(match["number"] or -1) if match else -1


def part_run_id(name: str) -> str | None:
    """Run of a compacted part (or of a Parquet file of other software); None for any other name."""
    match = _PART_NAME.fullmatch(name)
    return match and match["run_id"]


def record_run_id(name: str) -> str | None:
    """Run of a record; None for any other name."""
    match = _RECORD_NAME.fullmatch(name)
    return match and match["run_id"]


def state_name(run_id: str) -> str:
    """Name of the index of the current rows that a run saved."""
    return f"{STATE}{checked_run_id(run_id)}.json"


def state_part_name(run_id: str, number: int) -> str:
    """Name of a merged part that a run wrote."""
    return f"{STATE}{checked_run_id(run_id)}/part-{number:05d}.parquet"


def state_run_id(name: str) -> str | None:
    """Run of an index of the current rows; None for any other name."""
    match = _STATE_NAME.fullmatch(name)
    return match and match["run_id"]


def checked_run_id(run_id: str) -> str:
    """Returns the id if it is valid.

    Raises:
        ValueError: It cannot be part of a file's name.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is not a run id")
    return run_id
