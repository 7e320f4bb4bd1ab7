"""Lists the objects to process, and counts them as the planner turns them into tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.lake.storage import Listed, Root, VersionCursor, is_temporary, marked_id
from anonymizer.run.chunks import Task
from anonymizer.run.context import RunContext
from anonymizer.run.driver.data_sets import without_data_sets
from anonymizer.run.plan.planner import Planner
from anonymizer.run.start.keylist import KeyList, requested


def listing(config: RunConfig, source: Root, keys: KeyList | None, missing: list[str]) -> Iterator[Listed]:
    """Lists the objects of INPUT, or those of `--keys`.

    Args:
        config: The run's settings.
        source: INPUT. The mark file of an OUTPUT is not listed.
        keys: The list of keys; None = INPUT is listed.
        missing: Keys of the list that do not exist are added to it.

    Raises:
        ConfigError: INPUT is a data set, or the run works in place and INPUT has one.
    """
    if keys is None:
        photos = (entry for entry in source.list() if not _is_ours(config, source, entry))
        yield from without_data_sets(config, source, photos)
        return
    for request, found in requested(source, keys.of("redo", "check")):
        if found is None:
            missing.append(request.key)
        else:
            yield found


def _is_ours(config: RunConfig, source: Root, entry: Listed) -> bool:
    """Whether it is the mark of an OUTPUT, or, in place, a file that a worker is writing."""
    if config.in_place and is_temporary(entry.key):
        return True
    output_id = marked_id(entry.key)
    return output_id is not None and source.has_mark(output_id)


def whole_input(config: RunConfig) -> RunConfig:
    """Returns the settings without those that limit a run to a part of INPUT."""
    return replace(config, include=(), exclude=(), limit=None)


def adopted_outputs(run: RunContext) -> VersionCursor | None:
    """Lists OUTPUT if it was adopted: then rows may name files that do not exist, and files may have no row."""
    adopted = run.output.identity.adopted and not run.config.in_place
    return VersionCursor(run.output.root.list(output=True)) if adopted else None


def counted(tasks: Iterator[Task], planner: Planner, run: RunContext) -> Iterator[Task]:
    """Yields the planner's tasks, and adds the planner's counts to the run's summary.

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
