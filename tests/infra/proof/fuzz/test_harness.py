"""The fuzzer itself: it has to find what is there to be found."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from random import Random

import pytest

from infra.docs.generate.figures import Measurement
from infra.proof.fuzz import __main__ as command
from infra.proof.fuzz import child, run, store
from infra.proof.fuzz.containers import CONTAINERS, container_of
from infra.proof.fuzz.corpus import samples
from infra.proof.fuzz.directories import entries, with_entry
from infra.proof.fuzz.explore import Finding, Tally, explore, judged
from infra.proof.fuzz.invariants import Broken
from infra.proof.fuzz.mutate import MAX_BYTES, mutated
from infra.proof.fuzz.plant import MARKER, planted
from infra.proof.fuzz.sources import looping_exif, sources, tiled
from infra.proof.fuzz.targets import WRITTEN, Outcome, Sample, Target, path_of
from infra.proof.fuzz.tasks import Task
from infra.proof.fuzz.watch import Board
from tests.image.codec import jxl


def _target(run: object) -> Target:
    return Target("own", "png", "sources", run)  # type: ignore[arg-type]


def _breaks_on_text(sample: Sample) -> Outcome:
    if b"tEXt" in sample.data:
        raise Broken("text")
    return Outcome(True)


@pytest.mark.parametrize("format_name", CONTAINERS)
def test_parts_put_together_are_the_file(format_name: str) -> None:
    for data in sources(format_name):
        container = container_of(data, format_name)
        assert container is not None
        parts = container.split(data)
        assert container.join(parts) == data
        assert any(part.name for part in parts)


def test_directories_are_found_and_loops_end() -> None:
    assert len(entries(tiled())) == 20
    assert len(entries(b"junk" + looping_exif())) == 5
    assert entries(b"no directory") == []


def test_an_entry_more_is_an_entry_more() -> None:
    dirty = with_entry(tiled(), 305, MARKER)
    assert len(entries(dirty)) == 21
    assert dirty.endswith(MARKER)


def test_mutations_pass_the_checksum() -> None:
    (plain, *_), chance = sources("png"), Random(1)
    intact = 0
    for _ in range(300):
        data = mutated(chance, plain, plain, "png")
        assert len(data) <= MAX_BYTES
        size = int.from_bytes(data[8:12], "big")
        header = data[12 : 16 + size]
        intact += data != plain and size == 13 and data[29:33] == struct.pack(">I", zlib.crc32(header))
    assert intact > 100


@pytest.mark.parametrize("format_name", WRITTEN)
def test_planting_changes_the_file(format_name: str) -> None:
    if format_name == "jxl" and not jxl.IS_HERE:
        pytest.skip("libjxl is not here")
    data, chance = sources(format_name)[0], Random(2)
    ways = set()
    for _ in range(100):
        dirty, how = planted(chance, data, format_name)
        assert MARKER in dirty
        ways.add(how)
    assert len(ways) > 5


def test_what_is_broken_is_found_and_the_smallest_is_kept() -> None:
    target = _target(_breaks_on_text)
    corpus = [Sample(b"tEXt" + bytes(9)), Sample(b"fine"), Sample(b"tEXt")]
    tally = explore(target, corpus, 1, lambda now: now.executions < 3)
    (finding,) = tally.findings.values()
    assert (finding.sample.data, finding.kind, tally.accepted) == (b"tEXt", "broken", 1)


def test_another_exception_is_a_finding_and_memory_is_none() -> None:
    def fails(sample: Sample) -> Outcome:
        raise MemoryError if sample.data else KeyError("a text that stays here")

    finding = judged(_target(fails), Sample(b""))
    assert isinstance(finding, Finding)
    assert finding.kind == "KeyError"
    assert "text" not in finding.place
    assert judged(_target(fails), Sample(b"1")) == Outcome(False, "memory", out_of_memory=True)


def test_the_same_seed_tries_the_same() -> None:
    tried: list[list[bytes]] = [[], []]
    for run_of in tried:
        note = run_of.append
        explore(
            _target(lambda s: Outcome(True)),
            [Sample(data) for data in sources("png")],
            5,
            lambda now: now.executions < 80,
            lambda _, sample, note=note: note(sample.data),  # type: ignore[misc]
        )
    assert tried[0] == tried[1]


def test_paths_tell_lines_apart() -> None:
    def error_of(text: str) -> Exception:
        try:
            int(text)
            float("x")
        except ValueError as error:
            return error
        raise AssertionError

    assert path_of(error_of("x")) == path_of(error_of("y")) != path_of(error_of("1"))


def test_findings_are_stored_for_replay(tmp_path: Path) -> None:
    sample = Sample(b"data", 3, 4, 5, "how")
    path = store.save("sniff", 9, Finding(sample, "kind", "place"), tmp_path)
    assert store.load(path) == ("sniff", sample)
    assert run.replay(Task("sniff", sample=sample)).findings == {}


def test_a_child_fuzzes_and_comes_back() -> None:
    score = run.fuzz(Task("walk-bmp", seed=1, seconds=1.5))
    assert score.findings == {}
    assert score.executions > score.corpus > 10
    assert score.executions == score.accepted + score.refused
    assert "| `walk-bmp` |" in command.table({score.target: command.values(score)})


@pytest.mark.parametrize(("end", "kind"), [(signal.SIGSEGV, "crash SIGSEGV"), (None, "hang")])
def test_what_a_lost_child_held_is_the_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: signal.Signals | None, kind: str
) -> None:
    """The child is made here, with the board of a real one."""
    if end is None:
        monkeypatch.setattr(run, "HANG_CLOCK_S", 0.2)
    with Board(tmp_path / "board") as board:
        board.note(Tally(7, 3, 4), Sample(b"deadly", 1, 2, 3))
        program = (
            "import os, sys, time; time.sleep(60) if sys.argv[1] == '0' else os.kill(os.getpid(), int(sys.argv[1]))"
        )
        lost = subprocess.Popen([sys.executable, "-c", program, str(int(end or 0))])
        hung = run._watched(lost, board, 5.0)
        result = run._lost(board, lost.returncode, hung, "")
    (finding,) = result.tally.findings.values()
    assert (finding.kind, finding.sample) == (kind, Sample(b"deadly", 1, 2, 3))
    assert result.tally.executions == 8


def test_the_corpus_takes_files_of_a_folder(tmp_path: Path) -> None:
    from infra.proof.fuzz.targets import targets

    (tmp_path / "a.bin").write_bytes(sources("gif")[0])
    (tmp_path / "b.bin").write_bytes(b"nothing")
    made = targets()["codec-gif"]
    assert len(samples(made, tmp_path)) == len(samples(made)) + 1
    assert len(samples(targets()["sniff"], tmp_path)) == len(samples(targets()["sniff"])) + 2
    assert all(sample.width > 1 for sample in samples(targets()["mark-tiff"], tmp_path))


def test_lines_of_other_targets_stay_with_their_own_date() -> None:
    lines = {f"fuzz {name}": Measurement("make fuzz", date, "", command.values(run.Score(name, executions=count)))
             for name, date, count in (("a", "2026-01-02", 3), ("b", "2026-01-03", 4))}  # fmt: skip
    text = command.page_table(lines)
    assert "| all | | 7 |" in text
    assert "- Measured 2026-01-03, processor not recorded: b." in text


def test_the_limit_of_memory_is_less_than_a_machine_has() -> None:
    assert child.LIMIT_BYTES < 2**30
