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
from infra.proof.bench.figures import Figure, at_least, at_most, ratios
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
    name: str,
    found: Mapping[str, list[Usage]],
    value: Callable[[Usage], float],
    unit: str,
    most: float | None = None,
    least: float | None = None,
) -> list[Figure]:
    """The values of each build, and their ratio to the base's."""
    each = {build: tuple(map(value, usages)) for build, usages in found.items()}
    (_, mine), *others = each.items()
    target = at_most(most) if most is not None else at_least(least) if least is not None else None
    compared = [Figure("k", f"{name}: against {build}", ratios(mine, theirs), "", target) for build, theirs in others]
    return [*(Figure("k", f"{name}: {build}", values, unit) for build, values in each.items()), *compared]


def _job(source: Path, workers: int) -> _Measure:
    def measure(build: Build, folder: Path) -> Usage:
        names = [path.name for path in source.iterdir()]
        output = folder / "out"
        options = ("--workers", str(workers), "--address", "local")
        command = build.command("run", str(source), str(output), *options)
        return process_tree.measured(
            command, build.environ, is_first_there=lambda: any((output / name).exists() for name in names)
        )

    return measure


def _start(source: Path, builds: Sequence[Build], scratch: Path, rounds: int) -> list[Figure]:
    _say(f"start-up, {FEW} small photos")
    found = _in_turns(builds, _job(source, 2), scratch, rounds)
    first, end = f"command to the first of {FEW} outputs", f"command to the end of {FEW}"
    return [
        *_compared(f"{first}, CPU", found, lambda usage: usage.first_cpu_s, "s", most=0.45),
        *_compared(f"{end}, CPU", found, lambda usage: usage.cpu_s, "s", most=0.45),
        *_compared(f"{first}, time", found, lambda usage: usage.first_wall_s, "s", most=0.45),
        *_compared(f"{end}, time", found, lambda usage: usage.wall_s, "s", most=0.45),
    ]


def _memory(source: Path, builds: Sequence[Build], scratch: Path, count: int) -> list[Figure]:
    _say(f"a worker's memory over {count:,} photos of the mixed lake")
    found = _in_turns(builds, _job(source, 1), scratch)
    return [
        *_compared("a worker at its first output", found, lambda usage: usage.first_worker_mib, "MiB", most=0.65),
        *_compared(f"a worker after {count:,} photos", found, lambda usage: usage.last_worker_mib, "MiB", most=0.65),
        *_compared(f"a worker's peak over {count:,} photos", found, lambda usage: usage.peak_worker_mib, "MiB"),
        *_compared(f"driver's peak over {count:,} photos", found, lambda usage: usage.driver_peak_mib, "MiB"),
        *_compared(
            f"whole job over {count:,} photos of the mixed lake, one worker",
            found,
            lambda usage: 1000 * (usage.cpu_s - usage.first_cpu_s) / count,
            "ms CPU a photo beyond the first output",
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
        name: [Usage(cpu_s=(keys - tenth) / (large.cpu_s - small.cpu_s))]
        for name, ((large,), (small,)) in ((name, (many[name], few[name])) for name in many)
    }
    return [
        *_compared(
            f"keys planned a second of CPU, {keys:,} of an inventory", rates, lambda one: one.cpu_s, "1/s", least=6
        ),
        *_compared(f"driver's peak over {keys:,} keys", many, lambda usage: usage.driver_peak_mib, "MiB"),
        *_driver_bound(f"driver's peak over {keys:,} keys, new", many[builds[0].name]),
    ]


def _driver_bound(name: str, usages: Sequence[Usage]) -> list[Figure]:
    return [Figure("k", name, tuple(usage.driver_peak_mib for usage in usages), "MiB", at_most(250))]


def _dry_run(url: str, count: int) -> _Measure:
    def measure(build: Build, folder: Path) -> Usage:
        listed = f"s3://{_BUCKET}/inventory-{count}/manifest.json"
        options = ("--keys", listed, "--dry-run", "--set", f"storage.input.endpoint_url={url}")
        command = build.command("run", f"s3://{_BUCKET}/photos", str(folder / "out"), *options)
        return process_tree.measured(command, {**build.environ, **store.ENVIRONMENT})

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
        *_compared(f"unchanged night over {rows:,} rows, CPU", found, lambda usage: usage.cpu_s, "s", most=0.4),
        *_compared(f"driver's peak on that night of {rows:,}", found, lambda usage: usage.driver_peak_mib, "MiB"),
        *_driver_bound(f"driver's peak on that night of {rows:,}, new", found[builds[0].name]),
    ]


def _say(what: str) -> None:
    print(f"   {what}", file=sys.stderr, flush=True)
