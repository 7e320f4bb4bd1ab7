from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from anonymizer import takedown
from anonymizer.account import FailureLimit, Summary, exit_status, failure_limit
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError, ReservedKey
from anonymizer.manifest import to_table
from anonymizer.naming import Places
from anonymizer.plan import CurrentRows, Planner
from anonymizer.records import NO_CONSENT, Face, Grant, ImageRef, ManifestRow, Region, Veto, WorkItem
from anonymizer.storage import Irregular, VersionCursor

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RUN = "r2"


def ref(key, etag="v1", size=10):
    return ImageRef(key, f"file:///in/{key}", etag, size, None)


def row(key, **values):
    values = {"status": "anonymized", "output_uri": f"file:///out/{key}", "output_etag": "o1", **values}
    return ManifestRow(key=key, source_uri="", processed_at=NOW, source_etag="v1", consent_sha256="", **values)


def table(*runs_and_rows):
    rows = sorted(runs_and_rows, key=lambda pair: pair[1].key)
    return to_table([r for _, r in rows]).append_column("run_id", pa.array([run for run, _ in rows], pa.string()))


def planned(listing, outputs=(), rows=None, config=None, refused=None):
    def refuse(entry: Irregular, attempt: int, published: ManifestRow | None) -> None:
        assert refused is not None
        refused.append((entry.key, attempt, published))

    def collide(item: WorkItem, attempt: int) -> None:
        assert refused is not None
        refused.append((item.ref.key, attempt, "collides"))

    config = config or RunConfig()
    places = Places("file:///out", config.names, b"s" * 16)
    planner = Planner(config, RUN, lambda key: NO_CONSENT, refuse, collide, places)
    cursor = VersionCursor(iter(outputs))
    tasks = list(planner.tasks(listing, cursor, CurrentRows(rows if rows is not None else table())))
    return planner, tasks


def test_nothing_listed_is_nothing_to_do():
    planner, tasks = planned([])
    assert (planner.listed, tasks) == (0, [])


def test_outputs_are_matched_by_key():
    _, [task] = planned([ref("a"), ref("b"), ref("c")], [ref("0"), ref("b", "o9"), ref("d")])
    assert [item.output_version for item in task.items] == [None, "o9", None]


def test_an_output_is_looked_for_where_the_manifest_has_it_or_where_it_may_be_expected():
    known = replace(row("b.heic"), output_uri="file:///out/b.heic.png", output_etag="o7")
    listed = [ref("a.HEIC"), ref("b.heic"), ref("c.jpg")]
    _, [task] = planned(listed, [ref("a.HEIC", "x"), ref("c.jpg", "o3")], rows=table(("r1", known)))
    found = [(item.own_key, item.output_key, item.output_version) for item in task.items]
    assert found == [("a.HEIC", "a.HEIC.jpg", None), ("b.heic", "b.heic.png", "o7"), ("c.jpg", "c.jpg", "o3")]
    assert task.items[1].standing == known


def test_hashed_outputs_are_looked_for_in_the_manifest():
    config = from_mapping(RunConfig, {"names": "hashed"})
    _, [first] = planned([ref("a.jpg"), ref("b.HEIC")], [ref("a.jpg", "x")], config=config)
    names = [item.output_key for item in first.items]
    assert [item.output_version for item in first.items] == [None, None]
    assert all(len(name.split("/")[1].split(".")[0]) == 32 for name in names)
    assert names[1].endswith(".heic.jpg")
    known = replace(row("a.jpg"), output_uri=f"file:///out/{names[0]}")
    _, [again] = planned([ref("a.jpg")], config=config, rows=table(("r1", known)))
    assert (again.items[0].output_key, again.items[0].output_version) == (names[0], "o1")


def test_two_sources_for_one_output_are_both_refused():
    refused: list[tuple[str, int, str]] = []
    keys = ["a.heic", "a.heic-1", "a.heic.jpg", "a.heic.png", "b.heic", "b.jpg", "c.heic.jpg"]
    _, tasks = planned([ref(key) for key in keys], [ref(key) for key in keys], refused=refused)
    assert sorted(refused) == [(key, 1, "collides") for key in ("a.heic", "a.heic.jpg", "a.heic.png")]
    assert sorted(i.ref.key for t in tasks for i in t.items) == ["a.heic-1", "b.heic", "b.jpg", "c.heic.jpg"]


def test_what_this_run_committed_is_not_done_again_and_other_runs_do_not_count():
    rows = table((RUN, row("a")), ("r1", row("b")), (RUN, replace(row("c"), source_etag="older")))
    planner, [task] = planned([ref("a"), ref("b"), ref("c"), ref("d")], rows=rows)
    assert [item.ref.key for item in task.items] == ["b", "c", "d"]
    assert (planner.listed, planner.carried) == (4, 1)
    # c has an attempt of this run already: the next one has to be greater.
    assert task.attempt == 1


