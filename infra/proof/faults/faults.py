"""List the faults by name."""

from __future__ import annotations

from collections.abc import Callable

from infra.proof.faults import absent, inside, kills, nodes, store
from infra.proof.faults.harness import Harness
from infra.proof.faults.trial import Score

FAULTS: dict[str, Callable[[Harness], Score]] = {
    "driver-killed": kills.drivers,
    "worker-killed": kills.workers,
    "sigterm": kills.sigterm,
    "slow-down": store.slow_down,
    "errors": store.errors,
    "slow-bodies": store.slow_bodies,
    "denied": store.denied,
    "changed": inside.changed,
    "disk-full": inside.disk_full,
    "disk-absent": absent.disk_absent,
    "corrupt-part": inside.corrupt_part,
    "node": nodes.lost,
    "hang": inside.hang,
    "memory": inside.memory,
    "clock": inside.clock,
}

__all__ = ["FAULTS", "Harness"]
