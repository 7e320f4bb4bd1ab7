"""A holder renews its lease by itself, and notices when it was taken over."""

from __future__ import annotations

import signal
import time

import pytest

from anonymizer.errors import DeadlinePassed, LeaseLost
from anonymizer.lake.lease import Watch, acquire
from anonymizer.lake.lease import holder as holder_module
from anonymizer.lake.storage import open_root
from tests.lake.lease.holders import LONG_S, Clock, elsewhere, record


def beaten(store, times):
    """Returns once there have been so many beats more; the test's own limit is the only one."""
    least = record(store)["beat"] + times
    while record(store)["beat"] < least:
        time.sleep(0.01)


def test_it_beats_by_itself_and_a_worker_may_act(store, monkeypatch):
    # Beats come fast and are never late: the lease is as long as no machine is slow.
    monkeypatch.setattr(holder_module, "HEARTBEATS", LONG_S / 0.1)
    clock = Clock()
    with acquire(store, LONG_S) as held:
        watch = Watch(open_root(store.uri), held.ticket, clock)
        for _ in range(4):
            beaten(store, 1)
            watch.check()
            held.check()
            clock.now += LONG_S
    clock.now += LONG_S
    with pytest.raises(DeadlinePassed):
        watch.check()


def test_who_was_taken_over_notices(store, monkeypatch):
    monkeypatch.setattr(holder_module, "HEARTBEATS", LONG_S / 0.1)
    with acquire(store, LONG_S) as held:
        taken_over(store, held)
        with pytest.raises(LeaseLost):
            held.check()
    assert record(store)["token"] == "another"
    assert not record(store)["released"]


def taken_over(store, held):
    """Another holder, until the first one has seen it."""
    while held._thread.is_alive():
        elsewhere(store, token="another")
        held._thread.join(0.05)


@pytest.mark.parametrize(("slept_s", "said"), [(LONG_S, "LeaseLost\n"), (0.0, "still held\n")])
def test_a_holder_that_sleeps_past_its_time_finds_itself_lost(store, holder, slept_s, said):
    process = holder(LONG_S)
    process.send_signal(signal.SIGSTOP)
    elsewhere(store)
    clock = Clock()
    with acquire(store, LONG_S, clock=clock, sleep=clock.sleep):
        process.send_signal(signal.SIGCONT)
        process.stdin.write(f"{slept_s}\n")
        process.stdin.flush()
        assert process.stdout.readline() == said
