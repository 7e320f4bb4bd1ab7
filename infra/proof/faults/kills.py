"""Kill drivers and workers."""

from __future__ import annotations

import random
import signal
import subprocess
import time

from infra.proof.faults import processes
from infra.proof.faults.harness import Harness
from infra.proof.faults.sampler import Sampler
from infra.proof.faults.trial import Score, Trial, judged, wait_for

#: Between two kills of workers, seconds.
WORKER_PAUSE_S = (1.0, 4.0)


def drivers(harness: Harness) -> Score:
    """The driver is killed at uniformly random times and restarted until it finishes."""
    expected, dice = harness.reference, harness.dice("drivers")
    trials: list[tuple[Trial, Sampler]] = []
    hits = 0
    while hits < harness.kills:
        trial = harness.trial(f"drivers-{len(trials)}")

        def hit(process: subprocess.Popen[bytes], trial: Trial = trial, left: int = harness.kills - hits) -> None:
            # Bounded, because on a machine that has become slower no run might finish.
            if trial.hits < left:
                trial.hits += _killed_within(process, dice.uniform(0.2, expected.wall_s))

        with harness.sampler(trial) as sampler:
            trial.to_the_end(expected.exit_status, hit)
        trials.append((trial, sampler))
        hits += trial.hits
    return judged("driver killed", "SIGKILL at random moments", trials, expected, expected.wall_s)


def _killed_within(process: subprocess.Popen[bytes], delay_s: float) -> bool:
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        processes.kill(process.pid)
        return process.wait() == -signal.SIGKILL
    return False


def workers(harness: Harness) -> Score:
    """Random workers are killed repeatedly; the run is not restarted."""
    expected, dice = harness.reference, harness.dice("workers")
    trials: list[tuple[Trial, Sampler]] = []
    hits = 0
    while hits < harness.kills:
        trial = harness.trial(f"workers-{len(trials)}")

        def hit(process: subprocess.Popen[bytes], trial: Trial = trial) -> None:
            _hunt(process, trial, dice)

        with harness.sampler(trial) as sampler:
            trial.to_the_end(expected.exit_status, hit)
        trials.append((trial, sampler))
        hits += trial.hits
        if not trial.hits:
            raise TimeoutError("no worker could be killed")
    return judged("worker killed", "SIGKILL, one every 1 to 4 s", trials, expected, expected.wall_s)


def _hunt(process: subprocess.Popen[bytes], trial: Trial, dice: random.Random) -> None:
    while True:
        if not wait_for(lambda: trial.committed() > 0, process):
            return
        time.sleep(dice.uniform(*WORKER_PAUSE_S))
        found = processes.workers(process.pid)
        if process.poll() is None and found:
            processes.kill(dice.choice(found))
            trial.hits += 1


def sigterm(harness: Harness) -> Score:
    """As on a preempted machine: SIGTERM, and three seconds later SIGKILL to all processes."""
    expected, dice = harness.reference, harness.dice("sigterm")
    trials = []
    for number in range(max(1, harness.kills // 5)):
        trial = harness.trial(f"sigterm-{number}")

        def hit(process: subprocess.Popen[bytes], trial: Trial = trial) -> None:
            if trial.starts == 0:
                wait_for(lambda: trial.committed() > 0, process)
                time.sleep(dice.uniform(0.0, expected.wall_s / 4))
                trial.hits += _taken_away(process)

        with harness.sampler(trial) as sampler:
            trial.to_the_end(expected.exit_status, hit)
        trials.append((trial, sampler))
    ended = sum(trial.statuses[0] == 1 for trial, _ in trials)
    note = f"{ended} of {len(trials)} ended by themselves within the three seconds"
    return judged("SIGTERM", "and SIGKILL to all its processes 3 s later", trials, expected, expected.wall_s, note)


def _taken_away(process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        return False
    all_of_it = [process.pid, *processes.descendants(process.pid)]
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(3.0)
    except subprocess.TimeoutExpired:
        for pid in all_of_it:
            processes.kill(pid)
    return True
