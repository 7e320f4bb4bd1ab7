"""Ends a run: prunes outputs without a source, balances the account, saves the current rows, fixes the exit status."""

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
    """Counts the outputs whose source is not there any more, and with `--prune` removes them.

    Args:
        run: Has listed INPUT to its end; a part of INPUT, chosen by settings, tells nothing about what is gone.
        rows: As the planner has passed them.

    Returns:
        False if they were more than `--prune-limit`: none of them was removed.
    """
    config = run.config
    if config.include or config.exclude or config.limit is not None:
        return True
    rows.rest()
    run.summary.gone = rows.gone_published
    return Removals(run).prune(rows, run.prune_limit) if config.prune else True


def finish(run: RunContext, inputs: Inputs, record: dict[str, Any], *, pruned: bool) -> None:
    """Folds the journal, balances the account, fixes the exit status and says so in the run's record.

    Args:
        run: At its end.
        inputs: The registry's rows that met no object are named in the account.
        record: As it was written when the run began.
        pruned: Whether pruning was not refused; what `prune` returned.

    Raises:
        LeaseLost: Another run has taken over.
        RunError: A listed object has neither a new row nor one that still holds.
    """
    summary, registry = run.summary, inputs.registry
    run.lease.check()
    unmatched.record(registry, run.config, summary)
    inputs.log_boxes()
    run.manifest.compact(run.run_id, final=True)
    totals = _save(run, registry)
    summary.standing_failures = totals.statuses.get("failed", 0)
    _balance(summary)
    summary.exit_status = exit_status(summary, run.failure_limit, totals.rows) if pruned else UNEXPECTED
    finished = None if summary.stopped_early else now().isoformat()
    ended = {"finished": finished, "counts": counts_of(summary), "exit_status": summary.exit_status}
    run.manifest.write_run(run.run_id, record | ended)


def _balance(summary: Summary) -> None:
    if not summary.stopped_early and summary.listed != summary.written + summary.unchanged:
        raise RunError(
            f"the account does not balance: {summary.listed} listed, "
            f"{summary.written} rows written, {summary.unchanged} unchanged"
        )


def _save(run: RunContext, registry: Registry) -> Totals:
    """Saves what is known of the current rows for the next run; where it stands already, nothing is written."""
    snapshot = Snapshot(run.manifest_root)
    checked = None if run.summary.unsafe_left else checked_against(run.config, registry.sha256)
    known = snapshot.totals
    # Else every later night would hold all rows against a window that one night has seen begin.
    turned = known is not None and known.as_of is not None and registry.turns(known.as_of, run.as_of)
    if known is not None and known.checked == checked and not turned:
        return known
    return snapshot.save(run.run_id, checked=checked, as_of=run.as_of)
