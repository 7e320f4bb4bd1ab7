"""Two builds in turns: who gets a photo first, what becomes of the sums, and the targets that hold beside a base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from infra.proof.bench import beside, kinds, store
from infra.proof.bench.builds import here
from infra.proof.bench.figures import at_least, at_most
from infra.proof.bench.kinds import Loop, in_turns
from tests.pictures import photo

ROOT = Path(__file__).parents[4]


class _Loop:
    """Takes so many seconds for a photo, and writes down who was asked."""

    def __init__(self, name: str, seconds: float, asked: list[tuple[str, str]]) -> None:
        self.name, self.seconds, self.asked = name, seconds, asked

    def cpu_s(self, path: Path, *target: Path) -> float:
        self.asked.append((self.name, path.name))
        return self.seconds


def test_each_photo_goes_to_both_builds_which_take_turns_at_being_first() -> None:
    asked: list[tuple[str, str]] = []
    loops = {name: _Loop(name, seconds, asked) for name, seconds in (("new", 0.25), ("base 1", 1.0))}
    means = in_turns(cast("dict[str, Loop]", loops), [Path("a"), Path("b")], 2)
    assert means == {"new": (0.25, 0.25), "base 1": (1.0, 1.0)}
    warm, measured = asked[:2], asked[2:]
    assert {name for name, _ in warm} == {"new", "base 1"}
    assert [name for name, photo in measured if photo == "a"] == ["base 1", "new", "new", "base 1"]
    assert [name for name, photo in measured if photo == "b"] == ["new", "base 1", "base 1", "new"]


def test_a_kind_is_compared_with_the_base_and_has_its_target() -> None:
    mine, theirs, ratio = kinds._of_kind("nonface", 97, {"new": (0.02, 0.03), "base 1": (0.1, 0.1)})
    assert (mine.name, mine.values) == ("nonface, 97 photos: new", (20.0, 30.0))
    assert (theirs.name, theirs.unit) == ("nonface, 97 photos: base 1", "ms CPU")
    assert (ratio.name, ratio.target) == ("nonface: against base 1", at_most(0.30))
    assert ratio.values == pytest.approx((0.2, 0.3))
    assert len(kinds._of_kind("nonface", 97, {"new": (0.02,)})) == 1


def test_rates_are_compared_upwards() -> None:
    *_, ratio = beside._beside_each_other("keys", {"new": (60.0,), "base 1": (10.0,)}, "1/s", at_least(6))
    assert (ratio.name, ratio.median, ratio.is_met) == ("keys: against base 1", 6.0, True)


def test_the_loop_answers_for_each_photo_and_writes_what_it_made(tmp_path: Path) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(photo(1))
    with kinds.loop(here(ROOT), {"detector": {"name": "patch"}}) as one:
        assert one.cpu_s(source) > 0
        assert not target.exists()
        one.cpu_s(source, target)
        assert target.read_bytes() != source.read_bytes()


def test_a_loop_that_cannot_start_ends_the_measurement() -> None:
    with pytest.raises(SystemExit, match="the pipeline ended"), kinds.loop(here(ROOT), {"nonesuch": 1}):
        pass


def test_an_inventory_names_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    planted: dict[str, bytes] = {}
    monkeypatch.setattr(store, "plant", lambda url, name, data: planted.setdefault(name, data))
    monkeypatch.setattr(beside, "_PART_KEYS", 40)
    beside._plant_inventory("http://127.0.0.1:1", 100)
    manifest = json.loads(planted.pop("lake/inventory-100/manifest.json"))
    assert [f"lake/{file['key']}" for file in manifest["files"]] == list(planted)
    assert len(planted) == 3
