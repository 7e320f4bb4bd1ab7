"""Inject faults in sources, disks, manifests, image processing and clocks."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.proof.faults.harness import Harness
from infra.proof.faults.trial import Reference, Row, Score, Trial, judged, wait_for

INJECTED = "infra.proof.faults.injected"
#: Objects of which every second is changed and every second deleted.
TOUCHED = 80
#: After the run's record is there, its listing begins.
LISTED_S = 0.5
#: A short time limit per image.
IMAGE_TIME_S = 3


@dataclass(frozen=True)
class _Edits:
    """Changes of sources between listing and reading.

    Attributes:
        altered: Key → the key whose content it takes.
        deleted: Keys of deleted sources.
    """

    altered: Mapping[str, str]
    deleted: Sequence[str]

    def make(self, source: Path, contents: Mapping[str, bytes]) -> int:
        """Edits the files and returns how many there were."""
        for key, other in self.altered.items():
            Path(source, key).write_bytes(contents[other])
        for key in self.deleted:
            Path(source, key).unlink()
        return len(self.altered) + len(self.deleted)

    def outputs(self, undisturbed: Mapping[str, bytes]) -> dict[str, bytes]:
        """The expected outputs: the undisturbed run's, with altered objects replaced."""
        return {**undisturbed, **{key: undisturbed[other] for key, other in self.altered.items()}}

    def reference(self, undisturbed: Reference, first: Mapping[str, Row], rows: Mapping[str, Row]) -> Reference:
        """The expected result: altered objects are processed again, deleted ones stay as after the first run.

        Args:
            undisturbed: The result of the undisturbed run.
            first: The rows after the run during which the edits were made.
            rows: The rows after the next run.
        """
        gone = {key for key in self.deleted if not first[key]["published"]}
        outputs = {key: data for key, data in self.outputs(undisturbed.outputs).items() if key not in gone}
        wanted = {key: _with_source(row, rows[key]) for key, row in undisturbed.rows.items()}
        for key, other in self.altered.items():
            wanted[key] = _with_source(undisturbed.rows[other], rows[key])
        wanted |= {key: first[key] for key in self.deleted}
        return Reference(outputs, wanted, undisturbed.wall_s, undisturbed.exit_status)


def _edits(harness: Harness) -> _Edits:
    """Chooses objects without registry rows, and few enough that all are listed before Ray has started."""
    redacted = [key for key in sorted(harness.reference.outputs) if f"\n{key}," not in harness.lake.registry]
    listed, elsewhere = redacted[:TOUCHED], redacted[TOUCHED : 2 * TOUCHED]
    return _Edits(dict(zip(listed[0::2], elsewhere, strict=False)), listed[1::2])


def changed(harness: Harness) -> Score:
    """During a run some objects are overwritten and others deleted; the next run must correct this."""
    expected, edits = harness.reference, _edits(harness)
    trial = harness.trial("changed")
    trial.source = str(harness.folder / "in-changed")
    harness.lake.write(Path(trial.source))

    def hit(process: subprocess.Popen[bytes]) -> None:
        wait_for(lambda: any(Path(f"{trial.output}.manifest", "_runs").iterdir()), process)
        time.sleep(LISTED_S)
        trial.hits += edits.make(Path(trial.source), harness.lake.contents)

    with harness.sampler(trial) as sampler:
        trial.once(hit)
    first = trial.rows()
    again = harness.sampler(trial, edits.outputs(expected.outputs))
    trial.once()
    with again:  # One listing after the end of the run.
        pass
    rows = trial.rows()
    sampler.bad += again.bad
    for key, other in edits.altered.items():
        if rows[key]["source_sha256"] != expected.rows[other]["source_sha256"]:
            sampler.bad.append(f"{key}: the row is not for the current content")
    codes = [first[key]["error_code"] for key in (*edits.altered, *edits.deleted)]
    note = (
        f"{codes.count('source_changed')} rows `source_changed`, {codes.count('source_gone')} `source_gone`; "
        "the next run processed the existing ones"
    )
    how = f"{len(edits.altered)} objects overwritten, {len(edits.deleted)} deleted between listing and reading"
    reference = edits.reference(expected, first, rows)
    return judged("object changed or deleted", how, [(trial, sampler)], reference, expected.wall_s, note)


def _with_source(row: Row, like: Row) -> Row:
    """The row for the same content under another key."""
    names = ("key", "source_uri", "source_etag", "source_modified", "consent_sha256", "consent_record_ids")
    return row | {name: like[name] for name in names}


