from dataclasses import replace

import pyarrow as pa
import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ObjectError, ReservedKey
from anonymizer.lake.naming import Places
from anonymizer.lake.storage import Irregular, VersionCursor
from anonymizer.records import NO_CONSENT, ImageRef, ManifestRow, WorkItem
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.plan.decisions import Decisions
from anonymizer.run.plan.planner import Planner
from anonymizer.run.rows import failure_settings
from tests.run.made import RUN, SETTINGS, row, scan_of, table

#: Hashes of the settings of a row: of one with an output, of one that failed, and with other words about `allow`.
PUBLISHED = {"settings_sha256": SETTINGS}
FAILURE = {"settings_sha256": failure_settings(SETTINGS, RunConfig())}
ALLOWED = {"settings_sha256": failure_settings(SETTINGS, RunConfig(allow=("archive_unread",)))}
REPLACE = from_mapping(RunConfig, {"adopt": "replace"})


def ref(key, etag="v1", size=10):
    return ImageRef(key, f"file:///in/{key}", etag, size, None)


class Refused(list[tuple[str, object]]):
    """What the planner tells."""

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        assert isinstance(error, ReservedKey)
        self.append((item.ref.key, published))

    def collide(self, item: WorkItem) -> None:
        self.append((item.ref.key, "collides"))


def planned(listing, outputs=None, rows=None, config=None, refused=None, decision=NO_CONSENT):
    config = replace(config or RunConfig(), input="file:///in")
    places = Places("file:///out", config.names, b"s" * 16)
    current = CurrentRows(scan_of(table() if rows is None else rows), RUN, config.input)
    decisions = Decisions(
        consent=lambda _key: decision,
        boxes=lambda _ref: None,
        settings=lambda _given: SETTINGS,
        forced=lambda _key: config.force,
        places=places,
        shard_settings=lambda _given: SETTINGS,
    )
    planner = Planner(config, current, decisions, Refused() if refused is None else refused)
    cursor = VersionCursor(iter(outputs)) if outputs is not None else None
    tasks = list(planner.tasks(listing, cursor))
    return planner, tasks


def keys(tasks):
    return [item.ref.key for task in tasks for item in task.items]


def test_nothing_listed_is_nothing_to_do():
    planner, tasks = planned([])
    assert (planner.listed, tasks) == (0, [])


def test_outputs_are_matched_by_key():
    listed, there = [ref("a"), ref("b"), ref("c")], [ref("0"), ref("b", "o9"), ref("d")]
    _, [task] = planned(listed, there, config=REPLACE)
    assert [(item.output_version, item.foreign) for item in task.items] == [(None, False), ("o9", True), (None, False)]
    _, [task] = planned(listed, there, config=from_mapping(RunConfig, {"adopt": "keep"}))
    assert [item.output_version for item in task.items] == [None, None, None]


def test_an_output_is_looked_for_where_the_manifest_has_it_or_where_it_may_be_expected():
    known = replace(row("b.heic"), output_uri="file:///out/b.heic.png", output_etag="o7", settings_sha256="older")
    listed = [ref("a.HEIC"), ref("b.heic"), ref("c.jpg")]
    _, [task] = planned(listed, rows=table(("r1", known)))
    found = [(item.own_key, item.output_key, item.output_version) for item in task.items]
    assert found == [("a.HEIC", "a.HEIC.jpg", None), ("b.heic", "b.heic.png", "o7"), ("c.jpg", "c.jpg", None)]
    assert task.items[1].kept_output == known


