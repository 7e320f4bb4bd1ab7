"""Ray's start: tried again where that may help, and otherwise said in one line, with what Ray said of it."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import ray
from ray._private.node import Node

from anonymizer.errors import ClusterError

log = logging.getLogger(__name__)

TRIES = 3
"""Ray waits 30 s by itself for its processes: three times that is as long as anybody should wait for an answer."""
PAUSE_S = 2.0
_SAID = 300
"""Characters of Ray's own words, at most: some of its messages are pages long."""
_SECRETS = re.compile(
    r"(?i)(?<=://)[^/\s@]+(?=@)|\b(?:bearer|basic)\s+\S+|\b[\w-]*(?:token|password|secret|credential)\s*[=:]\s*\S+"
    r"|\b[A-Za-z0-9_+=-]{32,}"
)
"""User info of URLs, headers, assignments, and whatever is as long as a key and no path."""


@dataclass(frozen=True)
class _Cause:
    """What Ray says, what a person can do about it, and whether the next try may go well."""

    said: re.Pattern[str]
    meaning: str
    passing: bool = False


# In this order: the words of a later one may stand in the message of an earlier one too.
_CAUSES = tuple(
    _Cause(re.compile(said, re.IGNORECASE), *rest)
    for said, *rest in (
        (r"version mismatch", "the cluster needs the versions of this environment (requirements.lock)"),
        (r"authentication|unauthenticated|auth.?token", "the cluster's token is needed here; see RAY_AUTH_MODE"),
        (r"dev/shm|object.store.*(size|memory)|memory on this node", "make room in /dev/shm (docker: --shm-size)"),
        (r"no space left|disk quota", "make room in Ray's temporary folder, or name another one in RAY_TMPDIR"),
        (r"AF_UNIX path", "name a shorter temporary folder in RAY_TMPDIR"),
        (r"permission|read-only|not a directory|no such file", "HOME and RAY_TMPDIR have to name folders of its own"),
        (r"open files|cannot fork|temporarily unavailable", "the limits on processes and files are too low", True),
        (r"address already in use|\bport\b", "another process has its port", True),
        (r"timed? ?out|start GCS|deadline|unavailable", "its processes did not come up in time", True),
    )
)
_UNKNOWN = _Cause(re.compile(""), "its logs are in /tmp/ray/session_latest/logs")


def start_ray(begin: Callable[[], object], what: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Starts or joins a Ray.

    Args:
        begin: Calls `ray.init`.
        what: Begins the line that says that it failed.
        pause: Waits for so many seconds.

    Raises:
        ClusterError: It did not work, and another try is no use or was none either.
    """
    for left in reversed(range(TRIES)):
        try:
            begin()
        except Exception as error:  # Ray raises whatever comes, also bare Exception
            log.debug("ray.init", exc_info=error)
            _end_half_started(error)
            said = _said(error)
            cause = next((cause for cause in _CAUSES if cause.said.search(said)), _UNKNOWN)
            if not left or not cause.passing:
                raise ClusterError(f"{what}: {cause.meaning} ({_shown(said)})") from None
            log.warning("%s: %s; trying again", what, cause.meaning)
            pause(PAUSE_S)
        else:
            return


def _end_half_started(error: BaseException) -> None:
    """Ends the processes that Ray had started before it gave up: it keeps no hand on them itself."""
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    for node in {id(owner): owner for owner in owners if isinstance(owner, Node)}.values():
        with suppress(Exception):
            node.kill_all_processes(check_alive=False)
    with suppress(Exception):
        ray.shutdown()


def _said(error: BaseException) -> str:
    """The words of the error and of those that it came from, in one line."""
    return " ".join(" < ".join(f"{type(one).__name__} {one}" for one in _chain(error)).split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shown(said: str) -> str:
    """What may be shown of it: no secrets, no end of a long story."""
    shown = _SECRETS.sub("***", said)
    return shown if len(shown) <= _SAID else f"{shown[:_SAID]}..."
