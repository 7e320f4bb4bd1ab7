"""The cluster: found or started, its size."""

from __future__ import annotations

import logging
import math
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray.exceptions import RayError

from anonymizer.config import EngineConfig
from anonymizer.errors import AnonymizerError, ClusterError
from anonymizer.run.engine.startup import start_ray

log = logging.getLogger(__name__)

#: The object store carries the network's weights and small results, never an image.
OBJECT_STORE_BYTES = 160 * 2**20
#: How long a cluster's head has to take a connection.
PROBE_S = 5.0
#: Of divisions that come out whole but for the last digit: 0.1 of a GPU is for ten workers.
_SLACK = 1e-6


@contextmanager
def connected(config: EngineConfig) -> Iterator[int]:
    """Connects to the cluster, or starts a Ray of our own and ends it afterwards. Gives the number of live nodes.

    A process that is connected already stays so.

    Raises:
        ClusterError: Ray does not start, the cluster cannot be reached, or it is lost later on.
    """
    ours = not ray.is_initialized()
    if ours:
        _connect_quietly(config)
    try:
        yield live_nodes()
    except RayError as error:
        if isinstance(error, AnonymizerError):
            raise
        log.debug("ray", exc_info=error)
        raise ClusterError(f"the Ray cluster was lost ({type(error).__name__})") from None
    finally:
        if ours:
            ray.shutdown()


def _connect_quietly(config: EngineConfig) -> None:
    # Ray ends the process on SIGTERM by itself; whoever asked for something else meant it.
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        _connect(config)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_term)


def live_nodes() -> int:
    """Nodes that answer."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray has no types here
    return sum(1 for node in nodes if node["Alive"])


def worker_capacity(config: EngineConfig) -> int:
    """How many workers fit into the cluster as it is now, at least one."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return workers_in(resources, config.gpus_per_worker)


def workers_in(resources: Mapping[str, float], gpus_per_worker: float) -> int:
    """Workers that these resources have room for, at least one.

    Args:
        resources: Names of Ray's resources to amounts.
        gpus_per_worker: See `EngineConfig`. Ray packs whole workers into each GPU: with 0.4 it holds two, not two and
            a half.
    """
    cpus = int(resources.get("CPU", 1))
    if not gpus_per_worker:
        return max(1, cpus)
    per_gpu = math.floor(1 / gpus_per_worker + _SLACK)
    return max(1, min(cpus, int(resources.get("GPU", 0.0)) * per_gpu))


def _connect(config: EngineConfig) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": True}
    address = _running_cluster() if config.address == "auto" else config.address
    if address is not None and address != "local":
        shown = address.rpartition("@")[2]
        try:
            _check_answers(address)
        except ConnectionError:
            raise ClusterError(f"no Ray cluster answers at {shown!r}") from None
        start_ray(lambda: ray.init(address=address, **quiet), f"the Ray cluster at {shown!r} cannot be joined")
        return
    own: dict[str, Any] = {
        "address": "local",
        "num_cpus": config.workers,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    start_ray(lambda: ray.init(**own, **quiet), "Ray did not start")


def _running_cluster() -> str | None:
    """The cluster that `ray start` made and that still answers; never another process's embedded Ray.

    `ray.init(address="auto")` would take that one too, and lose it when its owner ends; and a cluster that was killed
    leaves its address behind, at which `ray.init()` waits for minutes.
    """
    address: str | None = canonicalize_bootstrap_address(None)  # type: ignore[arg-type]  # None is what is meant
    if address is None:
        return None
    try:
        _check_answers(address)
    except ConnectionError:
        return None
    return address


def _check_answers(address: str) -> None:
    """Raises ConnectionError at once when nobody listens at `host:port`."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_S).close()
    except OSError as error:
        raise ConnectionError(f"nobody listens at {address}") from error
