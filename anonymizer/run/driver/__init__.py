"""Executes a run in the driver process, from its configuration to the exit status. The driver never decodes an image.

`driver` has the steps in their order: it reads the inputs (`inputs`), starts or resumes the run (`begin`), takes down
outputs that are no longer safe (`anonymizer.run.takedown`), lists the objects (`planning`), sends them to workers
(`dispatch`), records the results (`outcomes`, `intents`) and ends the run (`finish`). `dry_run` makes the same plan and
changes nothing.
"""

from __future__ import annotations

import time

from anonymizer.config import RunConfig
from anonymizer.lake.naming import Places
from anonymizer.run.driver import dry_run
from anonymizer.run.driver.driver import Driver
from anonymizer.run.recorder import Progress
from anonymizer.run.start.clock import time_of
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.start.paths import resolved
from anonymizer.run.summary import Summary


def run(
    config: RunConfig,
    progress: Progress,
    *,
    inside_job: bool = False,
    names_secret: bytes | None = None,
    keys: KeyList | None = None,
) -> Summary:
    """Executes a run.

    Args:
        config: The settings; URLs of INPUT, OUTPUT and the manifest as the user gave them.
        progress: Is notified of the run's progress.
        inside_job: The process is the entry point of a Ray job, so relative paths would point into the job's working
            directory, which Ray deletes.
        names_secret: Secret key for `names` hashed.
        keys: The objects to process; if given, `config.keys` is not read.

    Returns:
        The counts and the exit status.

    Raises:
        UsageError: The configuration or the registry is wrong (exit 2).
        RunError: The run cannot continue (exit 1); it is resumed when it is started again with the same arguments.
    """
    started = time.monotonic()
    config, manifest_uri = resolved(config, inside_job=inside_job)
    as_of = time_of(config)
    places = Places(config.output, config.names, names_secret)
    places.own("")  # Raises ConfigError if the secret is missing or too short.
    if config.dry_run or config.estimate is not None:
        return dry_run.dry_run(config, manifest_uri, as_of, places)
    driver = Driver(config, manifest_uri, as_of, progress, places, keys)
    try:
        driver.run()
    finally:
        progress.close()
    driver.summary.seconds = time.monotonic() - started
    return driver.summary


__all__ = ["Driver", "Progress", "run"]
