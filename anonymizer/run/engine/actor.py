"""Defines the Ray actor of a worker process, and the check that it has the same versions as the driver."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anonymizer import __version__, sanitize
from anonymizer.errors import AnonymizerError, MixedVersionsError, RunError
from anonymizer.records import Chunk, ChunkResult
from anonymizer.run.worker import ChunkProcessor

log = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "pyarrow", "ray", "s3fs")


def versions() -> dict[str, str]:
    """Versions that have to be the same in the driver and in every worker."""
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), "anonymizer": __version__} | found


def check_versions(theirs: dict[str, str]) -> None:
    """Raises MixedVersionsError if a worker's versions differ; the message lists every difference."""
    ours = versions()
    different = sorted(name for name in ours if ours[name] != theirs.get(name))
    if different:
        listed = ", ".join(f"{name} {theirs.get(name)} there, {ours[name]} here" for name in different)
        raise MixedVersionsError(f"workers have other versions than the driver: {listed}")


@dataclass(frozen=True)
class Hello:
    """A worker's first reply: `instance` is unique for each process, `error` says why it cannot work, if it cannot."""

    instance: str
    versions: dict[str, str]
    error: str | None


class Actor:
    """Runs in a Ray worker process.

    `hello`, which the driver calls first in every new process, creates the processor there, because filesystems and
    models cannot be pickled. The constructor has no arguments, so that Ray can restart the actor by itself.
    """

    def __init__(self) -> None:
        # Ray copies stderr to its log files and to the driver's terminal.
        sanitize.log_to_stderr("%(levelname)s %(message)s")
        self._processor: ChunkProcessor | None = None
        self._instance = secrets.token_hex(8)

    def hello(self, make: Callable[[Any], ChunkProcessor], job: Any) -> Hello:
        error = None
        try:
            self._processor = make(job)
        except AnonymizerError as caught:
            error = getattr(caught, "message", str(caught))
        except Exception as caught:  # the driver ends the run with this error
            error = f"unexpected {type(caught).__name__}"
            log.exception("the worker could not start")
        return Hello(self._instance, versions(), error)

    def process(self, chunk: Chunk) -> ChunkResult:
        if self._processor is None:
            raise RunError("the worker was not initialized")
        return self._processor.process(chunk)

    def stop(self) -> None:
        """Lets the processor finish current writes, and start nothing new."""
        if self._processor is not None:
            self._processor.stop()
