"""One run at a time; a dead one does not hold an OUTPUT for ever, and its workers can do nothing any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from anonymizer.errors import DeadlinePassed, LeaseHeld, LeaseLost, StorageUnavailable
from anonymizer.lake.lease import NAME, Ticket, Watch, acquire
from anonymizer.lake.lease import holder as holder_module
from anonymizer.lake.lease.record import HEARTBEATS, RIGHT
from anonymizer.lake.lease.watch import LOOKS
from anonymizer.lake.storage import open_root

HOLDER = """
import sys, time
from anonymizer.lake.lease import acquire
from anonymizer.lake.storage import open_root
held = acquire(open_root(sys.argv[1]), float(sys.argv[2]))
held.set_run("r1")
print("held", flush=True)
slept_s = float(sys.stdin.readline())
awake = time.monotonic
# How long it was stopped for, as its clock would say.
time.monotonic = lambda: awake() + slept_s
try:
    held.check()
    print("still held", flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
"""

#: No machine is so slow that a lease of so many seconds runs out by itself.
LONG_S = 4000.0


class Clock:
    """Time passes only by sleeping."""

    def __init__(self):
        self.now = 100.0
        self.during = lambda: None

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.during()


@pytest.fixture
def store(tmp_path):
    return open_root(str(tmp_path / "out.manifest"))


@pytest.fixture
def holder(store):
    """Starts a process that holds the lease, for so many seconds without a beat."""
    started: list[subprocess.Popen[str]] = []

    def start(lease_s):
        command = [sys.executable, "-c", HOLDER, store.uri, str(lease_s)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()


def record(store):
    return json.loads(store.get(NAME))


def elsewhere(store, **changes):
    """The record as a process of another machine would have left it."""
    store.put(NAME, json.dumps({**record(store), "host": "elsewhere", "released": False, **changes}).encode())


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
        with pytest.raises(LeaseHeld, match=f"is at work on this OUTPUT since .* \\(process {os.getpid()} on "):
            acquire(store, 20.0, sleep=lambda _: pytest.fail("waits"))


def test_a_holder_that_was_killed_is_followed_after_the_right_of_its_workers(store, holder):
    process = holder(30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    clock = Clock()
    with acquire(store, 20.0, clock=clock, sleep=clock.sleep) as taken:
        assert taken.ticket.epoch == 2
    assert clock.now == 100 + 30 * RIGHT


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
            watch.alive()
            held.check()
            clock.now += LONG_S
    clock.now += LONG_S
    with pytest.raises(DeadlinePassed):
        watch.alive()


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
        watch.alive()
    assert fake.reads == 1
    fake.data = StorageUnavailable()
    clock.now += 20 * RIGHT * 0.9
    watch.alive()
    clock.now += 20 * RIGHT * 0.2
    with pytest.raises(DeadlinePassed):
        watch.alive()


@pytest.mark.parametrize("changes", [{"token": "x"}, {"epoch": 7}, {"released": True}])
def test_a_worker_ends_at_once_when_it_sees_another_holder(store, changes):
    with acquire(store, 20.0) as held:
        seen = {**record(store), **changes}
    watch = Watch(Fake(json.dumps(seen).encode()), Ticket(held.ticket.token, held.ticket.epoch, 20.0))
    with pytest.raises(DeadlinePassed):
        watch.alive()


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
    right, clock = 20.0 * RIGHT, Clock()
    watch = Watch(Slow(data, clock, right * 3, right * 0.4), held.ticket, clock)
    watch.alive()
    clock.now += right * 0.5
    watch._store = Fake(StorageUnavailable())
    watch.alive()
    clock.now += right * 0.2
    with pytest.raises(DeadlinePassed):
        watch.alive()


def test_a_store_that_is_always_too_slow_gives_no_right(store):
    with acquire(store, 20.0) as held:
        data = store.get(NAME)
    clock = Clock()
    slow = Slow(data, clock, *[20.0 * RIGHT] * LOOKS)
    with pytest.raises(DeadlinePassed):
        Watch(slow, held.ticket, clock).alive()
    assert slow.reads == LOOKS


def test_another_holder_is_not_looked_at_twice(store):
    with acquire(store, 20.0) as held:
        seen = {**record(store), "token": "another"}
    clock = Clock()
    slow = Slow(json.dumps(seen).encode(), clock, 20.0)
    with pytest.raises(DeadlinePassed):
        Watch(slow, held.ticket, clock).alive()
    assert slow.reads == 1
