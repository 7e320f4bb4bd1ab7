"""Small versions of `make faults`: runs that are hit, started again, and held against an undisturbed one."""

from __future__ import annotations

import pytest

from anonymizer.image.detectors.patch import PATCH_RGB
from infra.docs.generate import figures
from infra.proof.faults import absent, kills, table
from infra.proof.faults.harness import Harness
from infra.proof.faults.sampler import Sampler
from infra.proof.faults.trial import Score

#: Exact boxes and no network: what is tested here is not the detector.
PATCH = ("--detector", "patch", "--set", "engine.chunk_keys=4", "--workers", "1")


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    return Harness(tmp_path_factory.mktemp("faults"), count=60, kills=1, seed=3, more=PATCH, patch=PATCH_RGB)


def test_nothing_is_lost_when_drivers_are_killed(harness):
    score = kills.drivers(harness)
    assert (score.wrong, score.outputs_right, score.rows_right) == ((), score.outputs, score.objects)
    assert score.hits >= 1
    assert score.looks > 0


def test_an_output_that_is_absent_for_a_while_loses_nothing_and_shows_nothing(harness):
    score = absent.disk_absent(harness)
    assert (score.wrong, score.outputs_right, score.rows_right) == ((), score.outputs, score.objects)
    assert score.hits == 2


def test_what_may_not_stand_in_output_is_seen(tmp_path):
    good = {"a/b.jpg": b"redacted"}
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.jpg").write_bytes(b"redacted")
    (tmp_path / "a/.b.jpg.anon-0123456789abcdef.tmp").write_bytes(b"reda")
    sampler = Sampler(tmp_path, good)
    sampler.look()
    assert (sampler.bad, sampler.versions) == ([], 1)
    (tmp_path / "a/.b.jpg.anon-0123456789abcdef.tmp").write_bytes(b"orig")
    (tmp_path / "c.jpg").write_bytes(b"redacted")
    (tmp_path / "a/b.jpg").unlink()
    (tmp_path / "a/b.jpg").write_bytes(b"redac")
    sampler.look()
    assert [bad.partition(":")[0] for bad in sorted(sampler.bad)] == ["a/b.jpg", "a/b.jpg", "c.jpg"]


def test_a_new_measurement_takes_the_place_of_its_old_line(tmp_path):
    def score(fault: str, hits: int) -> Score:
        return Score(fault, "so", hits, 1, 2, 2, 2, 2, 0, 9, 1.0, 1.0)

    file = tmp_path / "figures.json"
    file.write_text("{}")
    for fault, hits in (("one", 1), ("two", 1), ("one", 7)):
        figures.save(table.PREFIX + fault, "make faults", table.values(score(fault, hits)), file=file)
    lines = table.table(figures.load(file)).splitlines()[2:4]
    assert [line.split("|")[1:4:2] for line in lines] == [[" one ", " 7 "], [" two ", " 1 "]]
