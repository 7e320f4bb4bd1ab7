"""Refuses a run whose INPUT is a data set (a table, or shards with an index), which files one by one would not make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError, NotARegularFile
from anonymizer.lake.datasets import DataSet, at_root, recognized
from anonymizer.lake.storage import Irregular, Listed, Root
from anonymizer.run.plan.planner import selected


def without_data_sets(config: RunConfig, source: Root, listed: Iterable[Listed]) -> Iterator[Listed]:
    """Passes on a listing of INPUT, and ends the run where it shows a data set that the run would break.

    What `--include` and `--exclude` leave out is not looked at: they are the user's word that it is not written to.

    Args:
        config: The run's settings.
        source: INPUT.
        listed: Its listing.

    Raises:
        ConfigError: INPUT itself is a data set; or the run works in place, and a folder of INPUT is one.
    """
    for found in at_root(source):
        if _is_selected(config, found.index):
            raise ConfigError(_refusal(config, found))
    for entry in listed:
        found_here = recognized(source, entry) if config.in_place else None
        if found_here is not None and _is_selected(config, found_here.index):
            raise ConfigError(_refusal(config, found_here))
        yield entry


def _is_selected(config: RunConfig, key: str) -> bool:
    return any(selected(replace(config, limit=None), [Irregular(key, "", NotARegularFile)]))


def _refusal(config: RunConfig, found: DataSet) -> str:
    where = f"the folder {found.folder!r} of INPUT" if found.folder else "INPUT"
    why = "replacing its files would break it" if config.in_place else "OUTPUT would have files of it and not its index"
    folder = f"{found.folder}/*" if found.folder else found.index.rpartition("/")[0] + "/*"
    left_out = found.index if folder == "/*" else folder
    return (
        f"{where} is a {found.kind} ({found.index}): {why}; write its pictures into a new one "
        f"(infra/docs/formats.md), or leave it out with --exclude '{left_out}'"
    )
