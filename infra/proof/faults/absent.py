"""Inject an unmounted OUTPUT disk: an empty folder replaces OUTPUT for a whole run or a part of one."""

from __future__ import annotations

import json
import random
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from anonymizer.lake.manifest import current
from anonymizer.lake.naming import output_key_of
from anonymizer.run.record import unchanged_count
from infra.proof.faults.harness import Harness
from infra.proof.faults.lake import Lake
from infra.proof.faults.trial import Reference, Score, Trial, judged, wait_for

#: Share of the sources that change on the second day, among those that may.
CHANGED = 0.5
#: Range of seconds after which the disk comes back during a run.
AWAY_S = (0.2, 1.5)
#: Exit statuses of runs without OUTPUT: refused, ended early, take-down outstanding.
UNDONE = (1, 2, 5)


@dataclass
class _Disk:
    """A trial's OUTPUT, which can be removed temporarily.

    Attributes:
        wrong: Problems found so far.
    """

    trial: Trial
    wrong: list[str] = field(default_factory=list)

    @property
    def _mounted(self) -> Path:
        return Path(self.trial.output)

    @property
    def _away(self) -> Path:
        return Path(f"{self.trial.output}.away")

    def newest(self) -> float:
        """Time of the last published output, seconds since the epoch."""
        return max(path.stat().st_mtime for path in self._mounted.rglob("*.jpg"))

    def hide(self) -> None:
        """Replaces OUTPUT by an empty folder."""
        self._mounted.rename(self._away)
        self._mounted.mkdir()
        self._made_ns = self._mounted.stat().st_mtime_ns

    def show(self) -> None:
        """Restores OUTPUT. Any change in the empty folder, even if undone, has changed that folder's mtime."""
        self.wrong += [f"{path.name}: in the empty folder" for path in self._mounted.iterdir()]
        if self._mounted.stat().st_mtime_ns != self._made_ns:
            self.wrong.append("the empty folder was written to")
        self._mounted.rename(f"{self.trial.output}.empty-{self.trial.hits}")
        self._away.rename(self._mounted)

    def claims(self) -> None:
        """Compares every row with the removed disk: named outputs must exist there, removed ones must not."""
        for row in current(f"{self.trial.output}.manifest").to_pylist():
            key = output_key_of(row["output_uri"], f"file://{self.trial.output}") if row["output_uri"] else None
            if key is not None and not Path(self._away, key).exists():
                self.wrong.append(f"{row['key']}: a row names an output that is not there")
            if row["status"] == "removed" and Path(self._away, row["key"]).exists():
                self.wrong.append(f"{row['key']}: a row says removed, and it is there")


@dataclass(frozen=True)
class _Days:
    """A separate lake in which, on the second day, consents are withdrawn and sources change or disappear."""

    harness: Harness

    @property
    def _folder(self) -> Path:
        return self.harness.folder / "days"

    def trial(self, name: str) -> Trial:
        trial = self.harness.trial(name)
        trial.source = str(self._folder / "in")
        # Small chunks, so that the fault hits an unfinished run.
        own = ("--consent", str(self._folder / "consent.csv"), "--set", "engine.chunk_keys=4")
        trial.arguments = (*trial.arguments, *own)
        return trial

    def first(self) -> None:
        self.harness.lake.write(self._folder / "in")

    def second(self, outputs: dict[str, bytes], dice: random.Random) -> str:
        """Makes the changes of the second day and describes them in words."""
        lake = self.harness.lake
        granted = [key for key in sorted(lake.contents) if f"\n{key}," in lake.registry]
        withdrawn = granted[0::2]
        gone = withdrawn[1::2]
        others = [key for key in sorted(outputs) if key not in granted]
        changed = dice.sample(others, int(len(others) * CHANGED))
        contents = {key: lake.contents[other] for key, other in pairwise(changed)}
        kept = "".join(f"{key},granted\n" for key in granted if key not in withdrawn)
        Lake(contents, f"key,status\n{kept}").write(self._folder / "in")
        for key in gone:
            Path(self._folder, "in", key).unlink()
        return f"{len(withdrawn)} consents withdrawn, {len(gone)} of their sources gone, {len(changed) - 1} changed"

    def listed(self) -> int:
        return sum(path.is_file() for path in Path(self._folder, "in").rglob("*"))


def disk_absent(harness: Harness) -> Score:
    """OUTPUT is missing for a whole run and during runs; in half of the latter it comes back before their end."""
    days, dice = _Days(harness), harness.dice("absent")
    days.first()
    undisturbed = days.trial("absent-undisturbed")
    trials = [days.trial(f"absent-{number}") for number in range(harness.kills)]
    before = undisturbed.reference()
    for trial in trials:
        trial.once()
    what = days.second(dict(before.outputs), dice)
    undisturbed.once()
    expected = Reference(undisturbed.outputs(), undisturbed.rows(), undisturbed.wall_s, undisturbed.statuses[-1])
    watched, ends = [], []
    for number, trial in enumerate(trials):
        disk = _Disk(trial)
        with harness.sampler(trial, expected.outputs, before.outputs) as sampler:
            if number == 0:
                _for_a_night(disk)
            _in_the_middle(disk, dice, returns=number % 2 == 1)
            ends += trial.statuses[1:]
            trial.once()
        sampler.bad += [f"{Path(trial.output).name}: {wrong}" for wrong in disk.wrong + _ended(trial, expected, days)]
        watched.append((trial, sampler))
    note = f"{what}; the runs that were hit ended with {', '.join(map(str, ends))}, the next one with 0"
    how = f"an empty folder in OUTPUT's place: one whole night, {harness.kills} × in the middle of one"
    return judged("disk absent", how, watched, expected, expected.wall_s, note)


def _for_a_night(disk: _Disk) -> None:
    """Removes OUTPUT for a whole run, which must not change a row."""
    known = disk.trial.rows()
    disk.hide()
    disk.trial.hits += 1
    if disk.trial.once() != 5:
        disk.wrong.append(f"status {disk.trial.statuses[-1]}, and a take-down is owed")
    if disk.trial.rows() != known:
        disk.wrong.append("rows were written")
    disk.claims()
    disk.show()


def _in_the_middle(disk: _Disk, dice: random.Random, *, returns: bool) -> None:
    """Removes OUTPUT during a run, after its first output; `returns`: restores it while the run is still active."""
    delay_s, away_s = dice.uniform(0.0, 0.5), dice.uniform(*AWAY_S)

    def hit(process: subprocess.Popen[bytes]) -> None:
        since = time.time()
        wait_for(lambda: disk.newest() > since, process)
        time.sleep(delay_s)
        disk.hide()
        disk.trial.hits += 1
        if returns:
            time.sleep(away_s)
            disk.show()

    status = disk.trial.once(hit)
    if not returns:
        disk.claims()
        disk.show()
        if status not in UNDONE:
            disk.wrong.append(f"status {status} without an OUTPUT")


def _ended(trial: Trial, expected: Reference, days: _Days) -> list[str]:
    """Problems in the last run's exit status and counts."""
    records = sorted(Path(f"{trial.output}.manifest", "_runs").iterdir())
    record: dict[str, Any] = json.loads(records[-1].read_text(encoding="utf-8"))
    counts = record.get("counts", {})
    accounted = unchanged_count(counts) + sum(counts.get("statuses", {}).values())
    wrong = []
    if trial.statuses[-1] != expected.exit_status:
        wrong.append(f"status {trial.statuses[-1]} in the end")
    if not counts.get("listed") == accounted == days.listed():
        wrong.append(f"{counts.get('listed')} listed, {accounted} accounted for, {days.listed()} there")
    return wrong
