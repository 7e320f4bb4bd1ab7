"""A run's account: what was listed, what became of it, and which exit status follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anonymizer.errors import ConfigError

#: Failures that the closing table names. The manifest has all of them; the memory of the driver may not grow with them.
NAMED_FAILURES = 10
#: Objections without a match that are named: behind each is a person whose photo may be shown.
NAMED_OBJECTIONS = 100

OK, UNEXPECTED, USAGE, FAILURES, VERIFY, UNSAFE_LEFT = 0, 1, 2, 3, 4, 5

#: What `anonymizer run` ends with: the first that holds.
RUN_STATUSES = {
    UNEXPECTED: "anything unexpected: the listing broke off, no workers, another run at work, stopped by a signal",
    USAGE: "wrong usage, configuration, registry or OUTPUT, said in one line before any work; with consent.strict an "
    "objection that matches nothing, before anything new is published",
    UNSAFE_LEFT: "an output that is no longer safe could not be removed, or lies where OUTPUT is not mounted; every "
    "run tries again",
    FAILURES: "more objects than --max-failures (default 0) stand as failed; nothing of them was newly published, the "
    "others are safe",
    OK: "every object is safe",
}
#: What `anonymizer verify` ends with; with --redact-suspects, 1, 2 and 5 may be those of the run.
VERIFY_STATUSES = {
    UNEXPECTED: "anything unexpected, a listing or a manifest that cannot be read completely included",
    USAGE: "wrong usage or no manifest",
    VERIFY: "something was found; the table says what",
    OK: "every published file is what its row says, holds nothing that this software does not write, and none is "
    "missing or without a row",
}


@dataclass(frozen=True)
class Estimate:
    """How long a run would take, from a sample of its objects.

    Attributes:
        sampled: Objects that were done.
        failed: Those among them that would have become failed or skipped rows.
        workers: That the run would have.
        core_hours: Of computing.
        apart: How far `core_hours` may be off, in core hours, with 95 % confidence.
        core_price: Of a core hour, if it was said.
    """

    sampled: int
    failed: int
    workers: int
    core_hours: float
    apart: float
    core_price: float | None

    @property
    def hours(self) -> float:
        """Of wall-clock time with all workers."""
        return self.core_hours / self.workers


@dataclass
class Summary:
    """The account of a run; the closing table shows it, and the run's record keeps it.

    Attributes:
        run_id: Empty before the run has begun.
        manifest_uri: Folder of the manifest.
        exit_status: 0 all is safe, 3 failures stand, 5 something unsafe is left.
        listed: Objects that INPUT lists, or that `--keys` names.
        listed_bytes: Their bytes.
        unchanged: Those among them that there was nothing to do for.
        statuses: The others by the status of their new row.
        codes: Failures by error code.
        failures: (key, error code) of the first `NAMED_FAILURES` failures.
        faces: Found in the objects that were done.
        redacted: Those of them that were redacted.
        output_bytes: Published.
        removed_unsafe: Outputs that were taken down because they may not stand any more.
        removed_gone: Outputs that were pruned because their source is gone.
        removed_requested: Outputs that `--keys` wanted removed.
        missing: Keys that `--keys` names and that are not there.
        gone: Outputs whose source is gone, pruned or not.
        recovered: Rows written for workers that died after they had published.
        unsafe_left: Keys whose output may not stand and could not be removed.
        standing_failures: Current rows with status `failed`, of this run or an earlier one.
        registry_problems: What is odd about the registry, a line each.
        registry_unmatched: Its rows that match no listed object.
        objections_unmatched: Those among them that are objections.
        seconds: That the run took.
        first_result_s: Seconds until the first object was done.
        stopped_early: `--max-failures` was passed.
        to_take_down: Of a dry run: outputs that a run would take down.
        estimate: Of a dry run with `--estimate`.
    """

    run_id: str = ""
    manifest_uri: str = ""
    exit_status: int = UNEXPECTED
    listed: int = 0
    listed_bytes: int = 0
    unchanged: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
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
    standing_failures: int = 0
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
        """Objects that got their row in this run."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class FailureLimit:
    """A number, or a share: of the current rows (`--max-failures`), of the outputs (`--prune-limit`)."""

    number: int | None
    share: float | None

    def allowed(self, rows: int) -> float:
        """How many of so many it may be."""
        return self.number if self.number is not None else rows * (self.share or 0.0)

    def stops(self, failed: int) -> bool:
        """Whether a run at work stops now. A share is judged at the end: before, nobody knows of how many."""
        return self.number is not None and failed > self.number


def failure_limit(text: str | None) -> FailureLimit | None:
    """`5` or `2.5%`; None when no limit was given.

    Raises:
        ConfigError: It is neither.
    """
    return parse_limit(text, "--max-failures") if text is not None else None


def parse_limit(text: str, option: str) -> FailureLimit:
    """`5` or `2.5%`.

    Raises:
        ConfigError: It is neither; names the option.
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
    """The first that holds: something unsafe is left, too many objects stand as failed, all is safe.

    Args:
        summary: Of the finished run.
        limit: `--max-failures`; without it none may have failed.
        rows: Current rows of the manifest.
    """
    if summary.unsafe_left:
        return UNSAFE_LEFT
    allowed = limit.allowed(rows) if limit is not None else 0
    return FAILURES if summary.standing_failures > allowed or summary.stopped_early else OK


def statuses_text(statuses: Mapping[int, str]) -> str:
    """As `--help` says them, in one paragraph."""
    return "exit status, the first that holds: " + "; ".join(f"{status} {text}" for status, text in statuses.items())


def row_list(rows: Sequence[int], most: int) -> str:
    """`4, 9, ...`, so many at most."""
    return ", ".join([*map(str, rows[:most]), *(["..."] if len(rows) > most else [])])


def size_text(size_bytes: float) -> str:
    """`102.7 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