def disk_full(harness: Harness) -> Score:
    """OUTPUT's disk is full after half of the outputs; it is enlarged before the run is started again."""
    expected = harness.reference
    folder = harness.folder / "small-disk"
    folder.mkdir()
    half = sum(map(len, expected.outputs.values())) // 2
    _mount(folder, half)
    try:
        trial = harness.trial("disk-full")
        trial.output = str(folder / "out")
        trial.arguments = (*trial.arguments, "--manifest", str(harness.folder / "disk-full.manifest"))
        trial = _WithManifest(**vars(trial))
        with harness.sampler(trial) as sampler:
            first = trial.once()
            failed = sum(row["status"] == "failed" for row in trial.rows().values()) if first != 1 else 0
            trial.hits = 1
            _mount(folder, 8 * half, "remount,")
            trial.to_the_end(expected.exit_status)
        note = f"the first start ended with {first}" + (f" and {failed} `failed` rows" if failed else "")
        how = "OUTPUT on a file system with room for half of it"
        return judged("disk full", how, [(trial, sampler)], expected, expected.wall_s, note)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class _WithManifest(Trial):
    """A trial with its manifest in another folder."""

    def rows(self) -> dict[str, Row]:
        return replace(self, output=self.arguments[-1].removesuffix(".manifest")).rows_here()

    def rows_here(self) -> dict[str, Row]:
        return super().rows()


def _mount(folder: Path, size_bytes: int, how: str = "") -> None:
    blocks = 4096 * (size_bytes // 4096 + 1)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how}size={blocks}", "tmpfs", str(folder)], check=True)


def corrupt_part(harness: Harness) -> Score:
    """The manifest's parts are truncated: expects a one-line error and no published or removed output."""
    expected = harness.reference
    trial = harness.trial("corrupt")
    with harness.sampler(trial) as sampler:
        trial.once()
        before = trial.outputs()
        parts = sorted(Path(f"{trial.output}.manifest").glob("run_id=*/*.parquet"))
        whole = {part: part.read_bytes() for part in parts}
        states = _state_parts(trial)
        for part, data in (whole | states).items():
            part.write_bytes(data[: len(data) // 2])
        trial.hits = len(whole) + len(states)
        trial.log.unlink()
        status = trial.once()
        said = trial.log.read_text(encoding="utf-8").strip().splitlines()
        if trial.outputs() != before:
            sampler.bad.append("the run with a damaged table changed outputs")
        for part, data in (whole | states).items():
            part.write_bytes(data)
        trial.to_the_end(expected.exit_status)
    if status != 1 or any("Traceback" in line for line in said):
        sampler.bad.append(f"status {status}: {said[-1:]}")
    note = f"exit status {status}, {len(said)} line{'s' if len(said) != 1 else ''}; right again with the part put back"
    how = "all of its parts cut in half"
    return judged("corrupt manifest of an earlier run", how, [(trial, sampler)], expected, expected.wall_s, note)


def _state_parts(trial: Trial) -> dict[Path, bytes]:
    folder = Path(f"{trial.output}.manifest", "_state")
    return {part: part.read_bytes() for part in sorted(folder.glob("*/*.parquet"))}


def hang(harness: Harness) -> Score:
    """The processing of one image never ends."""
    more = ("--set", f"engine.image_time_s={IMAGE_TIME_S}")
    how = f"processing of one image never ends; engine.image_time_s={IMAGE_TIME_S}"
    return _poisoned(harness, "detector hangs", how, "FAULT_HANG", "timeout", more)


def memory(harness: Harness) -> Score:
    """One image exhausts the memory: the worker that processes it is killed every time."""
    how = "the worker is killed by SIGKILL whenever it processes one image"
    return _poisoned(harness, "out of memory on one image", how, "FAULT_MEMORY", "poison_image", ())


def _poisoned(harness: Harness, fault: str, how: str, variable: str, code: str, more: tuple[str, ...]) -> Score:
    expected = harness.reference
    key = sorted(expected.outputs)[len(expected.outputs) // 2]
    trial = harness.trial(variable.lower(), {variable: key}, INJECTED)
    trial.arguments = (*trial.arguments, *more)
    good = {other: data for other, data in expected.outputs.items() if other != key}
    with harness.sampler(trial, good) as sampler:
        trial.to_the_end(3)
        trial.hits = 1
    row = trial.rows()[key]
    if row["status"] != "failed" or code not in str(row["error_code"]):
        sampler.bad.append(f"{key}: {row['status']} {row['error_code']}")
    reference = Reference(good, {**expected.rows, key: row}, expected.wall_s, expected.exit_status)
    note = f"its row is `failed {row['error_code']}`"
    return judged(fault, how, [(trial, sampler)], reference, expected.wall_s, note)


def clock(harness: Harness) -> Score:
    """The driver's clock is two days behind in the second run, whose rows must still be the current ones."""
    expected = harness.reference
    trial = harness.trial("clock", {"FAULT_CLOCK_S": "0"}, INJECTED)
    with harness.sampler(trial) as sampler:
        trial.once()
        trial.environ = {"FAULT_CLOCK_S": str(-2 * 86_400)}
        trial.arguments = (*trial.arguments, "--force")
        trial.hits = 1
        trial.once()
    records = sorted(Path(f"{trial.output}.manifest", "_runs").iterdir())
    first, second = (json.loads(record.read_text(encoding="utf-8")) for record in records)
    if not (second["started"] < first["started"] and second["finished"]):
        sampler.bad.append("the second run is not the one with the wrong clock")
    note = "run ids ascend though the clock does not"
    return judged("clock skew", "the driver's clock two days behind in the second run", [(trial, sampler)], expected,
                  2 * expected.wall_s, note)  # fmt: skip
