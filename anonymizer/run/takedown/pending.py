"""OUTPUT is not there, so nothing can be taken down: names what has to be, as soon as it is there again."""

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
    """Names every output that may not stand any more, and ends the run.

    The rows of these outputs stay as they are: every later run finds them unsafe by itself. Only what `keys` wants
    removed is written down.

    Args:
        run: Whose OUTPUT does not bear its mark.
        registry: Says what may be shown.
        keys: What the user has asked for, if anything.

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
    said = missing_message(run.config, run.output.root)
    if run.summary.unsafe_left:
        raise OutputLost(said)
    raise WrongOutput(said)
