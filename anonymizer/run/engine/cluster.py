"""Connects to a Ray cluster or starts Ray, and computes how many workers fit into the cluster."""

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

#: Size of Ray's object store, in bytes. It has the detector's weights and small results, never an image.
OBJECT_STORE_BYTES = 160 * 2**20
#: Timeout, in seconds, for a TCP connection to the head node.
PROBE_S = 5.0
#: Tolerance for rounding errors of the division: with 0.1 GPU per worker, ten fit on a GPU.
_SLACK = 1e-6


@contextmanager
def connected(config: EngineConfig) -> Iterator[int]:
    """Connects to a cluster, or starts Ray in this process; yields the number of live nodes and disconnects at the end.

    If the process is connected already, it uses that connection and keeps it.

    Raises:
        ClusterError: Ray does not start, the cluster cannot be reached, or the connection is lost later.
    """
    connects = not ray.is_initialized()
    if connects:
        _connect_quietly(config)
    try:
        yield live_nodes()
    except RayError as error:
        if isinstance(error, AnonymizerError):
            raise
        log.debug("ray", exc_info=error)
        raise ClusterError(f"the Ray cluster was lost ({type(error).__name__})") from None
    finally:
        if connects:
            ray.shutdown()


def _connect_quietly(config: EngineConfig) -> None:
    # ray.init installs a SIGTERM handler that ends the process; restore the handler from before.
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        _connect(config)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_term)


def live_nodes() -> int:
    """Number of nodes that are alive."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray has no types here
    return sum(1 for node in nodes if node["Alive"])


def worker_capacity(config: EngineConfig) -> int:
    """Number of workers that fit into the cluster in its current size, at least one."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types here
    return workers_in(resources, config.gpus_per_worker)


def workers_in(resources: Mapping[str, float], gpus_per_worker: float) -> int:
    """Number of workers that fit into these resources, at least one.

    Args:
        resources: Ray's resources, name to amount.
        gpus_per_worker: See `EngineConfig`. A worker cannot use parts of two GPUs: with 0.4 two workers fit on a GPU.
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
        host = address.rpartition("@")[2]
        try:
            _check_answers(address)
        except ConnectionError:
            raise ClusterError(f"no Ray cluster answers at {host!r}") from None
        start_ray(lambda: ray.init(address=address, **quiet), f"the Ray cluster at {host!r} cannot be joined")
        return
    own: dict[str, Any] = {
        "address": "local",
        "num_cpus": config.workers,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    start_ray(lambda: ray.init(**own, **quiet), "Ray did not start")


def _running_cluster() -> str | None:
    """Address of a cluster that was started with `ray start` and still answers; None if there is none.

    `ray.init(address="auto")` is not used: it would also join the embedded Ray of another process, which ends with that
    process, and it waits for minutes at the address that a killed cluster left behind.
    """
    address: str | None = canonicalize_bootstrap_address(None)  # type: ignore[arg-type]  # None is allowed
    if address is None:
        return None
    try:
        _check_answers(address)
    except ConnectionError:
        return None
    return address


def _check_answers(address: str) -> None:
    """Raises ConnectionError at once if nothing listens at `host:port`."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_S).close()
    except OSError as error:
        raise ConnectionError(f"nothing listens at {address}") from error
