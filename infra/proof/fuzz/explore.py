"""Run the fuzzing loop: mutate a sample, check the invariants, keep samples that reach new code."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from anonymizer.errors import AnonymizerError
from infra.proof.fuzz.invariants import Broken
from infra.proof.fuzz.targets import Outcome, Sample, Target

MAX_SAMPLES = 4_000
MAX_NEW_BYTES = 60_000
SLOW_S = 0.015
"""Samples that take more of the processor are judged once, and not mutated."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An input for which something does not hold, and what; `place` tells findings apart."""

    sample: Sample
    kind: str
    place: str


@dataclass(slots=True)
class Tally:
    """What a run has seen so far."""

    executions: int = 0
    accepted: int = 0
    refused: int = 0
    out_of_memory: int = 0
    slowest_s: float = 0.0
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keeps the smallest input of each place."""
        known = self.findings.get(finding.place)
        if known is None or len(finding.sample.data) < len(known.sample.data):
            self.findings[finding.place] = finding


def judged(target: Target, sample: Sample) -> Outcome | Finding:
    """What a target says of one input."""
    try:
        return target.run(sample)
    except MemoryError:
        return Outcome(False, "memory", out_of_memory=True)
    except Exception as error:  # noqa: BLE001 - any other one is what we are looking for
        return Finding(sample, "broken" if isinstance(error, Broken) else type(error).__name__, _place(error))


def explore(
    target: Target,
    corpus: list[Sample],
    seed: int,
    wanted: Callable[[Tally], bool],
    before: Callable[[Tally, Sample], None] = lambda _tally, _sample: None,
) -> Tally:
    """Runs a target on its corpus and then on mutations of it.

    Args:
        target: To be fuzzed.
        corpus: At least one sample; not changed.
        seed: Decides about every mutation; which samples are too slow to be mutated, the processor decides.
        wanted: Whether to go on.
        before: Is told of each input before it is judged, and of what was seen up to there.
    """
    tally, pool, seen = Tally(), list(corpus), set[int]()
    inputs = _inputs(target, pool, Random(seed))  # noqa: S311 - not for secrets
    while wanted(tally):
        sample = next(inputs)
        before(tally, sample)
        began = time.thread_time()
        outcome = judged(target, sample)
        took_s = time.thread_time() - began
        tally.slowest_s = max(tally.slowest_s, took_s)
        tally.executions += 1
        if took_s > SLOW_S and len(pool) > 1:
            pool[:] = [known for known in pool if known is not sample]
        if isinstance(outcome, Finding):
            tally.add(outcome)
            continue
        tally.accepted += outcome.accepted
        tally.refused += not outcome.accepted
        tally.out_of_memory += outcome.out_of_memory
        signature = hash(outcome.signature)
        if signature not in seen and took_s <= SLOW_S and len(sample.data) <= MAX_NEW_BYTES and len(pool) < MAX_SAMPLES:
            seen.add(signature)
            pool.append(sample)
    return tally


def _inputs(target: Target, pool: list[Sample], rng: Random) -> Iterator[Sample]:
    """The corpus as it is, where that may pass, and mutations without end; small samples come more often."""
    if not target.name.startswith("mark-"):
        yield from tuple(pool)
    while True:
        sample, other = (min(rng.choice(pool), rng.choice(pool), key=lambda s: len(s.data)) for _ in range(2))
        yield target.make(rng, sample, other, target.format)


def _place(error: BaseException) -> str:
    """Type and innermost line of this project, for a `Broken` its text too."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/anonymizer/" in f.filename]
    inner = error if error.__cause__ is None else error.__cause__
    frames = frames or [f for f in traceback.extract_tb(inner.__traceback__) if "/anonymizer/" in f.filename]
    place = (
        f"{Path(frames[-1].filename).parent.name}/{Path(frames[-1].filename).name}:{frames[-1].lineno}"
        if frames
        else ""
    )
    text = str(error) if isinstance(error, (Broken, AnonymizerError)) else ""
    return f"{type(error).__name__} {text} {place}".strip()
