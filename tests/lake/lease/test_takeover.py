"""One run at a time; a dead one does not hold an OUTPUT for ever."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from anonymizer.errors import LeaseHeld
from anonymizer.lake.lease import NAME, acquire
from anonymizer.lake.lease.record import HEARTBEATS, VALID_SHARE
from tests.lake.lease.holders import Clock, elsewhere, record


def test_a_free_lease_is_had_at_once_and_again_after_its_release(store):
    with acquire(store, 20.0) as first:
        assert (first.ticket.epoch, record(store)["released"]) == (1, False)
    assert record(store)["released"]
    with acquire(store, 20.0) as second:
        assert second.ticket.epoch == 2
        assert second.ticket.token != first.ticket.token
    second.release()


def test_a_living_holder_on_this_machine_is_named_at_once(store):
    with acquire(store, 20.0) as held:
        held.set_run("r1")
        with pytest.raises(LeaseHeld, match=f"has been working on this OUTPUT since .* \\(process {os.getpid()} on "):
            acquire(store, 20.0, sleep=lambda _: pytest.fail("waits"))


def test_a_holder_that_was_killed_is_followed_after_the_right_of_its_workers(store, holder):
    process = holder(30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    clock = Clock()
    with acquire(store, 20.0, clock=clock, sleep=clock.sleep) as taken:
        assert taken.ticket.epoch == 2
    assert clock.now == 100 + 30 * VALID_SHARE


def test_a_silent_holder_elsewhere_is_watched_first(store):
    acquire(store, 20.0).release()
    elsewhere(store)
    clock = Clock()
    with acquire(store, 5.0, clock=clock, sleep=clock.sleep):
        assert clock.now == 100 + 20 + 5


def test_a_holder_elsewhere_that_beats_is_left_alone(store):
    acquire(store, 20.0).release()
    elsewhere(store)
    clock = Clock()
    clock.during = lambda: elsewhere(store, beat=99)
    with pytest.raises(LeaseHeld):
        acquire(store, 20.0, clock=clock, sleep=clock.sleep)
    assert clock.now <= 100 + 20 / HEARTBEATS


def test_a_holder_that_ends_while_it_is_watched_is_followed(store):
    acquire(store, 20.0).release()
    elsewhere(store)
    clock = Clock()
    clock.during = lambda: elsewhere(store, released=True)
    with acquire(store, 20.0, clock=clock, sleep=clock.sleep):
        assert clock.now < 100 + 20


def test_a_damaged_lease_is_followed_after_its_time(store):
    store.put(NAME, b"{")
    clock = Clock()
    with acquire(store, 20.0, clock=clock, sleep=clock.sleep) as taken:
        assert taken.ticket.epoch == 1
    assert clock.now >= 120


def test_of_many_that_want_it_at_once_one_gets_it(store):
    got, refused = [], []
    barrier = threading.Barrier(6)

    def want():
        barrier.wait()
        try:
            got.append(acquire(store, 20.0))
        except LeaseHeld as error:
            refused.append(error)

    threads = [threading.Thread(target=want) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)
    got[0].release()
