"""A run from configuration to exit status. Never sees a pixel.

`driver` is the story of a run. Its steps: `inputs` are read, the run begins or is resumed (`begin`), what may not stand
any more is taken down (`anonymizer.run.takedown`), objects are listed (`planning`) and sent to workers (`dispatch`),
what becomes of them is written down (`outcomes`, `intents`), and the run is ended (`finish`). `dry_run` plans the same
and changes nothing.
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
    """Does a run.

    Args:
        config: INPUT, OUTPUT and the manifest as the user wrote them.
        progress: Told how far it is.
        inside_job: Runs inside a Ray job, where relative paths point into a package that is deleted later.
        names_secret: Key of the hash for `names` hashed.
        keys: What to do, where it is known already; `config.keys` then only says where it came from.

    Returns:
        The counts and the exit status.

    Raises:
        UsageError: Configuration or registry are wrong (exit 2).
        RunError: The run cannot go on (exit 1); started again with the same arguments it goes on where it stopped.
    """
    started = time.monotonic()
    config, manifest_uri = resolved(config, inside_job=inside_job)
    as_of = time_of(config)
    places = Places(config.output, config.names, names_secret)
    places.own("")  # Only to hear now what is wrong with the secret.
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
