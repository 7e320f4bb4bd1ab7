"""Shows the progress of a run, and formats the closing table."""

from __future__ import annotations

import logging
import math
import time
from typing import Any, TextIO

from tqdm import tqdm

from anonymizer import sanitize
from anonymizer.run.summary import NAMED_FAILURES, NAMED_OBJECTIONS, Estimate, Summary, row_list, size_text

log = logging.getLogger(__name__)

#: Seconds between two log lines when there is no terminal.
LOG_EVERY_S = 30.0


class TerminalProgress:
    """Shows a progress bar with images/s, faces, failures and remaining time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None
        self._faces = 0

    def start(self, run_id: str, unchanged: int) -> None:
        self._bar = tqdm(desc=run_id, initial=unchanged, unit=" images", file=self._stream, dynamic_ncols=True)

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None:
        if self._bar is None:
            return
        self._faces += faces
        self._bar.total = max(listed, self._bar.n + images)
        self._bar.set_postfix(faces=self._faces, failed=failures, refresh=False)
        self._bar.update(images)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class LogProgress:
    """Logs a line with the progress every `LOG_EVERY_S` seconds."""

    def __init__(self) -> None:
        self._since = self._last = time.monotonic()
        self._images = self._faces = 0

    def start(self, run_id: str, unchanged: int) -> None:
        self._since = self._last = time.monotonic()
        log.info("run %s started; %d objects unchanged", run_id, unchanged)

    def advance(self, images: int, faces: int, failures: int, listed: int) -> None:
        self._images += images
        self._faces += faces
        now = time.monotonic()
        if now - self._last < LOG_EVERY_S:
            return
        self._last = now
        rate = self._images / (now - self._since)
        log.info(
            "%d of %d objects listed so far processed, %.1f images/s, %d faces, %d failed",
            *(self._images, listed, rate, self._faces, failures),
        )

    def close(self) -> None:
        """Does nothing: a log line needs no closing."""


#: Number of names in the closing table of what was left out of shards.
NAMED_LEFT_OUT = 8


def closing_table(summary: Summary) -> str:
    """Formats the results of a run as a table for the terminal."""
    rate = summary.written / summary.seconds if summary.seconds else 0.0
    lines = [("run", summary.run_id or "(dry run)"), ("listed", f"{summary.listed}, {size_text(summary.listed_bytes)}")]
    if summary.unchanged:
        lines.append(("unchanged", str(summary.unchanged)))
    if summary.shards:
        lines.append(("shards", f"{summary.shards} published, {summary.inside} images inside"))
    if summary.left_out:
        lines.append(("left out", f"{_left_out(summary)} of shards; --set shards.keep=NAME,... keeps them"))
    lines += [(status, str(count)) for status, count in sorted(summary.statuses.items())]
    if summary.run_id:
        lines += [
            ("faces", f"{summary.faces}, {summary.redacted} of them redacted"),
            ("published", size_text(summary.output_bytes)),
            ("time", f"{summary.seconds:.1f} s, {rate:.1f} images/s{_first(summary)}"),
        ]
    if summary.to_take_down:
        lines.append(("to take down", f"{summary.to_take_down} outputs whose consent is no longer valid"))
    if summary.estimate is not None:
        lines.append(("estimate", _estimated(summary.estimate)))
    if summary.removed_unsafe:
        lines.append(("taken down", f"{summary.removed_unsafe} outputs whose consent is no longer valid"))
    if summary.removed_gone:
        lines.append(("pruned", f"{summary.removed_gone} objects whose source no longer exists"))
    if summary.removed_requested:
        lines.append(("taken down", f"{summary.removed_requested} outputs requested by --keys"))
    if summary.recovered:
        lines.append(("recovered", f"{summary.recovered} rows of outputs that a crashed run or worker had published"))
    if summary.codes:
        lines.append(("errors", ", ".join(f"{code} {count}" for code, count in sorted(summary.codes.items()))))
    lines.append(("manifest", summary.manifest_uri))
    lines.append(("exit status", str(summary.exit_status)))
    width = max(len(name) for name, _ in lines)
    table = [f"{name:<{width}}  {value}" for name, value in lines]
    return "\n".join([*table, *_notes(summary)])


def _left_out(summary: Summary) -> str:
    """Formats what was left out of shards, the most frequent first."""
    named = summary.left_out.most_common(NAMED_LEFT_OUT)
    more = len(summary.left_out) - len(named)
    return ", ".join(f"{sanitize.name(name)} {number}" for name, number in named) + (
        f" and {more} more" if more else ""
    )


def _estimated(estimate: Estimate) -> str:
    """Formats the estimated time with its uncertainty, and the cost."""
    known = estimate.core_hours > 0 and math.isfinite(estimate.apart)
    share = f" ± {estimate.apart / estimate.core_hours:.0%}" if known else ""
    cost = (
        f", {estimate.core_price * estimate.core_hours:.2f} at {estimate.core_price:g}" if estimate.core_price else ""
    )
    failed = f", {estimate.failed} of them failed" if estimate.failed else ""
    return (
        f"{estimate.hours:.3g} h ({60 * estimate.hours:.2g} min) with {estimate.workers} workers on such cores; "
        f"{estimate.core_hours:.3g} core hours{share}{cost} (from {estimate.sampled} objects{failed})"
    )


def _notes(summary: Summary) -> list[str]:
    notes = [f"failed: {sanitize.name(key)} ({code})" for key, code in summary.failures[:NAMED_FAILURES]]
    more = summary.statuses["failed"] - NAMED_FAILURES
    if more > 0:
        notes.append(f"failed: {more} more, see the manifest")
    if summary.stopped_early:
        notes.append("stopped early: more failures than --max-failures; start it again to resume")
    notes += [f"not found: {sanitize.name(key)}" for key in summary.missing[:NAMED_FAILURES]]
    if len(summary.missing) > NAMED_FAILURES:
        notes.append(f"not found: {len(summary.missing) - NAMED_FAILURES} more keys of --keys")
    if summary.gone and not summary.removed_gone:
        notes.append(f"{summary.gone} outputs no longer have a source; --prune removes them")
    notes += [f"NOT SAFE: {sanitize.name(key)} could not be removed" for key in summary.unsafe_left]
    notes += [f"registry: {problem}" for problem in summary.registry_problems[:NAMED_FAILURES]]
    if summary.registry_unmatched:
        rows = row_list(summary.registry_unmatched, NAMED_FAILURES)
        notes.append(f"registry: {len(summary.registry_unmatched)} rows match no listed object: rows {rows}")
    if summary.objections_unmatched:
        rows = row_list(summary.objections_unmatched, NAMED_OBJECTIONS)
        notes.append(f"registry: {len(summary.objections_unmatched)} of these rows are OBJECTIONS: rows {rows}")
    return notes


def _first(summary: Summary) -> str:
    return "" if summary.first_result_s is None else f", first results after {summary.first_result_s:.1f} s"
