"""Remove a node of a two-node test cluster on this machine, with all its processes."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from ray.cluster_utils import Cluster

from infra.proof.faults.harness import Harness
from infra.proof.faults.trial import Score, Trial, judged, wait_for


def lost(harness: Harness) -> Score:
    """One of two nodes is killed while its worker is at work, and another one joins."""
    expected = harness.reference
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        blank = harness.trial("node")
        more = ("--address", str(cluster.address), "--set", "storage.shared=true")
        trial: Trial = replace(blank, arguments=(*blank.arguments, *more), statuses=[])

        def hit(process: subprocess.Popen[bytes]) -> None:
            if trial.starts == 0 and wait_for(lambda: trial.committed() > 2, process):
                cluster.remove_node(second, allow_graceful=False)
                trial.hits += 1
                cluster.add_node(num_cpus=1)

        with harness.sampler(trial) as sampler:
            trial.to_the_end(expected.exit_status, hit)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray has no types here
    how = "one of two nodes killed with all its processes, another joins"
    return judged("node lost", how, [(trial, sampler)], expected, expected.wall_s)
