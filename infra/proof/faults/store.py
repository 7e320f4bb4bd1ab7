"""Inject object store faults (throttling, errors, resets, slow bodies, 403): `bench.store` behind `faults.proxy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anonymizer.lake.storage import open_root
from infra.proof.bench import store
from infra.proof.faults import proxy
from infra.proof.faults.harness import Harness
from infra.proof.faults.proxy import Rules
from infra.proof.faults.sampler import StoreSampler
from infra.proof.faults.trial import Reference, Score, Trial, judged

SOURCE, OUTPUT = "s3://lake/in", "s3://lake/out"
#: Keys that may not be read, by their ends.
DENIED = ("03.jpg",)


def slow_down(harness: Harness) -> Score:
    """Every second request is throttled, every twentieth loses its connection."""
    return _through(harness, "503 SlowDown and resets", "50 % and 5 % of requests", Rules(slow_down=0.5, reset=0.05))


def errors(harness: Harness) -> Score:
    """Every fifth request fails inside the store."""
    return _through(harness, "500 InternalError", "20 % of requests", Rules(error=0.2))


def slow_bodies(harness: Harness) -> Score:
    """Bodies are sent slowly."""
    return _through(harness, "slow bodies", "every body in four parts over 0.1 s", Rules(slow_s=0.1))


def denied(harness: Harness) -> Score:
    """Some keys may not be read: a row for each, nothing else; once they may, the next run does them."""
    with store.running() as store_url:
        expected, trial = _undisturbed(harness, store_url)
        rules = Rules(denied=DENIED)
        with proxy.running(store_url, rules, harness.seed) as url, _sampler(store_url, expected) as sampler:
            pointed = _pointed(trial, harness, url)
            pointed.once()
            rows = pointed.rows()
            missing = [key for key, row in rows.items() if row["error_code"] == "access_denied"]
        pointed.arguments = _pointed(trial, harness, store_url).arguments
        with _sampler(store_url, expected):
            pointed.once()
        pointed.hits = len(missing)
        note = f"{len(missing)} rows `access_denied`, done by the next run, for which they were allowed"
        return judged("403 on some keys", "one key in a hundred", [(pointed, sampler)], expected, expected.wall_s, note)


def _through(harness: Harness, fault: str, how: str, rules: Rules) -> Score:
    with store.running() as store_url:
        expected, trial = _undisturbed(harness, store_url)
        with proxy.running(store_url, rules, harness.seed) as url, _sampler(store_url, expected) as sampler:
            pointed = _pointed(trial, harness, url)
            pointed.to_the_end(expected.exit_status)
        return judged(fault, how, [(pointed, sampler)], expected, expected.wall_s)


def _undisturbed(harness: Harness, store_url: str) -> tuple[Reference, Trial]:
    """Fills the store; a run through a proxy that does nothing, whose outputs are then taken out of the way."""
    for key, data in harness.lake.contents.items():
        store.plant(store_url, f"lake/in/{key}", data)
    options = store.options(store_url)
    trial = replace(
        harness.trial("store"),
        source=SOURCE,
        output=f"{OUTPUT}-undisturbed",
        environ=store.ENVIRONMENT,
        options=options,
    )
    with proxy.running(store_url, Rules(), harness.seed) as url:
        through = _pointed(trial, harness, url)
        through.output = trial.output
        expected = through.reference()
    return expected, trial


def _pointed(trial: Trial, harness: Harness, url: str) -> Trial:
    """The trial with another way to the store."""
    assignments = [f"storage.{side}.endpoint_url={url}" for side in ("input", "output")]
    more = tuple(word for assignment in assignments for word in ("--set", assignment))
    return replace(trial, output=OUTPUT, arguments=(*harness.arguments, *more), statuses=[], hits=0, starts=0, wall_s=0)


def _sampler(store_url: str, expected: Reference) -> StoreSampler:
    options: Mapping[str, Any] = store.options(store_url)
    return StoreSampler(open_root(OUTPUT, options), expected.outputs)
