"""Simulate random days of a lake, on disk or in buckets, for a given time: `make days`, `python -m infra.proof.days`.

MINUTES, SEED and STORE come as options. Status 1 with the shortest sequence of events that breaks a promise; the same
seed plays the same days.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import botocore.loaders
import botocore.session
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from infra.proof.days.machine import Days
from infra.proof.days.places import Buckets, Disk
from tests.fake_s3 import FakeS3


def main(argv: list[str]) -> int:
    """Runs rounds until the time is over or an invariant is violated."""
    options = _parser().parse_args(argv)
    logging.getLogger().addHandler(logging.NullHandler())
    begin, rounds = time.monotonic(), 0
    with _machine(options.store, with_ray=options.ray) as machine:
        while rounds == 0 or time.monotonic() < begin + 60 * options.minutes:
            try:
                play(machine, options.seed + rounds, options.lakes, options.events)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the seed has to be told
                traceback.print_exception(error)
                print(f"round {rounds + 1}, seed {options.seed + rounds}, {machine.played:,} runs", file=sys.stderr)
                return 1
            rounds += 1
            print(f"{machine.played:,} runs, {time.monotonic() - begin:.0f} s, nothing found", flush=True)
    return 0


def play(machine: type[Days], number: int, lakes: int, events: int) -> None:
    """One round.

    Args:
        machine: What is played.
        number: Of the round: the same one plays the same days.
        lakes: To be played.
        events: In each, at most.
    """
    how = settings(
        max_examples=lakes,
        stateful_step_count=events,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(seed(number)(machine), settings=how)


@contextmanager
def _machine(store: str, *, with_ray: bool) -> Iterator[type[Days]]:
    if store == "disk":
        yield type("DiskDays", (Days,), {"places": Disk, "with_ray": with_ray})
        return
    server = FakeS3()
    server.start()
    try:
        # Reading the description of S3 is most of what a new client costs.
        with patch.object(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader)):
            places = staticmethod(lambda _: Buckets(server))
            yield type("BucketDays", (Days,), {"places": places, "with_ray": with_ray})
    finally:
        server.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.proof.days", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="how long to play; one round at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next one has the next")
    parser.add_argument("--lakes", type=int, default=50, help="in a round")
    parser.add_argument("--events", type=int, default=30, help="in the life of a lake, at most")
    parser.add_argument("--store", choices=("disk", "s3"), default="disk", help="s3: moto, buckets that keep versions")
    parser.add_argument("--ray", action="store_true", help="runs start a real Ray: slow, and the same days")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
