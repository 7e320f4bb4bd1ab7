"""What runs in a Ray worker process, and how it says what it is."""

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
    """What has to be equal on the driver and on every worker."""
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), "anonymizer": __version__} | found


def check_versions(theirs: dict[str, str]) -> None:
    """Raises MixedVersionsError, with a line that names every difference."""
    ours = versions()
    different = sorted(name for name in ours if ours[name] != theirs.get(name))
    if different:
        listed = ", ".join(f"{name} {theirs.get(name)} there, {ours[name]} here" for name in different)
        raise MixedVersionsError(f"workers run other versions than the driver: {listed}")


@dataclass(frozen=True)
class Hello:
    """A worker's first answer: `instance` differs for every process, `error` says why it cannot work."""

    instance: str
    versions: dict[str, str]
    error: str | None


class Actor:
    """Runs in a Ray worker process. The processor is made there: filesystems and networks do not travel.

    It is made by `hello`, which the driver says to every new process: a restarted actor needs no arguments that Ray
    would have to keep.
    """

    def __init__(self) -> None:
        # Ray copies it to its own files and to the driver's terminal.
        sanitize.log_to_stderr("%(levelname)s %(message)s")
        self._processor: ChunkProcessor | None = None
        self._instance = secrets.token_hex(8)

    def hello(self, make: Callable[[Any], ChunkProcessor], job: Any) -> Hello:
        error = None
        try:
            self._processor = make(job)
        except AnonymizerError as caught:
            error = getattr(caught, "message", str(caught))
        except Exception as caught:  # told to the driver, which ends the run with it
            error = f"unexpected {type(caught).__name__}"
            log.exception("the worker could not start")
        return Hello(self._instance, versions(), error)

    def process(self, chunk: Chunk) -> ChunkResult:
        if self._processor is None:
            raise RunError("the worker was not made ready")
        return self._processor.process(chunk)

    def stop(self) -> None:
        """Finish what is being written and begin nothing more."""
        if self._processor is not None:
            self._processor.stop()
