"""Ends a run: prunes outputs without a source, checks the counts, saves the current rows, computes the exit status."""

from __future__ import annotations

from typing import Any

from anonymizer.errors import RunError
from anonymizer.lake.manifest import Snapshot, Totals
from anonymizer.people.consent import Registry
from anonymizer.run.context import RunContext, now
from anonymizer.run.driver import unmatched
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.record import counts_of
from anonymizer.run.summary import UNEXPECTED, Summary, exit_status
from anonymizer.run.takedown.removals import Removals
from anonymizer.run.takedown.unsafe import checked_against


def prune(run: RunContext, rows: CurrentRows) -> bool:
    """Counts the outputs whose source no longer exists, and with `--prune` removes them.

    Does nothing if settings limit the run to a part of INPUT, because then a key that was not listed may still exist.

    Args:
        run: The run; INPUT has been listed completely.
        rows: The current rows that the planner has used.

    Returns:
        False if there were more than `--prune-limit`; then none of them was removed.
    """
    config = run.config
    if config.include or config.exclude or config.limit is not None:
        return True
    rows.rest()
    run.summary.gone = rows.gone_published
    return Removals(run).prune(rows, run.prune_limit) if config.prune else True


def finish(run: RunContext, inputs: Inputs, record: dict[str, Any], *, pruned: bool) -> None:
    """Compacts the journal, checks the counts, computes the exit status and writes the run's record.

    Args:
        run: The run, after all objects were processed.
        inputs: The run's inputs; registry rows that matched no object are added to the summary.
        record: The record as it was written when the run began.
        pruned: The result of `prune`: False if it refused to remove outputs.

    Raises:
        LeaseLost: Another run has taken over.
        RunError: A listed object has no new row and was not counted as unchanged.
    """
    summary, registry = run.summary, inputs.registry
    run.lease.check()
    unmatched.record(registry, run.config, summary)
    inputs.log_boxes()
    run.manifest.compact(run.run_id, final=True)
    totals = _save(run, registry)
    summary.current_failures = totals.statuses.get("failed", 0)
    _balance(summary)
    summary.exit_status = exit_status(summary, run.failure_limit, totals.rows) if pruned else UNEXPECTED
    finished = None if summary.stopped_early else now().isoformat()
    ended = {"finished": finished, "counts": counts_of(summary), "exit_status": summary.exit_status}
    run.manifest.write_run(run.run_id, record | ended)


def _balance(summary: Summary) -> None:
    if not summary.stopped_early and summary.listed != summary.written + summary.unchanged:
        raise RunError(
            f"the counts do not add up: {summary.listed} listed, "
            f"{summary.written} rows written, {summary.unchanged} unchanged"
        )


def _save(run: RunContext, registry: Registry) -> Totals:
    """Saves the index of the current rows for the next run, unless the saved one is still valid."""
    snapshot = Snapshot(run.manifest_root)
    checked = None if run.summary.unsafe_left else checked_against(run.config, registry.sha256)
    known = snapshot.totals
    # If a consent window began or ended since, save anew, so that later runs need not check all rows again.
    turned = known is not None and known.as_of is not None and registry.turns(known.as_of, run.as_of)
    if known is not None and known.checked == checked and not turned:
        return known
    return snapshot.save(run.run_id, checked=checked, as_of=run.as_of)
