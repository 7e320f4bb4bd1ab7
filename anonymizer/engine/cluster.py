"""The cluster: found or started, its size."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from anonymizer.config import EngineConfig
from anonymizer.errors import RunError

log = logging.getLogger(__name__)

#: The object store carries the network's weights and small results, never an image.
OBJECT_STORE_BYTES = 160 * 2**20


@contextmanager
def connected(config: EngineConfig) -> Iterator[int]:
    """Connects to the cluster, or starts a Ray of our own and ends it afterwards. Gives the number of live nodes.

    A process that is connected already stays so.

    Raises:
        RunError: The cluster cannot be reached.
    """
    if ray.is_initialized():
        yield live_nodes()
        return
    # Ray ends the process on SIGTERM by itself; whoever asked for something else meant it.
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        _connect(config)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_term)
    except (ConnectionError, RuntimeError, ValueError) as error:
        log.debug("ray.init: %s", error)
        raise RunError(f"no Ray cluster answers at {config.address!r}") from None
    try:
        yield live_nodes()
    finally:
        ray.shutdown()


def live_nodes() -> int:
    """Nodes that answer."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray has no types here
    return sum(1 for node in nodes if node["Alive"])


def cpus() -> int:
    """CPUs of the whole cluster now, at least one."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return max(1, int(resources.get("CPU", 1)))


def _connect(config: EngineConfig) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": True}
    if config.address != "local":
        try:
            ray.init(address=config.address, **quiet)
        except ConnectionError:
            if config.address != "auto":
                raise
        else:
            return
    ray.init(
        address="local",
        num_cpus=config.workers,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        **quiet,
    )
