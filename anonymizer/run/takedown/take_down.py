"""Takes down unsafe outputs before any new work: removes them, or in place redacts the photos again."""

from __future__ import annotations

from collections.abc import Callable

from anonymizer.lake.manifest import Snapshot
from anonymizer.people.consent import Registry
from anonymizer.run.context import RunContext
from anonymizer.run.takedown import in_place, shards
from anonymizer.run.takedown.removals import Removals
from anonymizer.run.takedown.shards import UnsafeInside
from anonymizer.run.takedown.unsafe import expired_rows, unsafe_rows

Redact = Callable[[list[str], Snapshot], None]
"""Makes the outputs of the given keys again, by the current consent decisions: photos in place, or shards."""


def take_down_unsafe(run: RunContext, registry: Registry, redact: Redact) -> Snapshot:
    """Takes down every output that the current consent decisions do not allow.

    Args:
        run: The run; has begun.
        registry: The consent registry.
        redact: Is called if the run works in place, and for shards.

    Returns:
        The current rows afterwards.

    Raises:
        OutputLost: OUTPUT went missing meanwhile.
    """
    snapshot = Snapshot(run.manifest_root)
    rows = unsafe_rows(snapshot, registry, run.config, run.as_of)
    if run.config.in_place:
        return in_place.take_down(run, [row.key for row in rows], snapshot, redact)
    removals, inside = Removals(run), UnsafeInside()
    removed = removals.remove_unsafe(inside.besides(rows))
    if run.output.identity.predates_marks:
        removals.forget_removed(snapshot)
    return shards.take_down(run, inside, run.refreshed(snapshot, removed), redact)


def take_down_expired(run: RunContext, redact: Redact) -> None:
    """Takes down the outputs whose consent has expired; used if the registry or another input cannot be read.

    Args:
        run: The run; has begun.
        redact: Is called if the run works in place.

    Raises:
        OutputLost: OUTPUT went missing meanwhile.
    """
    snapshot = Snapshot(run.manifest_root)
    rows = expired_rows(snapshot, run.as_of)
    if run.config.in_place:
        in_place.take_down(run, [row.key for row in rows], snapshot, redact)
    else:
        inside = UnsafeInside()
        Removals(run).remove_unsafe(inside.besides(rows))
        shards.take_down(run, inside, snapshot, redact=None)
