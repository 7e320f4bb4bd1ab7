"""Parts b, c and d: whole runs compared with a minimal loop, with fewer workers, and with a distant object store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.proof.bench import runs, store
from infra.proof.bench.figures import Figure, at_least, ratios

LATENCY_S = 0.030
MANY = 2_000
"""Number of photos for which part b projects the duration of a whole run."""


@dataclass(frozen=True)
class Bench:
    """The common parameters of the parts.

    Attributes:
        photos: The photos, in one folder.
        rounds: Number of measurements.
        settings: `--set` for every run, e.g. `detector.preset=fast`.
        scratch: A folder on the disk to be measured.
    """

    photos: Sequence[Path]
    rounds: int
    settings: tuple[str, ...]
    scratch: Path

    def repeated(self, times: int) -> Bench:
        """The same photos repeated under other names, so that a run is long enough for a steady-state rate."""
        folder = self.scratch / f"{self.photos[0].parent.name}-{times}-times"
        if not folder.exists():
            folder.mkdir()
            for number in range(times):
                for path in self.photos:
                    (folder / f"{number}-{path.name}").hardlink_to(path)
        return replace(self, photos=sorted(folder.iterdir()))

    @property
    def source(self) -> str:
        return str(self.photos[0].parent)

    def run(self, workers: int, *more: str) -> runs.Run:
        """A run from disk to disk."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            return runs.timed(self.source, f"{folder}/out", self.options(workers, *more))

    def options(self, workers: int, *more: str) -> list[str]:
        """Arguments of a run."""
        given = [argument for setting in (*self.settings, *more) for argument in ("--set", setting)]
        return ["--workers", str(workers), *given]


def against_bare_loop(bench: Bench, settings: dict[str, object], workers: int = 2) -> list[Figure]:
    """Part b."""
    mine, bare = [], []
    for _ in range(bench.rounds):
        bare.append(runs.bare_rate(bench.photos, workers, settings))
        mine.append(bench.run(workers))
    steady = tuple(run.images_per_s for run in mine)
    whole = tuple(run.projected_per_s(MANY) for run in mine)
    return [
        Figure("b", "steady rate against the bare loop", ratios(steady, bare), "", at_least(0.92)),
        Figure("b", f"whole run over {MANY:,} photos (projected) against the bare loop", ratios(whole, bare)),
        Figure("b", "this job, steady", steady, "img/s"),
        Figure("b", "bare loop", tuple(bare), "img/s"),
        Figure("b", f"whole run over {len(bench.photos):,} photos", tuple(run.whole_s for run in mine), "s"),
    ]


def two_workers(bench: Bench) -> list[Figure]:
    """Part c."""
    one, two = [], []
    for _ in range(bench.rounds):
        one.append(bench.run(1).images_per_s)
        two.append(bench.run(2).images_per_s)
    return [
        Figure("c", "two workers against one, steady rates", ratios(two, one), "", at_least(1.9)),
        Figure("c", "one worker", tuple(one), "img/s"),
        Figure("c", "two workers", tuple(two), "img/s"),
    ]


def far_away(bench: Bench) -> list[Figure]:
    """Part d."""
    far, near = [], []
    with store.running(LATENCY_S) as url:
        for path in bench.photos:
            store.plant(url, f"lake/in/{path.name}", path.read_bytes())
        ends = [f"storage.{end}.endpoint_url={url}" for end in ("input", "output")]
        for number in range(bench.rounds):
            near.append(bench.run(2).images_per_s)
            options = bench.options(2, *ends)
            environ = os.environ | store.ENVIRONMENT
            output = f"s3://lake/out-{number}"
            run = runs.timed("s3://lake/in", output, options, environ=environ, storage=store.options(url))
            far.append(run.images_per_s)
    return [
        Figure("d", "S3 with 30 ms against the local disk, steady rates", ratios(far, near), "", at_least(0.9)),
        Figure("d", "S3 to S3", tuple(far), "img/s"),
        Figure("d", "disk to disk", tuple(near), "img/s"),
    ]
