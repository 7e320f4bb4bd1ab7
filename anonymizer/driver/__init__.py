"""A run from configuration to exit status: registry, take-down, plan, engine, accounting. Never sees a pixel."""

from __future__ import annotations

import time
from datetime import datetime

from anonymizer.account import OK, Summary
from anonymizer.config import RunConfig
from anonymizer.driver.book import Progress
from anonymizer.driver.driver import Driver
from anonymizer.naming import Places
from anonymizer.plan import selected
from anonymizer.resolve import load_boxes, load_registry, resolved, time_of
from anonymizer.storage import Irregular
from anonymizer.worker import open_input


def run(
    config: RunConfig, progress: Progress, *, inside_job: bool = False, names_secret: bytes | None = None
) -> Summary:
    """Does a run.

    Args:
        config: INPUT, OUTPUT and the manifest as the user wrote them.
        progress: Told how far it is.
        inside_job: Runs inside a Ray job, where relative paths point into a package that is deleted later.
        names_secret: Key of the hash for `names` hashed.

    Returns:
        The counts and the exit status.

    Raises:
        UsageError: Configuration or registry are wrong (exit 2).
        RunError: The run cannot go on (exit 1); started again with the same arguments it goes on where it stopped.
    """
    started = time.monotonic()
    config, manifest_uri = resolved(config, inside_job=inside_job)
    as_of = time_of(config)
    if config.dry_run:
        return _dry_run(config, manifest_uri, as_of)
    places = Places(config.output, config.names, names_secret)
    places.own("")  # Only to hear now what is wrong with the secret.
    driver = Driver(config, manifest_uri, as_of, progress, places)
    try:
        driver.run()
    finally:
        progress.close()
    driver.summary.seconds = time.monotonic() - started
    return driver.summary


def _dry_run(config: RunConfig, manifest_uri: str, as_of: datetime) -> Summary:
    """Counts what a run would look at; reads no object, writes nothing, starts nothing."""
    load_registry(config, as_of)
    load_boxes(config)
    started = time.monotonic()
    summary = Summary(manifest_uri=manifest_uri, exit_status=OK)
    with open_input(config) as source:
        for entry in selected(config, source.list()):
            summary.listed += 1
            summary.listed_bytes += 0 if isinstance(entry, Irregular) else entry.size
            summary.statuses["failed" if isinstance(entry, Irregular) else "to read"] += 1
    summary.seconds = time.monotonic() - started
    return summary


__all__ = ["Driver", "Progress", "run"]
