"""Images per second of a whole `anonymizer run`, against a bare loop that only decodes, detects and encodes.

    python jobs/benchmark.py [--photos FOLDER] [--images 240] [--rounds 3]

Both read the same photos on the same machine, in turns. A run pays for Ray, listing, reading, publishing and manifest;
what starting and ending costs is measured by itself, on a folder with two photos. The bare loop is
`anonymizer.Anonymizer` in a `multiprocessing` pool that is warm when the clock starts, and throws its results away.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from anonymizer import Anonymizer

WORKERS = (1, 2)
FEW = 2
"""Photos of the run that tells what starting and ending costs."""
SIDES_PX = (512, 900, 1200)
"""Longer sides of the generated photos."""

_anonymizer: Anonymizer
"""One per process of the pool."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one round with `workers` workers."""

    workers: int
    run_s: float
    few_s: float
    bare_s: float

    def steady(self, count: int) -> float:
        """Images per second beyond what a run of two photos takes: what a long run tends to."""
        return (count - FEW) / (self.run_s - self.few_s)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="JPEG photos to take in place of generated ones")
    parser.add_argument("--images", type=int, default=240, metavar="N", help="how many photos (default: 240)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="medians are over so many (default: 3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_inputs(folder, options.photos, options.images)
        count = len(list((folder / "many").iterdir()))
        timings = [measure(folder, workers) for _ in range(options.rounds) for workers in WORKERS]
    print(table(timings, count))
    return 0


def make_inputs(folder: Path, photos: Path | None, images: int) -> None:
    """`many` with up to `images` photos and `few` with the first two of them."""
    many, few = folder / "many", folder / "few"
    many.mkdir()
    few.mkdir()
    if photos is None:
        generate(many, images)
    else:
        for path in sorted(photos.rglob("*.jp*g"))[:images]:
            shutil.copyfile(path, many / f"{path.parent.name}-{path.name}")
    for path in sorted(many.iterdir())[:FEW]:
        shutil.copyfile(path, few / path.name)


def generate(folder: Path, images: int) -> None:
    """Portraits, a cup and a rocket from scikit-image, in three sizes, every other one mirrored."""
    import skimage.data

    pictures = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.astronaut(), skimage.data.rocket()]
    for index in range(images):
        picture = pictures[index % len(pictures)][..., ::-1]
        if index // len(pictures) % 2:
            picture = picture[:, ::-1]
        factor = SIDES_PX[index % len(SIDES_PX)] / max(picture.shape)
        resized = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{index:05d}.jpg"), resized, [cv2.IMWRITE_JPEG_QUALITY, 90])


def measure(folder: Path, workers: int) -> Timing:
    """One round."""
    return Timing(
        workers=workers,
        run_s=timed_run(folder / "many", workers),
        few_s=timed_run(folder / "few", workers),
        bare_s=timed_loop(sorted((folder / "many").iterdir()), workers),
    )


def timed_run(photos: Path, workers: int) -> float:
    """Seconds of a whole `anonymizer run` into an empty folder.

    Raises:
        CalledProcessError: A photo could not be made safe, or the run failed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        program = "import sys; from anonymizer.cli import entry_point; entry_point()"
        output = Path(temporary) / "out"
        command = [sys.executable, "-c", program, "run", str(photos), str(output)]
        began = time.perf_counter()
        options = ["--workers", str(workers), "--address", "local"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        return time.perf_counter() - began


def timed_loop(paths: Sequence[Path], processes: int) -> float:
    """Seconds in which a warm pool anonymizes all files."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_make_anonymizer) as pool:
        # As many slow tasks as processes: each has made its detector before the clock starts.
        pool.map(_anonymized_bytes, [str(paths[0])] * 4 * processes, chunksize=1)
        began = time.perf_counter()
        for _ in pool.imap_unordered(_anonymized_bytes, map(str, paths)):
            pass
        return time.perf_counter() - began


def _make_anonymizer() -> None:
    global _anonymizer
    cv2.setNumThreads(1)
    _anonymizer = Anonymizer()


def _anonymized_bytes(path: str) -> int:
    return len(_anonymizer(Path(path).read_bytes()).data)


def table(timings: Sequence[Timing], count: int) -> str:
    """Medians over the rounds as a Markdown table; a ratio is formed within its round."""
    lines = [
        f"{count} photos, {len(timings) // len(WORKERS)} rounds, medians; "
        f"{os.cpu_count()} CPUs ({platform.machine()}), Python {platform.python_version()}",
        "",
        "| workers | whole run, s | run of two photos, s | whole run, images/s | beyond those two, images/s "
        "| bare loop, images/s | ratio to it (range) |",
        "|---|---|---|---|---|---|---|",
    ]
    for workers in WORKERS:
        mine = [timing for timing in timings if timing.workers == workers]
        columns = [
            statistics.median(timing.run_s for timing in mine),
            statistics.median(timing.few_s for timing in mine),
            statistics.median(count / timing.run_s for timing in mine),
            statistics.median(timing.steady(count) for timing in mine),
            statistics.median(count / timing.bare_s for timing in mine),
            statistics.median(timing.steady(count) * timing.bare_s / count for timing in mine),
        ]
        spread = sorted(timing.steady(count) * timing.bare_s / count for timing in mine)
        cells = [f"{value:.2f}" for value in columns]
        lines.append(f"| {workers} | {' | '.join(cells)} ({spread[0]:.2f} to {spread[-1]:.2f}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
