"""Reports the outputs that have to be taken down while OUTPUT is missing (e.g. its disk is not mounted)."""

from __future__ import annotations

import logging
from typing import NoReturn

from anonymizer.errors import OutputLost, WrongOutput
from anonymizer.lake.identity import missing_message
from anonymizer.people.consent import Registry
from anonymizer.run.context import RunContext
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.summary import NAMED_FAILURES
from anonymizer.run.takedown import unsafe
from anonymizer.run.takedown.requested import record_pending_requests

log = logging.getLogger(__name__)


def record_pending_removals(run: RunContext, registry: Registry, keys: KeyList | None) -> NoReturn:
    """Reports every output that is no longer safe, and ends the run.

    The rows of these outputs stay unchanged, because every later run finds them again. Only removals that `keys`
    requests are recorded.

    Args:
        run: The run; its OUTPUT does not have its mark.
        registry: The consent registry.
        keys: The list of keys, if one was given.

    Raises:
        OutputLost: There is such an output.
        WrongOutput: There is none.
    """
    for row in unsafe.published(run.manifest.scan(unsafe.COLUMNS)):
        if unsafe.must_go(row, registry, run.config, run.as_of):
            if len(run.summary.unsafe_left) < NAMED_FAILURES:
                log.error("%s: %s is no longer safe and has to be taken down", row.key, row.output_uri)
            run.summary.unsafe_left.append(row.key)
    if keys is not None:
        record_pending_requests(run, keys, registry)
    message = missing_message(run.config, run.output.root)
    if run.summary.unsafe_left:
        raise OutputLost(message)
    raise WrongOutput(message)
