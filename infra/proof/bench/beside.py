"""Part k: what is not a photo's own work, as the command line shows it: start-up, memory, planning; beside a base.

Every command is measured from outside with all the processes that it starts (`process_tree`), so the same works for any
build that has the command.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.proof.bench import process_tree, store
from infra.proof.bench.builds import Build
from infra.proof.bench.figures import Figure, Target, at_least, at_most, ratios
from infra.proof.bench.process_tree import Usage

FEW = 12
_BUCKET = "lake"
_PART_KEYS = 100_000
_Measure = Callable[[Build, Path], Usage]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        photos: Of the run after which a worker's memory is read.
        keys: Of the inventory.
        rows: Of the manifest on the unchanged night.
        rounds: Of start-up; the others have one.
    """

    photos: int
    keys: int
    rows: int
    rounds: int


def figures(small: Sequence[Path], mixed: Sequence[Path], builds: Sequence[Build], sizes: Sizes) -> list[Figure]:
    """All of this part.

    Args:
        small: Twelve small photos.
        mixed: The mixed lake; repeated under other names where `sizes.photos` are more.
        builds: This one, and the base if there is one.
        sizes: How much.
    """
    with tempfile.TemporaryDirectory(prefix="beside-", dir=mixed[0].parent.parent) as temporary:
        scratch = Path(temporary)
        return [
            *_start(_linked(small[:FEW], scratch / "few", FEW), builds, scratch, sizes.rounds),
            *_memory(_linked(mixed, scratch / "many", sizes.photos), builds, scratch, sizes.photos),
            *_inventory(builds, scratch, sizes.keys),
            *_night(builds, scratch, sizes.rows),
        ]


