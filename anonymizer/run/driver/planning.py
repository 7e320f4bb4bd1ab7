"""What a run is asked to do: the objects that it lists, and the tasks that come of them, counted as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.lake.storage import Listed, Root, VersionCursor, marked_id
from anonymizer.run.chunks import Task
from anonymizer.run.context import RunContext
from anonymizer.run.plan.planner import Planner
from anonymizer.run.start.keylist import KeyList, requested


def listing(source: Root, keys: KeyList | None, missing: list[str]) -> Iterator[Listed]:
    """INPUT's objects, or those that `--keys` names.

    Args:
        source: INPUT. The mark of an OUTPUT is no object of it.
        keys: The objects that are named; None where INPUT is listed.
        missing: Keys that are named and not there are added to it.
    """
    if keys is None:
        yield from (entry for entry in source.list() if not _is_mark(source, entry))
        return
    for request, found in requested(source, keys.of("redo", "check")):
        if found is None:
            missing.append(request.key)
        else:
            yield found


def _is_mark(source: Root, entry: Listed) -> bool:
    output_id = marked_id(entry.key)
    return output_id is not None and source.has_mark(output_id)


def whole_input(config: RunConfig) -> RunConfig:
    """The settings without what narrows a run to a part of INPUT."""
    return replace(config, include=(), exclude=(), limit=None)


def adopted_outputs(run: RunContext) -> VersionCursor | None:
    """What lies in OUTPUT, if it was adopted: rows may name what is not there, and files may have no row."""
    adopted = run.output.identity.adopted and not run.config.in_place
    return VersionCursor(run.output.root.list(output=True)) if adopted else None


def counted(tasks: Iterator[Task], planner: Planner, run: RunContext) -> Iterator[Task]:
    """Gives the planner's tasks, and keeps what it has listed in the run's account.

    Raises:
        LeaseLost: Another run has taken over.
    """
    summary = run.summary
    before = (summary.listed, summary.listed_bytes, summary.unchanged)

    def count() -> None:
        summary.listed = before[0] + planner.listed
        summary.listed_bytes = before[1] + planner.listed_bytes
        summary.unchanged = before[2] + planner.unchanged

    for task in tasks:
        run.lease.check()
        count()
        yield task
    count()