def test_what_an_older_version_could_not_read_is_done_once_more():
    """Rows of names that were refused, of archived objects, and of pictures that were taken for something else."""
    rows = [
        replace(row("/a.jpg", status="failed", error_code="unsafe_key", output_uri=None), source_etag=""),
        row("b.jpg", status="failed", error_code="access_denied", retryable=True, output_uri=None),
        row("c.jpg", status="skipped", error_code="not_an_image", output_uri=None, settings_sha256="older"),
        row("d.jpg", status="failed", error_code="empty", output_uri=None),
        row("e.jpg", status="failed", error_code="archived", retryable=True, output_uri=None),
    ]
    hashed = from_mapping(RunConfig, {"names": "hashed"})
    planner, tasks = planned([ref(r.key) for r in rows], rows=table(*(("r1", r) for r in rows)), config=hashed)
    assert keys(tasks) == ["/a.jpg", "b.jpg", "c.jpg", "e.jpg"]
    assert planner.unchanged == 1


def test_an_object_that_was_archived_once_it_was_done_is_unchanged():
    planner, tasks = planned([replace(ref("a.jpg"), archived=True)], rows=table(("r1", row("a.jpg"))))
    assert (planner.unchanged, tasks) == (1, [])


def test_names_that_no_output_can_hold_are_not_dispatched():
    class Told(Refused):
        def refuse(self, item, error, published):
            self.append((item.ref.key, error.code))

    told = Told()
    _, tasks = planned([ref("a//b.jpg"), ref("c.jpg")], refused=told)
    assert keys(tasks) == ["c.jpg"]
    assert told == [("a//b.jpg", "name_not_held")]
    _, tasks = planned([ref("a//b.jpg")], config=from_mapping(RunConfig, {"names": "hashed"}), refused=Told())
    assert keys(tasks) == ["a//b.jpg"]


def test_hashed_outputs_are_looked_for_in_the_manifest():
    config = from_mapping(RunConfig, {"names": "hashed"})
    _, [first] = planned([ref("a.jpg"), ref("b.HEIC")], [ref("a.jpg", "x")], config=config)
    names = [item.output_key for item in first.items]
    assert [item.output_version for item in first.items] == [None, None]
    assert all(len(name.split("/")[1].split(".")[0]) == 32 for name in names)
    assert names[1].endswith(".heic.jpg")
    known = replace(row("a.jpg"), output_uri=f"file:///out/{names[0]}", settings_sha256="older")
    _, [again] = planned([ref("a.jpg")], config=config, rows=table(("r1", known)))
    assert (again.items[0].output_key, again.items[0].output_version) == (names[0], "o1")


def test_two_sources_for_one_output_are_both_refused():
    refused = Refused()
    names = ["a.heic", "a.heic-1", "a.heic.jpg", "a.heic.png", "b.heic", "b.jpg", "c.heic.jpg"]
    _, tasks = planned([ref(key) for key in names], [ref(key) for key in names], refused=refused)
    assert sorted(refused) == [(key, "collides") for key in ("a.heic", "a.heic.jpg", "a.heic.png")]
    assert sorted(keys(tasks)) == ["a.heic-1", "b.heic", "b.jpg", "c.heic.jpg"]


def test_a_collision_is_decided_anew_by_every_run():
    refused = Refused()
    failed = {"status": "failed", "output_uri": None, "error_code": "key_collision"}
    rows = table(("r1", row("a.heic", **failed)), ("r1", row("b.heic", **failed)), ("r1", row("b.heic.jpg", **failed)))
    # a's rival is gone; c has got one although it stood; b collides as before.
    rows = pa.concat_tables([rows, table(("r1", row("c.heic", output_uri="file:///out/c.heic.jpg")))])
    listed = ["a.heic", "b.heic", "b.heic.jpg", "c.heic", "c.heic.jpg"]
    planner, tasks = planned([ref(key) for key in listed], rows=rows, refused=refused)
    assert keys(tasks) == ["a.heic"]
    assert sorted(refused) == [("c.heic", "collides"), ("c.heic.jpg", "collides")]
    assert planner.unchanged == 2