def _linked(photos: Sequence[Path], folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        photo = photos[number % len(photos)]
        (folder / f"{number:06d}-{photo.name}").hardlink_to(photo.resolve())
    return folder


def _in_turns(builds: Sequence[Build], measure: _Measure, scratch: Path, rounds: int = 1) -> dict[str, list[Usage]]:
    """What each round took, by build."""
    found: dict[str, list[Usage]] = {build.name: [] for build in builds}
    for number in range(rounds):
        for build in builds if number % 2 else reversed(builds):
            folder = Path(tempfile.mkdtemp(dir=scratch))
            found[build.name].append(measure(build, folder))
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _compared(
    name: str, found: Mapping[str, list[Usage]], value: Callable[[Usage], float], unit: str, most: float | None = None
) -> list[Figure]:
    values = {build: tuple(map(value, usages)) for build, usages in found.items()}
    return _beside_each_other(name, values, unit, None if most is None else at_most(most))


def _beside_each_other(
    name: str, values: Mapping[str, tuple[float, ...]], unit: str, target: Target | None
) -> list[Figure]:
    """The values of each build, and the ratio of the first one's to each other's."""
    (_, mine), *others = values.items()
    compared = [Figure("k", f"{name}: against {build}", ratios(mine, theirs), "", target) for build, theirs in others]
    return [*(Figure("k", f"{name}: {build}", each, unit) for build, each in values.items()), *compared]


def _job(source: Path, workers: int) -> _Measure:
    """A run from disk to disk, with two marks: its first output, and its last."""

    def measure(build: Build, folder: Path) -> Usage:
        output = folder / "out"
        missing = [path.name for path in source.iterdir()]
        names = set(missing)

        def first() -> bool:
            return output.is_dir() and any(path.name in names for path in output.iterdir())

        def last() -> bool:
            while missing and (output / missing[-1]).exists():
                missing.pop()
            return not missing

        options = ("--workers", str(workers), "--address", "local")
        command = build.command("run", str(source), str(output), *options)
        return process_tree.measured(command, build.environ, (first, last))

    return measure


def _start(source: Path, builds: Sequence[Build], scratch: Path, rounds: int) -> list[Figure]:
    _say(f"start-up, {FEW} small photos")
    found = _in_turns(builds, _job(source, 2), scratch, rounds)
    first, end = f"command to the first of {FEW} outputs", f"command to the end of {FEW}"
    return [
        *_compared(f"{first}, CPU", found, lambda usage: usage.marks[0].cpu_s, "s", most=0.45),
        *_compared(f"{end}, CPU", found, lambda usage: usage.end.cpu_s, "s", most=0.45),
        *_compared(f"{first}, time", found, lambda usage: usage.marks[0].wall_s, "s", most=0.45),
        *_compared(f"{end}, time", found, lambda usage: usage.end.wall_s, "s", most=0.45),
    ]


def _memory(source: Path, builds: Sequence[Build], scratch: Path, count: int) -> list[Figure]:
    _say(f"a worker's memory over {count:,} photos of the mixed lake")
    found = _in_turns(builds, _job(source, 1), scratch)
    return [
        *_compared("a worker at its first output", found, lambda usage: usage.marks[0].worker_mib, "MiB", most=0.65),
        *_compared(
            f"a worker after {count:,} photos", found, lambda usage: usage.marks[1].worker_mib, "MiB", most=0.65
        ),
        *_compared(f"a worker's peak over {count:,} photos", found, lambda usage: usage.worker_peak_mib, "MiB"),
        *_compared(f"driver's peak over {count:,} photos", found, lambda usage: usage.driver_peak_mib, "MiB"),
        *_compared(
            f"whole job over {count:,} photos of the mixed lake, one worker",
            found,
            lambda usage: 1000 * (usage.marks[1].cpu_s - usage.marks[0].cpu_s) / count,
            "ms CPU a photo between the first output and the last",
        ),
    ]


def _inventory(builds: Sequence[Build], scratch: Path, keys: int) -> list[Figure]:
    """A dry run over an inventory, against one over a tenth of it, so that the start does not count."""
    _say(f"planning {keys:,} keys of an inventory")
    tenth = keys // 10
    with store.running() as url:
        for count in (tenth, keys):
            _plant_inventory(url, count)
        few, many = (_in_turns(builds, _dry_run(url, count), scratch) for count in (tenth, keys))
    rates = {
        name: ((keys - tenth) / (most.end.cpu_s - least.end.cpu_s),)
        for name, most, least in ((name, many[name][0], few[name][0]) for name in many)
    }
    name = f"keys planned a second of CPU, {keys:,} of an inventory"
    return [
        *_beside_each_other(name, rates, "1/s", at_least(6)),
        *_compared(f"driver's peak over {keys:,} keys", many, lambda usage: usage.driver_peak_mib, "MiB"),
        *_driver_bound(f"driver's peak over {keys:,} keys, new", many[builds[0].name]),
    ]


def _driver_bound(name: str, usages: Sequence[Usage]) -> list[Figure]:
    return [Figure("k", name, tuple(usage.driver_peak_mib for usage in usages), "MiB", at_most(250))]


def _dry_run(url: str, count: int) -> _Measure:
    def measure(build: Build, folder: Path) -> Usage:
        listed = f"s3://{_BUCKET}/inventory-{count}/manifest.json"
        command = build.command("run", f"s3://{_BUCKET}/photos", str(folder / "out"), "--keys", listed, "--dry-run")
        return process_tree.measured(command, {**build.environ, **store.ENVIRONMENT, "AWS_ENDPOINT_URL": url})

    return measure


def _plant_inventory(url: str, count: int) -> None:
    """An S3 Inventory in Parquet of keys that do not exist."""
    files = []
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, count, _PART_KEYS):
        numbers = range(first, min(first + _PART_KEYS, count))
        table = pa.table(
            {
                "key": [f"photos/{number // 1000:06d}/{number:09d}.jpg" for number in numbers],
                "size": pa.array([100_000 + number % 977 for number in numbers], pa.int64()),
                "e_tag": [hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest() for number in numbers],
                "last_modified_date": pa.array([moment] * len(numbers), pa.timestamp("ms", "UTC")),
            }
        )
        written = io.BytesIO()
        pq.write_table(table, written)
        files.append({"key": f"inventory-{count}/{first}.parquet"})
        store.plant(url, f"{_BUCKET}/{files[-1]['key']}", written.getvalue())
    manifest = {"sourceBucket": _BUCKET, "destinationBucket": f"arn:aws:s3:::{_BUCKET}", "fileFormat": "Parquet"}
    said = json.dumps({**manifest, "fileSchema": "", "files": files}).encode()
    store.plant(url, f"{_BUCKET}/inventory-{count}/manifest.json", said)


def _night(builds: Sequence[Build], scratch: Path, rows: int) -> list[Figure]:
    """A run over a listing in which nothing has changed; each build's first night makes its own manifest."""
    _say(f"an unchanged night over {rows:,} rows")
    with store.running(keys=rows) as url:
        folders = {build.name: Path(tempfile.mkdtemp(dir=scratch)) for build in builds}

        def night(build: Build, what: str) -> list[str]:
            result = str(folders[build.name] / "result.json")
            module = (build.python, "-P", "-m", "infra.proof.bench.night")
            return [*module, str(folders[build.name]), url, what, result]

        for build in builds:
            environ = {**build.environ, **store.ENVIRONMENT}
            subprocess.run(night(build, "FIRST"), check=True, env=environ, stdout=subprocess.DEVNULL)

        def second(build: Build, _: Path) -> Usage:
            return process_tree.measured(night(build, "SECOND"), {**build.environ, **store.ENVIRONMENT})

        found = _in_turns(builds, second, scratch)
    return [
        *_compared(f"unchanged night over {rows:,} rows, CPU", found, lambda usage: usage.end.cpu_s, "s", most=0.4),
        *_compared(f"driver's peak on that night of {rows:,}", found, lambda usage: usage.driver_peak_mib, "MiB"),
        *_driver_bound(f"driver's peak on that night of {rows:,}, new", found[builds[0].name]),
    ]


def _say(what: str) -> None:
    print(f"   {what}", file=sys.stderr, flush=True)
