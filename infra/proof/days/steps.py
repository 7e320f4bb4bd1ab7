"""Count a process's storage operations and inject faults, such as its death, at any of them."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from anonymizer.lake.storage import Root
from anonymizer.lake.storage.local.root import LocalRoot
from anonymizer.lake.storage.s3.root import S3Root

_NO_STEPS = ("close",)


class Death(BaseException):
    """The process is gone: nothing catches it, and nothing of it reaches the storage any more."""


@dataclass
class Steps:
    """Counts steps: one before each call to a storage and one behind it.

    Args:
        at: The step at which `happens` is called; None: never.
        happens: Anything; to die it raises `Death`.

    Attributes:
        taken: So far.
        dead: Every further step raises `Death`.
    """

    at: int | None = None
    happens: Callable[[], None] = lambda: None
    taken: int = 0
    dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Takes one."""
        with self._lock:
            if self.dead:
                raise Death
            self.taken += 1
            if self.taken == self.at:
                try:
                    self.happens()
                except Death:
                    self.dead = True
                    raise


@contextmanager
def counted(steps: Steps) -> Iterator[None]:
    """Every call to a storage is counted."""
    with ExitStack() as stack:
        for backend in (LocalRoot, S3Root):
            for name, _ in inspect.getmembers(Root, inspect.isfunction):
                if not name.startswith("_") and name not in _NO_STEPS:
                    method = getattr(backend, name)
                    stack.enter_context(patch.object(backend, name, _stepping(method, steps)))
        yield


def _stepping(method: Callable[..., Any], steps: Steps) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        steps.take()
        result = method(*arguments, **named)
        steps.take()
        return result

    return call
