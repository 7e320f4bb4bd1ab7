"""Defines the results of a run: its counts, limits on failures, and the exit status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anonymizer.errors import ConfigError

#: Maximum number of failures in the closing table. The manifest has all of them; the driver's memory must stay bounded.
NAMED_FAILURES = 10
#: Maximum number of unmatched objections that are listed: each stands for a person whose objection has no effect yet.
NAMED_OBJECTIONS = 100

OK, UNEXPECTED, USAGE, FAILURES, VERIFY, UNSAFE_LEFT = 0, 1, 2, 3, 4, 5

#: Exit statuses of `anonymizer run`: the first that applies.
RUN_STATUSES = {
    UNEXPECTED: "other errors: the listing failed, no workers, another run has the lease, stopped by a signal",
    USAGE: "wrong usage, configuration, registry or OUTPUT, reported in one line before any work; with consent.strict "
    "an objection that matches no object, before anything new is published",
    UNSAFE_LEFT: "an output that is no longer safe could not be removed, for example because OUTPUT is not mounted; "
    "every run tries again",
    FAILURES: "more objects failed than --max-failures (default 0); nothing new of them was published, the others are "
    "safe",
    OK: "every object is safe",
}
#: Exit statuses of `anonymizer verify`; with --redact-suspects, 1, 2 and 5 may be those of the run.
VERIFY_STATUSES = {
    UNEXPECTED: "other errors, for example if the listing or the manifest cannot be read completely",
    USAGE: "wrong usage or no manifest",
    VERIFY: "there are findings; the table lists them",
    OK: "every published file matches its row and has only parts that this software writes, and no file or row is "
    "missing",
}


@dataclass(frozen=True)
class Estimate:
    """Estimated time of a run, from a sample of its objects.

    Attributes:
        sampled: Number of objects that were processed.
        failed: Number of these that would get a failed or skipped row.
        workers: Number of workers of the run.
        core_hours: Estimated computing time.
        apart: Half-width of its 95 % confidence interval, in core hours.
        core_price: Price of a core hour, if given.
    """

    sampled: int
    failed: int
    workers: int
    core_hours: float
    apart: float
    core_price: float | None

    @property
    def hours(self) -> float:
        """Wall-clock time with all workers, in hours."""
        return self.core_hours / self.workers


@dataclass
class Summary:
    """Results of a run: the closing table shows them, and the run's record stores them.

    Attributes:
        run_id: Empty before the run has begun.
        manifest_uri: Folder of the manifest.
        exit_status: 0: all outputs are safe; 3: too many objects failed; 5: an unsafe output could not be removed.
        listed: Number of objects that INPUT lists, or that `--keys` names.
        listed_bytes: Their size in bytes.
        unchanged: Number of these that had not changed and needed no processing.
        statuses: Number of the others, by the status of their new row; instead of a shard its pictures count.
        shards: Number of shards that were published.
        inside: Number of pictures in `statuses` that are inside shards.
        left_out: Number of things that were left out of shards, by name.
        codes: Number of failures, by error code.
        failures: (key, error code) of the first `NAMED_FAILURES` failures.
        faces: Number of faces found in the processed objects.
        redacted: Number of these that were redacted.
        output_bytes: Bytes published.
        removed_unsafe: Number of outputs that were taken down because their consent is no longer valid.
        removed_gone: Number of outputs that were pruned because their source no longer exists.
        removed_requested: Number of outputs that were removed because `--keys` requested it.
        missing: Keys in `--keys` that do not exist.
        gone: Number of outputs whose source no longer exists, pruned or not.
        recovered: Number of rows written for workers that died after publishing and before writing their rows.
        unsafe_left: Keys whose output has to be removed and could not be.
        current_failures: Number of current rows with status `failed`, of this run or an earlier one.
        registry_problems: Problems of the registry, one line each.
        registry_unmatched: Registry rows that match no listed object.
        objections_unmatched: Those of them that are objections.
        seconds: Duration of the run.
        first_result_s: Seconds until the first object was processed.
        stopped_early: The run stopped because of `--max-failures`.
        to_take_down: Dry run: number of outputs that a run would take down.
        estimate: Dry run with `--estimate`: its result.
    """

    run_id: str = ""
    manifest_uri: str = ""
    exit_status: int = UNEXPECTED
    listed: int = 0
    listed_bytes: int = 0
    unchanged: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    shards: int = 0
    inside: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    faces: int = 0
    redacted: int = 0
    output_bytes: int = 0
    removed_unsafe: int = 0
    removed_gone: int = 0
    removed_requested: int = 0
    missing: list[str] = field(default_factory=list)
    gone: int = 0
    recovered: int = 0
    unsafe_left: list[str] = field(default_factory=list)
    current_failures: int = 0
    registry_problems: tuple[str, ...] = ()
    registry_unmatched: tuple[int, ...] = ()
    objections_unmatched: tuple[int, ...] = ()
    seconds: float = 0.0
    first_result_s: float | None = None
    stopped_early: bool = False
    to_take_down: int = 0
    estimate: Estimate | None = None

    @property
    def written(self) -> int:
        """Number of objects that got a row in this run."""
        return sum(self.statuses.values()) - self.inside + self.shards


@dataclass(frozen=True)
class FailureLimit:
    """A limit as a number, or as a share of the current rows (`--max-failures`) or of the outputs (`--prune-limit`)."""

    number: int | None
    share: float | None

    def allowed(self, rows: int) -> float:
        """Returns how many of `rows` are within the limit."""
        return self.number if self.number is not None else rows * (self.share or 0.0)

    def stops(self, failed: int) -> bool:
        """Whether the run has to stop now. A share is checked only at the end, when the total is known."""
        return self.number is not None and failed > self.number


def failure_limit(text: str | None) -> FailureLimit | None:
    """Parses `--max-failures`: `5` or `2.5%`; returns None if it was not given.

    Raises:
        ConfigError: It is neither.
    """
    return parse_limit(text, "--max-failures") if text is not None else None


def parse_limit(text: str, option: str) -> FailureLimit:
    """Parses `5` or `2.5%`.

    Raises:
        ConfigError: It is neither; the message names the option.
    """
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if 0 <= share <= 1:
                return FailureLimit(None, share)
        elif int(text) >= 0:
            return FailureLimit(int(text), None)
    except ValueError:
        pass
    raise ConfigError(f"{option} takes a number or a share such as 5%, not {text!r}")


def exit_status(summary: Summary, limit: FailureLimit | None, rows: int) -> int:
    """Returns 5 if an unsafe output could not be removed, else 3 if too many objects failed, else 0.

    Args:
        summary: Results of the finished run.
        limit: `--max-failures`; without it no object may have failed.
        rows: Number of current rows of the manifest.
    """
    if summary.unsafe_left:
        return UNSAFE_LEFT
    allowed = limit.allowed(rows) if limit is not None else 0
    return FAILURES if summary.current_failures > allowed or summary.stopped_early else OK


def statuses_text(statuses: Mapping[int, str]) -> str:
    """Formats exit statuses as one paragraph for `--help`."""
    return "exit status, the first that applies: " + "; ".join(f"{status} {text}" for status, text in statuses.items())


def row_list(rows: Sequence[int], most: int) -> str:
    """Formats at most `most` row numbers: `4, 9, ...`."""
    return ", ".join([*map(str, rows[:most]), *(["..."] if len(rows) > most else [])])


def size_text(size_bytes: float) -> str:
    """Formats a size: `102.7 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