@pytest.mark.parametrize(
    ("values", "listed", "again"),
    [
        ({}, ref("a"), False),
        ({}, ref("a", "v2"), True),
        ({"settings_sha256": "older"}, ref("a"), True),
        ({"consent_sha256": "other"}, ref("a"), True),
        ({"source_uri": "file:///elsewhere/a"}, ref("a"), True),
        ({"status": "failed", "error_code": "decode_error", "output_uri": None}, ref("a"), False),
        ({"status": "failed", "error_code": "access_denied", "retryable": True, "output_uri": None}, ref("a"), True),
        ({"status": "failed", "error_code": "access_denied", "retryable": True}, ref("a"), True),
        ({"status": "skipped", "error_code": "not_an_image", "output_uri": None}, ref("a"), False),
        # Of an older version, whose readers could tell less, or of other words about what may be passed over.
        ({"status": "skipped", "error_code": "not_an_image", "output_uri": None, **PUBLISHED}, ref("a"), True),
        ({"status": "failed", "error_code": "decode_error", **PUBLISHED}, ref("a"), True),
        ({"status": "skipped", "error_code": "withheld", "output_uri": None, **PUBLISHED}, ref("a"), False),
        ({"status": "removed", "error_code": "requested", "output_uri": None, **FAILURE}, ref("a"), False),
        ({"status": "failed", "error_code": "archive_unread", "output_uri": None, **ALLOWED}, ref("a"), True),
        ({"status": "anonymized", **FAILURE}, ref("a"), True),
        ({"status": "removed", "error_code": "unsafe", "output_uri": None}, ref("a"), True),
        ({"status": "removed", "error_code": "source_gone", "output_uri": None}, ref("a"), True),
        ({"status": "removed", "error_code": "requested", "output_uri": None}, ref("a"), False),
        ({"status": "removed", "error_code": "requested", "output_uri": None}, ref("a", "v2"), True),
    ],
)
def test_only_what_would_come_out_otherwise_is_done_again(values, listed, again):
    rows = table(("r1", row("a", **values)))
    planner, tasks = planned([listed], rows=rows)
    assert (keys(tasks), planner.unchanged) == (["a"] if again else [], 0 if again else 1)
    forced, tasks = planned([listed], rows=rows, config=from_mapping(RunConfig, {"force": True}))
    assert (keys(tasks), forced.unchanged) == (["a"], 0)


def test_what_this_run_committed_is_not_done_again_even_if_it_may_succeed_or_is_forced():
    failed = row("d", status="failed", error_code="access_denied", retryable=True, output_uri=None)
    rows = [(RUN, row("a")), ("r1", row("b")), (RUN, replace(row("c"), source_etag="older")), (RUN, failed)]
    config = from_mapping(RunConfig, {"force": True})
    planner, tasks = planned([ref(key) for key in "abcde"], rows=table(*rows), config=config)
    assert keys(tasks) == ["b", "c", "e"]
    assert (planner.listed, planner.unchanged) == (5, 2)


def test_only_an_output_that_was_made_under_the_same_decision_may_stand():
    rows = [row("a"), row("b", output_uri=None), replace(row("c"), consent_sha256="other")]
    rows = table(*(("r1", replace(r, settings_sha256="older")) for r in rows))
    _, [task] = planned([ref("a"), ref("b"), ref("c")], rows=rows)
    assert [item.kept_output is not None for item in task.items] == [True, False, False]
    assert [item.output_version for item in task.items] == ["o1", None, "o1"]


def test_what_can_have_no_output_is_refused_once():
    entry = Irregular("x", "file:///in/x", ReservedKey)
    refused = Refused()
    planner, tasks = planned([entry], refused=refused)
    assert (refused, tasks, planner.listed) == ([("x", None)], [], 1)
    failed = row("x", status="failed", output_uri=None, error_code="reserved_key")
    for run in (RUN, "r1"):
        planner, _ = planned([entry], rows=table((run, failed)), refused=refused)
        assert (len(refused), planner.unchanged) == (1, 1)
    planned([entry], rows=table(("r1", row("x"))), refused=refused)
    assert refused[-1] == ("x", row("x"))
