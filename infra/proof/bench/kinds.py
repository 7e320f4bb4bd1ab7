"""Part j: CPU time per photo, kind by kind and over a mixed lake, against deface and against a build of before.

The builds get the same photo one after the other, each in a process of its own that is warm, so that whatever else the
machine does falls on both. deface has one core, where its threads do not spend time waiting for each other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from infra.proof.bench import lake, large, rivals
from infra.proof.bench.builds import Build
from infra.proof.bench.figures import Figure, Target, at_least, at_most, ratios

PRESET = "balanced"
MIXED = "mixed lake"
NOBODY, THREE, MANY = "12 megapixels, nobody", "12 megapixels, three faces", "12 megapixels, 142 boxes"
OF_BASE = {"nonface": 0.30, MIXED: 0.45, "wider_val": 0.8, NOBODY: 0.25, THREE: 0.5, MANY: 0.7}
"""Most of the base's CPU time that each kind may take."""
OF_DEFACE: Mapping[str, Target] = {"nonface": at_least(5), MIXED: at_least(6), MANY: at_least(1 / 0.07)}
"""How many times as fast as deface on one core; 0.07 of its time is 14 times."""
MAGENTA = {"redaction": {"method": "solid", "fill": "#ff00ff"}}
_LOOP = Path(__file__).with_name("photo_loop.py")


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        lake: Files of the mixed lake.
        each: Photos of each other kind.
        large: Photos of each kind of twelve megapixels.
        rounds: Of everything but deface, which has one.
    """

    lake: int
    each: int
    large: int
    rounds: int


@dataclass
class Kinds:
    """Photos by kind, and the labels of those of the mixed lake."""

    photos: dict[str, Sequence[Path]] = field(default_factory=dict)
    labels: Path | None = None


def gather(data: Path, folder: Path, sizes: Sizes) -> Kinds:
    """Makes and chooses the photos.

    Args:
        data: Folder with `nonface`, `lfw` and `wider_val`; kinds that are not there are left out.
        folder: Is made.
        sizes: How many.
    """
    folder.mkdir(parents=True)
    sources = lake.Sources.within(data)
    chosen = {"nonface": sources.empty, "lfw": sources.portraits, "wider_val": list(sources.crowds)}
    kinds = Kinds({name: _spread(paths, sizes.each) for name, paths in chosen.items() if paths})
    made = lake.make(folder / "mixed", sizes.lake, data)
    kinds.photos[MIXED], kinds.labels = made.photos, made.labels
    nobody, three = [], []
    for number in range(sizes.large):
        rng = np.random.default_rng(1000 + number)
        picture = lake.background(sources, rng)
        nobody.append(_jpeg(folder / f"nobody-{number}.jpg", picture))
        three.append(_jpeg(folder / f"three-{number}.jpg", lake.with_three_faces(picture, sources, rng)))
    kinds.photos |= {NOBODY: nobody, THREE: three}
    if sources.crowds:
        sheets, _ = large.sheets(data / "wider_val" / "labels.csv", folder / "sheets")
        kinds.photos[MANY] = sheets[: sizes.large]
    return kinds


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """Evenly chosen: photos beside each other in a data set are alike."""
    count = min(count, len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]


def _jpeg(path: Path, picture: lake.Pixels) -> Path:
    Image.fromarray(picture).save(path, quality=92)
    return path


class Loop:
    """A build's pipeline, warm and waiting for photos."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._answer()

    def cpu_s(self, photo: Path, *target: Path) -> float:
        """CPU seconds for one photo; its result is written to `target` if there is one."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        print(json.dumps([str(photo), *map(str, target)]), file=self._process.stdin, flush=True)
        return float(self._answer()[0])

    def _answer(self) -> list[float]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the pipeline ended; what it said stands above")
        found: list[float] = json.loads(line)
        return found


@contextmanager
def loop(build: Build, settings: Mapping[str, Any]) -> Iterator[Loop]:
    """Starts a build's pipeline and ends it."""
    command = [build.python, "-P", str(_LOOP), json.dumps(settings)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=build.environ, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield Loop(process)


def figures(kinds: Kinds, builds: Sequence[Build], deface: Path | None, rounds: int) -> list[Figure]:
    """All of this part.

    Args:
        kinds: See `gather`.
        builds: This one, and the base if there is one.
        deface: Its command; None = without it.
        rounds: Of the builds.
    """
    settings = {"detector": {"preset": PRESET}}
    found: list[Figure] = []
    with ExitStack() as stack:
        loops = {build.name: stack.enter_context(loop(build, settings)) for build in builds}
        for kind, photos in kinds.photos.items():
            print(f"   {kind}: {len(photos)} photos", file=sys.stderr, flush=True)
            means = in_turns(loops, photos, rounds)
            found += _of_kind(kind, len(photos), means)
            if deface is not None:
                found += against_deface(kind, photos, means[builds[0].name], deface, kinds.photos[MIXED][0].parent)
    if deface is not None and kinds.labels is not None:
        found += coverages(kinds.photos[MIXED], kinds.labels, builds, deface)
    return found


def in_turns(loops: Mapping[str, Loop], photos: Sequence[Path], rounds: int) -> dict[str, tuple[float, ...]]:
    """Mean CPU seconds per photo, by build and round; each photo goes to every build before the next does."""
    for one in loops.values():
        one.cpu_s(photos[0])
    sums = {name: [0.0] * rounds for name in loops}
    for number in range(rounds):
        for index, photo in enumerate(photos):
            order = list(loops)
            for name in order if (index + number) % 2 else reversed(order):
                sums[name][number] += loops[name].cpu_s(photo)
    return {name: tuple(total / len(photos) for total in totals) for name, totals in sums.items()}


def _of_kind(kind: str, count: int, means: Mapping[str, tuple[float, ...]]) -> list[Figure]:
    (_, mine), *others = means.items()
    found = [Figure("j", f"{kind}, {count:,} photos: {name}", _ms(each), "ms CPU") for name, each in means.items()]
    for name, theirs in others:
        target = at_most(OF_BASE[kind]) if kind in OF_BASE else None
        found.append(Figure("j", f"{kind}: against {name}", ratios(mine, theirs), "", target))
    return found


def _ms(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(1000 * each for each in seconds)


def against_deface(
    kind: str, photos: Sequence[Path], mine: Sequence[float], command: Path, scratch: Path
) -> list[Figure]:
    """CPU time of deface on the photos beyond that of its start, on one core, and how many times as long it is."""
    with tempfile.TemporaryDirectory(dir=scratch.parent) as temporary:
        folder = Path(temporary)
        small = folder / "small.jpg"
        Image.new("RGB", (64, 64)).save(small)
        start_s, _ = _deface_cpu_s([small], folder / "start", command)
        all_s, done = _deface_cpu_s(photos, folder / "all", command)
    each = (all_s - start_s) / max(1, done)
    ratio = tuple(each / one for one in mine)
    done_of = (
        f"{kind}: deface, one core" if done == len(photos) else f"{kind}: deface, {done:,} of {len(photos):,} done"
    )
    return [
        Figure("j", f"{kind}: times as fast as deface on one core", ratio, "", OF_DEFACE.get(kind)),
        Figure("j", done_of, (1000 * each,), "ms CPU"),
    ]


def _deface_cpu_s(photos: Sequence[Path], folder: Path, command: Path) -> tuple[float, int]:
    """CPU seconds, and how many photos have a result."""
    copies = rivals.copied(photos, folder)
    process = subprocess.Popen(
        [str(command), "--backend", "onnxrt", *map(str, copies)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_on_one_core,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, sum(rivals.output_of(path).exists() for path in copies)


def _on_one_core() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def coverages(photos: Sequence[Path], labels: Path, builds: Sequence[Build], command: Path) -> list[Figure]:
    """Share of the labelled faces that each covers, with masks of one colour. Not timed."""
    faces = rivals.labelled(labels, photos)
    shares: dict[str, Callable[[Path], dict[str, Path]]] = {
        "deface at its defaults": lambda folder: rivals.deface_coloured(list(faces), folder, command),
        **{build.name: _coloured_by(build, list(faces)) for build in builds},
    }
    if not faces:
        return []
    with tempfile.TemporaryDirectory(dir=photos[0].parent.parent) as temporary:
        found = {name: rivals.coverage(faces, made(Path(temporary) / f"{name}")) for name, made in shares.items()}
    total = sum(map(len, faces.values()))
    named = f"{MIXED}, of {total:,} faces from {rivals.MIN_FACE_PX} px on covered"
    return [Figure("j", f"{named}: {name}", (share,), "share") for name, share in found.items()]


def _coloured_by(build: Build, photos: Sequence[Path]) -> Callable[[Path], dict[str, Path]]:
    def made(folder: Path) -> dict[str, Path]:
        folder.mkdir(parents=True)
        targets = {path: folder / path.name for path in photos}
        with loop(build, {"detector": {"preset": PRESET}, **MAGENTA}) as one:
            for path, target in targets.items():
                one.cpu_s(path, target)
        return {path.name: target for path, target in targets.items()}

    return made
