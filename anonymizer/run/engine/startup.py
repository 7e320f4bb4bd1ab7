"""Starts Ray: retries where that may help; otherwise raises an error with the cause and Ray's message in one line."""

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
"""Number of attempts. Ray itself waits 30 s for its processes, so an error is reported after at most about 90 s."""
PAUSE_S = 2.0
_MESSAGE_CHARS = 300
"""Maximum number of characters of Ray's own message; some are pages long."""
_SECRETS = re.compile(
    r"(?i)(?<=://)[^/\s@]+(?=@)|\b(?:bearer|basic)\s+\S+|\b[\w-]*(?:token|password|secret|credential)\s*[=:]\s*\S+"
    r"|\b[A-Za-z0-9_+=-]{32,}"
)
"""User info in URLs, authorization headers, assignments of secrets, and words that are long enough to be a key."""


@dataclass(frozen=True)
class _Cause:
    """A known cause: pattern of Ray's message, advice for the user, and whether a retry may succeed."""

    pattern: re.Pattern[str]
    advice: str
    transient: bool = False


# The order matters: the message of an earlier cause may also match a later pattern.
_CAUSES = tuple(
    _Cause(re.compile(pattern, re.IGNORECASE), *rest)
    for pattern, *rest in (
        (r"version mismatch", "the cluster needs the versions of this environment (requirements.lock)"),
        (r"authentication|unauthenticated|auth.?token", "the cluster's token is needed here; see RAY_AUTH_MODE"),
        (r"dev/shm|object.store.*(size|memory)|memory on this node", "make room in /dev/shm (docker: --shm-size)"),
        (r"no space left|disk quota", "make room in Ray's temporary folder, or name another one in RAY_TMPDIR"),
        (r"AF_UNIX path", "name a shorter temporary folder in RAY_TMPDIR"),
        (r"permission|read-only|not a directory|no such file", "HOME and RAY_TMPDIR have to be writable folders"),
        (r"open files|cannot fork|temporarily unavailable", "the limits on processes and files are too low", True),
        (r"address already in use|\bport\b", "another process uses its port", True),
        (r"timed? ?out|start GCS|deadline|unavailable", "its processes did not start in time", True),
    )
)
_UNKNOWN = _Cause(re.compile(""), "its logs are in /tmp/ray/session_latest/logs")


def start_ray(begin: Callable[[], object], what: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Starts Ray or joins a cluster, with retries.

    Args:
        begin: Calls `ray.init`.
        what: First words of the error message.
        pause: Sleeps for the given number of seconds.

    Raises:
        ClusterError: It failed, and the cause is not transient or no attempt is left.
    """
    for left in reversed(range(TRIES)):
        try:
            begin()
        except Exception as error:  # Ray raises many types, also bare Exception
            log.debug("ray.init", exc_info=error)
            _end_half_started(error)
            message = _message(error)
            cause = next((cause for cause in _CAUSES if cause.pattern.search(message)), _UNKNOWN)
            if not left or not cause.transient:
                raise ClusterError(f"{what}: {cause.advice} ({_printable(message)})") from None
            log.warning("%s: %s; retrying", what, cause.advice)
            pause(PAUSE_S)
        else:
            return


def _end_half_started(error: BaseException) -> None:
    """Kills the processes that Ray started before it failed, which `ray.shutdown` does not know of."""
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    for node in {id(owner): owner for owner in owners if isinstance(owner, Node)}.values():
        with suppress(Exception):
            node.kill_all_processes(check_alive=False)
    with suppress(Exception):
        ray.shutdown()


def _message(error: BaseException) -> str:
    """The messages of an error and of its causes, in one line."""
    return " ".join(" < ".join(f"{type(one).__name__} {one}" for one in _chain(error)).split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _printable(message: str) -> str:
    """A message without secrets, cut after `_MESSAGE_CHARS` characters."""
    text = _SECRETS.sub("***", message)
    return text if len(text) <= _MESSAGE_CHARS else f"{text[:_MESSAGE_CHARS]}..."
