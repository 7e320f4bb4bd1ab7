"""A worker acts only while its run is sure to hold the lease."""

from __future__ import annotations

import json

import pytest

from anonymizer.errors import DeadlinePassed, StorageUnavailable
from anonymizer.lake.lease import NAME, Ticket, Watch, acquire
from anonymizer.lake.lease.record import VALID_SHARE
from anonymizer.lake.lease.watch import READS
from tests.lake.lease.holders import Clock, record


class Fake:
    """A store whose answer is set."""

    def __init__(self, data):
        self.data, self.reads = data, 0

    def get_with_version(self, _name):
        self.reads += 1
        if isinstance(self.data, Exception):
            raise self.data
        return self.data, "v"

    def publish(self, *_, **__):
        raise NotImplementedError


def test_a_worker_looks_now_and_then_and_ends_when_it_cannot(store):
    with acquire(store, 20.0) as held:
        fake, clock = Fake(store.get(NAME)), Clock()
    watch = Watch(fake, held.ticket, clock)
    for _ in range(50):
        watch.check()
    assert fake.reads == 1
    fake.data = StorageUnavailable()
    clock.now += 20 * VALID_SHARE * 0.9
    watch.check()
    clock.now += 20 * VALID_SHARE * 0.2
    with pytest.raises(DeadlinePassed):
        watch.check()


@pytest.mark.parametrize("changes", [{"token": "x"}, {"epoch": 7}, {"released": True}])
def test_a_worker_ends_at_once_when_it_sees_another_holder(store, changes):
    with acquire(store, 20.0) as held:
        seen = {**record(store), **changes}
    watch = Watch(Fake(json.dumps(seen).encode()), Ticket(held.ticket.token, held.ticket.epoch, 20.0))
    with pytest.raises(DeadlinePassed):
        watch.check()


class Slow(Fake):
    """A store whose answers take their time, one after the other."""

    def __init__(self, data, clock, *seconds):
        super().__init__(data)
        self.clock, self.seconds = clock, [*seconds]

    def get_with_version(self, name):
        self.clock.now += self.seconds.pop(0)
        return super().get_with_version(name)


def test_a_first_answer_that_takes_longer_than_the_right_is_asked_for_again(store):
    """Whoever connects for the first time pays for it; the right still counts from when the reading began."""
    with acquire(store, 20.0) as held:
        data = store.get(NAME)
    right, clock = 20.0 * VALID_SHARE, Clock()
    watch = Watch(Slow(data, clock, right * 3, right * 0.4), held.ticket, clock)
    watch.check()
    clock.now += right * 0.5
    watch._store = Fake(StorageUnavailable())
    watch.check()
    clock.now += right * 0.2
    with pytest.raises(DeadlinePassed):
        watch.check()


def test_a_store_that_is_always_too_slow_gives_no_right(store):
    with acquire(store, 20.0) as held:
        data = store.get(NAME)
    clock = Clock()
    slow = Slow(data, clock, *[20.0 * VALID_SHARE] * READS)
    with pytest.raises(DeadlinePassed):
        Watch(slow, held.ticket, clock).check()
    assert slow.reads == READS


def test_another_holder_is_not_looked_at_twice(store):
    with acquire(store, 20.0) as held:
        seen = {**record(store), "token": "another"}
    clock = Clock()
    slow = Slow(json.dumps(seen).encode(), clock, 20.0)
    with pytest.raises(DeadlinePassed):
        Watch(slow, held.ticket, clock).check()
    assert slow.reads == 1