def test_a_removed_row_is_not_a_committed_one():
    removed = row("a", status="removed", output_uri=None, attempt=3)
    _, [task] = planned([ref("a")], rows=table((RUN, removed)))
    assert task.attempt == 3


def test_only_an_output_that_the_manifest_knows_may_stand():
    rows = table(("r1", row("a")), ("r1", row("b")), ("r1", row("c", output_uri=None)))
    outputs = [ref("a", "o1"), ref("b", "changed"), ref("c", "o1")]
    _, [task] = planned([ref("a"), ref("b"), ref("c")], outputs, rows)
    assert [item.standing is not None for item in task.items] == [True, False, False]


def test_what_can_have_no_output_is_refused_once():
    entry = Irregular("x", "file:///in/x", ReservedKey)
    refused: list[tuple[str, int, ManifestRow | None]] = []
    planner, tasks = planned([entry], refused=refused)
    assert (refused, tasks, planner.listed) == ([("x", 1, None)], [], 1)
    failed = row("x", status="failed", output_uri=None)
    planner, _ = planned([entry], rows=table((RUN, failed)), refused=refused)
    assert (len(refused), planner.carried) == (1, 1)
    planned([entry], rows=table(("r1", row("x"))), refused=refused)
    assert refused[-1] == ("x", 1, row("x"))


FACES = (Face(0, 10, 10, 20, 20, 0.9, False), Face(0, 60, 10, 20, 20, 0.9, True))
SHOWN = {"status": "anonymized", "faces": FACES, "width": 100, "height": 80, "frame_count": 1}
EVERYONE = Grant(0, True, None, None, None)


@pytest.mark.parametrize(
    ("values", "grants", "vetoes", "unsafe"),
    [
        ({"output_uri": None}, [], [], False),
        ({"faces": FACES[1:]}, [], [], False),
        ({}, [], [], True),
        ({}, [EVERYONE], [], False),
        ({}, [EVERYONE], [Veto("denied", None, None)], True),
        ({}, [EVERYONE], [Veto("denied", Region(60, 10, 20, 20, 100, 80), None)], False),
        ({}, [EVERYONE], [Veto("denied", Region(5, 5, 20, 20, 100, 80), None)], True),
        ({"faces": ()}, [], [Veto("denied", Region(5, 5, 20, 20, 100, 80), None)], True),
        ({"faces": ()}, [], [Veto("denied", Region(5, 5, 20, 20, 99, 80), None)], True),
    ],
)
def test_what_has_stopped_being_safe(values, grants, vetoes, unsafe):
    published = row("a", **{**SHOWN, **values})
    today = replace(NO_CONSENT, grants=tuple(grants), vetoes=tuple(vetoes), sha256="today")
    assert takedown.is_unsafe(published, today, RunConfig()) is unsafe
    assert takedown.is_unsafe(published, replace(today, sha256=""), RunConfig()) is False


def test_policy_public_takes_down_whole_photos():
    public = from_mapping(RunConfig, {"consent": {"policy": "public"}})
    published = row("a", **{**SHOWN, "faces": FACES[1:]})
    assert takedown.is_unsafe(published, replace(NO_CONSENT, sha256="today"), public)
    # Also when nothing was said then or now: the photo may have been published under policy redact.
    assert takedown.is_unsafe(published, NO_CONSENT, public)


def test_the_clock_alone_ends_a_retention():
    published = row("a", retained_until=NOW)
    assert takedown.past_retention(published, NOW)
    assert not takedown.past_retention(published, NOW - timedelta(microseconds=1))
    assert not takedown.past_retention(row("a"), NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, None), ("0", FailureLimit(0, None)), ("7", FailureLimit(7, None)), ("5%", FailureLimit(None, 0.05))],
)
def test_failure_limits(text, expected):
    assert failure_limit(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "x", "101%", "-1%", "nan%", "1.5"])
def test_malformed_failure_limits(text):
    with pytest.raises(ConfigError):
        failure_limit(text)


@pytest.mark.parametrize(
    ("failed", "limit", "unsafe_left", "early", "expected"),
    [
        (0, None, [], False, 0),
        (1, None, [], False, 3),
        (1, "1", [], False, 0),
        (10, "10%", [], False, 0),
        (11, "10%", [], False, 3),
        (0, "5", [], True, 3),
        (9, None, ["a"], False, 5),
    ],
)
def test_exit_statuses(failed, limit, unsafe_left, early, expected):
    summary = Summary(standing_failures=failed, unsafe_left=unsafe_left, stopped_early=early)
    assert exit_status(summary, failure_limit(limit), rows=100) == expected
