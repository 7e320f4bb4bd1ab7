"""Do one run through the command line's entry point in this process, with a simulated clock and an optional fault."""

from __future__ import annotations

import functools
import io
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from unittest.mock import patch

from anonymizer import cli
from anonymizer.lake.naming import SECRET_VARIABLE
from anonymizer.run import driver, engine, progress
from infra.proof.days.engine import in_this_process
from infra.proof.days.steps import Death, Steps, counted

#: Of `--names hashed`.
SECRET = "a secret of the lake's owner"  # noqa: S105 - of a lake that does not exist
_LOADED = (driver, progress)
"""The command line imports these when it needs them; their clocks are set before."""
_PARSER, _VERSIONS = functools.cache(cli.parser), functools.cache(engine.versions)


@dataclass(frozen=True)
class Ended:
    """How a run ended; `status` is None if it died."""

    status: int | None
    said: str


def night(
    arguments: Sequence[str], now: datetime, steps: Steps, *, workers_die: bool = False, with_ray: bool = False
) -> Ended:
    """Does `anonymizer run` with these arguments at a simulated time."""
    said = io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(said))
            stack.enter_context(redirect_stderr(said))
            stack.enter_context(_clock(now))
            stack.enter_context(counted(steps))
            # What a process does once and always with the same result, a thousand runs in one do once.
            stack.enter_context(patch.object(cli, "parser", _PARSER))
            stack.enter_context(patch.object(engine, "versions", _VERSIONS))
            if not with_ray:
                stack.enter_context(in_this_process(steps, workers_die=workers_die))
            return Ended(cli.main(["run", *arguments], {SECRET_VARIABLE: SECRET}), said.getvalue())
    except Death:
        return Ended(None, said.getvalue())
    finally:
        signal.signal(signal.SIGTERM, before)


class _Kind(type):
    """A time is one, whichever clock it was read from."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


@contextmanager
def _clock(now: datetime) -> Iterator[None]:
    class Clock(datetime, metaclass=_Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return now.astimezone(tz)

    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("anonymizer.") and getattr(module, "datetime", None) is datetime:
                stack.enter_context(patch.object(module, "datetime", Clock))
        yield
