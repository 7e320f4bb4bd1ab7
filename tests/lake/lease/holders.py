"""Holders of a lease: in another process, or made up."""

from __future__ import annotations

import json

from anonymizer.lake.lease import NAME

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


def record(store):
    return json.loads(store.get(NAME))


def elsewhere(store, **changes):
    """The record as a process of another machine would have left it."""
    store.put(NAME, json.dumps({**record(store), "host": "elsewhere", "released": False, **changes}).encode())
