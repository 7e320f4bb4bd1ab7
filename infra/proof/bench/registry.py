"""Measure look-ups of keys in consent registries with different mixtures of rows.

    python -m infra.proof.bench.registry ROWS RESULT.json

Measures CPU time, one key after the other. As in practice, most rows match none of the queried keys.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from anonymizer.people.consent import Registry, load_registry
from infra.proof.bench import memory
from infra.proof.bench.figures import Figure, at_most

ASKED = 2_000
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
#: Forms of rows, by turns: exact, as they are and written otherwise; prefixes; globs that begin and end in anything.
FORMS: tuple[Callable[[int], str], ...] = (
    *([lambda i: _key(i)] * 4),
    lambda i: f" /{_key(i).replace('/', '//').upper()}",
    lambda i: f"{1900 + i % 200}/{i}/",
    lambda i: f"*-{i}.jpg",
    lambda i: f"*img_{i:07}*",
    lambda i: f"2019/*/{i}-?.jpg",
    lambda i: f"file:///lake/in/{_key(i)}",
)


def _key(i: int) -> str:
    return f"2019/{i % 100:02}/img_{i:07}.jpg"


def main(rows: int) -> dict[str, float]:
    """Queries a mixed registry with `rows` rows, one with 20,000 globs, and one with 100,000 grants for one key."""
    began = time.process_time()
    mixed = _registry([FORMS[i % len(FORMS)](i) for i in range(rows)])
    found = {"rows": float(rows), "load_s": time.process_time() - began}
    step = max(1, rows // ASKED)
    asked = [_key(i) for i in range(3, rows, step)]
    found |= {f"mixed_{name}": value for name, value in _asked(mixed, asked).items()}
    found["peak_mib"] = memory.own_peak_mib()
    del mixed
    globs = _registry([f"*-{i}.jpg" for i in range(20_000)])
    found |= {f"globs_{name}": value for name, value in _asked(globs, asked).items()}
    one = _registry(["one.jpg"] * 100_000)
    began = time.process_time()
    one.decide("one.jpg")
    found["one_s"] = time.process_time() - began
    found |= {f"beside_{name}": value for name, value in _asked(one, asked).items()}
    return found


def _registry(keys: list[str]) -> Registry:
    status = ("granted", "granted", "denied")
    lines = [f"{key},{status[i % 3]},r{i},s{i}" for i, key in enumerate(keys)]
    data = "\n".join(["key,status,record_id,subject_id", *lines]).encode()
    return load_registry(data, "registry.csv", purpose=None, as_of=AS_OF, root="file:///lake/in")


def _asked(registry: Registry, keys: list[str]) -> dict[str, float]:
    took = []
    for key in keys:
        began = time.process_time()
        registry.decide(key)
        took.append(1000 * (time.process_time() - began))
    return {"median_ms": float(np.median(took)), "most_ms": max(took)}


def figures(results: list[dict[str, float]]) -> list[Figure]:
    """The figures from results of `main`."""

    def each(name: str) -> tuple[float, ...]:
        return tuple(result[name] for result in results)

    rows = int(results[0]["rows"])
    return [
        Figure("i", f"a key, {rows:,} rows of every form, median", each("mixed_median_ms"), "ms", at_most(1)),
        Figure("i", "the dearest of these keys", each("mixed_most_ms"), "ms"),
        Figure("i", "a key, 20,000 globs that begin with `*`, median", each("globs_median_ms"), "ms", at_most(1)),
        Figure("i", "a key beside one that has 100,000 rows, median", each("beside_median_ms"), "ms", at_most(1)),
        Figure("i", "the key that has 100,000 rows, once a run", each("one_s"), "s"),
        Figure("i", f"reading {rows:,} rows", each("load_s"), "s"),
        Figure("i", "largest memory with these rows", each("peak_mib"), "MiB"),
    ]


if __name__ == "__main__":
    memory.as_installed()
    Path(sys.argv[2]).write_text(json.dumps(main(int(sys.argv[1]))))
