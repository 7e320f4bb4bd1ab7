"""Every sentence of the consent contract, as a table of cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from anonymizer.config import ConsentConfig
from anonymizer.errors import ConsentRegionMisfit, RegistryError, Withheld
from anonymizer.people import consent
from anonymizer.people.consent.cells import Row
from anonymizer.records import NO_CONSENT
from tests.people.consent.scenes import (
    AS_OF,
    HEIGHT,
    KEY,
    PADDING,
    SHA256,
    WIDTH,
    A,
    B,
    C,
    Cells,
    canvas,
    faces,
    kept,
    load,
    region,
    verdict,
)

GRANT: Cells = {"status": "granted"}
EVERYONE: Cells = {"status": "granted", "scope": "everyone"}
DENIED: Cells = {"status": "denied"}
PUBLIC = ConsentConfig(policy="public")


def person(subject: str, **more: object) -> dict[str, object]:
    return {"status": "granted", "subject_id": subject, **more}


def near(box: Sequence[float], margin: float) -> tuple[float, ...]:
    x1, y1, x2, y2 = box
    return x1 - margin, y1 - margin, x2 + margin, y2 + margin


# "No consent, no face."


def test_without_a_registry_nobody_consented():
    registry = consent.empty_registry(purpose="research", as_of=AS_OF)
    decision = registry.decide(KEY)
    assert decision == dataclasses.replace(NO_CONSENT, purpose="research", as_of=AS_OF)
    assert (registry.rows, registry.sha256, registry.problems, len(registry.unmatched())) == (0, None, (), 0)
    found = consent.apply(decision, faces(A, B), canvas(), ConsentConfig())
    assert found.redact.all()
    assert found.status == "unknown"


def test_a_key_of_which_no_row_speaks():
    found = load({**EVERYONE, "key": "other.jpg"}).decide(KEY)
    assert (found.grants, found.vetoes, found.sha256) == ((), (), NO_CONSENT.sha256)
    assert consent.apply(found, faces(A), canvas(), ConsentConfig()).redact.all()


# "Columns: key, optionally match; without it: ends in / = prefix, holds * or ? = glob, else exact"


@pytest.mark.parametrize(
    ("key", "match", "matches"),
    [
        (KEY, "", True),
        ("photos/a", "", False),
        ("photos/a", "exact", False),
        ("photos/a", "prefix", True),
        ("photos/", "", True),
        ("photos/", "exact", False),
        ("hotos/", "", False),
        ("photos/*.jpg", "", True),
        ("*", "", True),
        ("photos/?.jpg", "", True),
        ("photos/??.jpg", "", False),
        ("*.jpg", "exact", False),
        ("*.jpg", "prefix", False),
        ("photos/*", "glob", True),
        (KEY, "glob", True),
        ("photos/[a].jpg", "glob", False),
        ("*/", "", False),
    ],
)
@pytest.mark.parametrize("row", [EVERYONE, DENIED], ids=["grant", "veto"])
def test_forms_of_keys(row, key, match, matches):
    decision = load({**row, "key": key, "match": match}).decide(KEY)
    assert bool(decision.grants or decision.vetoes) is matches


# "A grant works only if its window holds as_of"


@pytest.mark.parametrize(
    ("window", "works"),
    [
        ({}, True),
        ({"valid_from": "", "valid_until": ""}, True),
        ({"valid_from": "2026-06-01T12:00:00Z"}, True),
        ({"valid_from": "2026-06-01T12:00:00.000001Z"}, False),
        ({"valid_until": "2026-06-01T12:00:00Z"}, False),
        ({"valid_until": "2026-06-01T12:00:00.000001Z"}, True),
        ({"valid_from": "2026-06-01", "valid_until": "2026-06-02"}, True),
        ({"valid_until": "2026-06-01"}, False),
        ({"valid_from": "2026-06-01T14:00:00+02:00"}, True),
        ({"valid_from": "2026-06-01T12:00:00-02:00"}, False),
        ({"valid_from": "2026-07-01", "valid_until": "2026-05-01"}, False),
    ],
)
def test_a_grant_works_only_if_its_window_holds_as_of(window, works):
    assert kept([{**EVERYONE, **window}], faces(A)) == ([0] if works else [])


# "... and its purposes are any or contain --purpose (a run without --purpose satisfies only grants for any purpose)"


@pytest.mark.parametrize(
    ("purposes", "purpose", "works"),
    [
        (None, None, True),
        (None, "research", True),
        ("*", None, True),
        ("*", "research", True),
        ("training; *", None, True),
        ("", None, False),
        ("", "research", False),
        (" ; ", "research", False),
        ("research", None, False),
        ("research", "research", True),
        ("training; research ;", "research", True),
        ("research", "Research", False),
        ("research-internal", "research", False),
        ("training", "research", False),
    ],
)
def test_a_grant_works_only_for_its_purposes(purposes, purpose, works):
    row = EVERYONE if purposes is None else {**EVERYONE, "purposes": purposes}
    assert kept([row], faces(A), purpose=purpose) == ([0] if works else [])


# "A grant out of window or purpose is as if absent."


@pytest.mark.parametrize(
    ("absent", "status"),
    [
        ({"valid_until": "2026-01-01", "purposes": "*"}, "expired"),
        ({"valid_from": "2027-01-01", "purposes": "*"}, "expired"),
        ({"purposes": "training"}, "unknown"),
    ],
)
def test_a_grant_out_of_window_or_purpose_is_as_if_absent(absent, status):
    out = {**person("s2"), **absent}
    alone = verdict([out], faces(A), purpose="research")
    assert (alone.redact.tolist(), alone.status) == ([True], status)
    # It counts for nobody, and takes nothing from the grants that work, not even with a region that does not fit.
    working = {**person("s1"), "purposes": "*"}
    assert kept([working, out], faces(A, B), purpose="research") == []
    assert kept([working, {**out, **region(A, width=1)}], faces(A), purpose="research") == [0]
    assert verdict([working, out], faces(A), purpose="research").status == "granted"


# "With a region it keeps the one face whose box lies at least 90 % inside ..."


@pytest.mark.parametrize(
    ("box", "keeps"),
    [
        (A, True),
        (near(A, 30), True),
        (near(A, -4), False),
        ((44, 40, 80, 80), True),  # 90 % exactly
        ((44.5, 40, 80, 80), False),
        ((40, 40, 80, 75), False),
        (B, False),
        ((-1000, -1000, 1000, 1000), True),
    ],
)
def test_with_a_region_a_grant_keeps_the_face_that_lies_inside(box, keeps):
    assert kept([{**GRANT, **region(box)}], faces(A)) == ([0] if keeps else [])


# "... and whose padded mask is the only one to touch it"


def test_with_a_region_a_grant_keeps_no_face_where_two_masks_touch_it():
    neighbour = (100, 40, 140, 80)  # its padded box begins at 91
    assert kept([{**GRANT, **region((40, 40, 91, 80))}], faces(A, neighbour)) == [0]
    assert kept([{**GRANT, **region((40, 40, 91.5, 80))}], faces(A, neighbour)) == []
    assert kept([{**GRANT, **region((40, 40, 91.5, 80))}], faces(A, neighbour), on=canvas(padding=1.0)) == [0]


def test_a_grant_with_a_region_speaks_for_one_person_even_if_its_scope_is_everyone():
    assert kept([{**EVERYONE, **region(A)}], faces(A, B)) == [0]
    assert kept([{**EVERYONE, **region((0, 0, WIDTH, HEIGHT))}], faces(A, B)) == []


def test_a_face_at_the_border_counts_as_far_as_it_can_be_seen():
    assert kept([{**GRANT, **region((0, 40, 40, 80))}], faces((-20, 40, 40, 80))) == [0]


# "without, it keeps the image's faces only if there are no more of them (over all frames) than distinct subject_ids"


@pytest.mark.parametrize(
    ("subjects", "count", "keeps"),
    [
        (["s1"], 0, True),
        (["s1"], 1, True),
        (["s1"], 2, False),
        (["s1", "s2"], 2, True),
        (["s1", "s2"], 3, False),
        (["s1", "s1"], 2, False),
        (["s1", " S1 "], 2, False),
        (["zo\u00eb", "zoe\u0308"], 2, False),
        (["s1", "s2", "s3"], 2, True),
        # "rows without one count together as one person"
        ([""], 1, True),
        (["", ""], 2, False),
        (["", "s1"], 2, True),
        (["", "", "s1"], 3, False),
    ],
)
def test_without_a_region_faces_are_kept_up_to_the_number_of_people(subjects, count, keeps):
    rows = [person(subject, record_id=str(i)) for i, subject in enumerate(subjects)]
    expected = list(range(count)) if keeps else []
    assert kept(rows, faces(*[A, B, C][:count])) == expected
    over_frames = faces(*[A] * count, frames=range(count))
    assert kept(rows, over_frames, on=canvas(frame_count=3)) == expected


# "or if its scope is everyone"


def test_scope_everyone_keeps_all_faces():
    assert kept([EVERYONE], faces(A, B, C)) == [0, 1, 2]
    assert kept([{**GRANT, "scope": "person"}], faces(A, B)) == []
    assert kept([{**GRANT, "scope": ""}], faces(A, B)) == []


# How grants with and without a region add up.


@pytest.mark.parametrize(
    ("rows", "found", "expected"),
    [
        ([person("s1", **region(A)), person("s2", **region(B))], (A, B, C), [0, 1]),
        ([person("s1", **region(A)), person("s2")], (A, B), [0, 1]),
        ([person("s1", **region(A)), person("s2")], (A, B, C), [0]),
        # s1 is at A: the other face is somebody else's.
        ([person("s1", **region(A)), person("s1")], (A, B), [0]),
        ([person("", **region(A)), person("")], (A, B), [0]),
        # s1 is at C, where nothing was found: two faces, one of them nobody's we know.
        ([person("s1", **region(C)), person("s2")], (A, B), []),
        # Two regions of one person do not make room for a third face.
        ([person("s1", **region(A)), person("s1", **region(B)), person("s2")], (A, B, C), [0, 1]),
    ],
)
def test_grants_with_and_without_a_region_together(rows, found, expected):
    assert kept(rows, faces(*found)) == expected


def test_a_grant_that_an_objection_takes_away_frees_nobody_for_another_face():
    found_twice = [person("s1", **region((40, 40, 160, 80))), person("s2", **region(A)), person("s1")]
    objection = {**DENIED, **region((140, 50, 150, 60))}
    assert kept(found_twice, faces(A, B)) == [0]
    assert kept([*found_twice, objection], faces(A, B)) == [0]


# "Every row that is not a grant vetoes, whatever its form, specificity, purpose or window"


@pytest.mark.parametrize("status", ["denied", "withdrawn", "pending", "expired"])
@pytest.mark.parametrize(
    "row",
    [
        {},
        {"key": "photos/"},
        {"key": "*"},
        {"key": "p", "match": "prefix"},
        {"purposes": "something else"},
        {"purposes": ""},
        {"valid_until": "1999-01-01"},
        {"valid_from": "2999-01-01"},
        {"subject_id": "s9"},
    ],
)
def test_every_row_that_is_not_a_grant_vetoes(status, row):
    grant = {**EVERYONE, "purposes": "*"}
    found = verdict([grant, {"status": status, **row}], faces(A, B))
    assert (found.redact.tolist(), found.status) == ([True, True], status)


# "without a region every grant of the image"


def test_a_veto_without_a_region_vetoes_every_grant():
    assert kept([EVERYONE, person("s1", **region(A)), person("s2"), DENIED], faces(A, B)) == []


# "with one the faces and the grants that its region touches"


def test_a_veto_with_a_region_vetoes_the_faces_that_it_touches():
    assert kept([EVERYONE, {**DENIED, **region(A)}], faces(A, B)) == [1]
    # The padded box of A ends at 89.
    assert kept([EVERYONE, {**DENIED, **region((89, 40, 99, 80))}], faces(A, B), on=canvas(padding=1.45)) == [0, 1]
    assert kept([EVERYONE, {**DENIED, **region((88.5, 40, 99, 80))}], faces(A, B)) == [1]
    assert kept([EVERYONE, {**DENIED, **region(C)}], faces(A, B)) == [0, 1]


def test_a_veto_with_a_region_vetoes_the_grants_that_it_touches():
    grant = {**GRANT, **region((40, 40, 160, 80))}
    assert kept([grant], faces(A)) == [0]
    assert kept([grant, {**DENIED, **region((140, 50, 150, 60))}], faces(A)) == []
    assert kept([grant, {**DENIED, **region(C)}], faces(A)) == [0]


def test_a_veto_with_a_frame_speaks_of_that_frame():
    rows = [EVERYONE, {**DENIED, **region(A, frame=1)}]
    found = verdict(rows, faces(A, A, frames=[0, 1]), on=canvas(frame_count=2))
    assert found.redact.tolist() == [False, True]
    assert found.extra_frame.tolist() == [1]


# "Grants compare keys as they are (patterns included); vetoes after Unicode NFC and case folding."


@pytest.mark.parametrize(
    ("row_key", "key"),
    [
        ("Photos/A.JPG", "photos/a.jpg"),
        ("zo\u00eb.jpg", "zoe\u0308.jpg"),
        ("ZOE\u0308.jpg", "zo\u00eb.jpg"),
        ("stra\u00dfe.jpg", "STRASSE.jpg"),
        ("PHOTOS/", "photos/a.jpg"),
        ("*.JPG", "photos/a.jpg"),
        ("ZO\u00cb*", "zoe\u0308.jpg"),
        ("zo?.jpg", "zoe\u0308.jpg"),
    ],
)
def test_grants_compare_keys_as_they_are_and_vetoes_folded(row_key, key):
    assert load({**EVERYONE, "key": row_key}).decide(key).grants == ()
    assert len(load({**DENIED, "key": row_key}).decide(key).vetoes) == 1
    both = load({**EVERYONE, "key": key, "match": "exact"}, {**DENIED, "key": row_key}).decide(key)
    assert consent.apply(both, faces(A), canvas(), ConsentConfig()).redact.all()


# "A vetoing region is redacted as if a face had been detected there."


@pytest.mark.parametrize("status", ["denied", "withdrawn", "pending", "expired"])
def test_a_vetoing_region_is_redacted_where_no_face_was_found(status):
    found = verdict([{"status": status, **region(C)}], faces())
    assert found.extra.tolist() == [list(map(float, C))]
    assert found.extra_frame.tolist() == [0]
    assert found.extra.dtype == np.float32
    assert found.extra_frame.dtype == np.int32
    assert found.status == status


def test_a_vetoing_region_without_a_frame_is_redacted_in_every_frame():
    found = verdict([{**DENIED, **region(C)}], faces(), on=canvas(frame_count=3))
    assert found.extra_frame.tolist() == [0, 1, 2]
    assert len(found.extra) == 3


# "Where a mask overlaps a retained face, redaction wins."


def test_a_vetoing_region_stays_a_mask_where_it_overlaps_a_retained_face():
    wide = (100, 20, 180, 100)  # padded it reaches from 82 to 198, which is within A's padded box
    found = verdict([EVERYONE, {**DENIED, **region(wide)}], faces(A))
    assert found.extra.tolist() == [list(map(float, wide))]


# "A grant's region whose width, height or source_sha256 do not fit the image: no grant counts"


MISFITS = [
    {"width": WIDTH + 1},
    {"height": HEIGHT - 1},
    {"width": HEIGHT, "height": WIDTH},
    {"width": ""},
    {"width": "", "height": ""},
    {"source_sha256": "cd" * 32},
    {"frame": 1},
    {"x": 5000},
    {"y": -5000},
]


@pytest.mark.parametrize("misfit", MISFITS, ids=str)
def test_a_grants_region_that_does_not_fit_and_no_grant_counts(misfit):
    rows = [EVERYONE, person("s1", **region(A, **misfit))]
    found = verdict(rows, faces(A, B))
    assert (found.redact.tolist(), found.status, found.retained_until) == ([True, True], "unknown", None)
    with pytest.raises(Withheld):
        verdict(rows, faces(A), config=PUBLIC)


@pytest.mark.parametrize("fit", [{"source_sha256": SHA256}, {"source_sha256": SHA256.upper()}, {"frame": 0}], ids=str)
def test_a_grants_region_that_fits(fit):
    assert kept([{**GRANT, **region(A, **fit)}], faces(A)) == [0]


# "A veto's region that cannot be placed: the image is failed consent_region"


@pytest.mark.parametrize("misfit", MISFITS, ids=str)
def test_a_vetos_region_that_cannot_be_placed_fails_the_image(misfit):
    for rows in ([{**DENIED, **region(A, **misfit)}], [EVERYONE, DENIED, {**DENIED, **region(A, **misfit)}]):
        with pytest.raises(ConsentRegionMisfit) as caught:
            verdict(rows, faces())
        assert caught.value.code == "consent_region"


# "Unknown columns or an unreadable key: exit 2 with the row's number." Formats are in test_formats.py.


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"key,status,note\na.jpg,granted,Jane Roe\n", "row 0"),
        (b"key,status\na.jpg,granted\n,denied\n", "row 2"),
        (b"key,status\na.jpg,granted\n\xff.jpg,denied\n", "row 2"),
    ],
)
def test_unknown_columns_and_unreadable_keys_end_the_run(data, said):
    with pytest.raises(RegistryError) as caught:
        consent.load_registry(data, "registry.csv", purpose=None, as_of=AS_OF)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Roe" not in str(caught.value)


# "Any other malformed cell makes its row a veto (a malformed region: for the whole image), and is reported."

MALFORMED: list[dict[str, object]] = [
    {"status": ""},
    {"status": "Granted"},
    {"status": "granted "},
    {"status": "yes"},
    {"match": "regex"},
    {"scope": "Everyone"},
    {"valid_from": "2026-01-01T00:00:00"},
    {"valid_until": "2999-01-01T00:00:00"},
    {"valid_until": "01.02.2999"},
    {"valid_until": "2999-02-30"},
    {"valid_until": "never"},
    {"valid_until": "9999-12-31T23:59:59-14:00"},
    {"valid_until": "32503680000"},
    {"record_id": "\udcff"},
    {"subject_id": "\udcff"},
    {"purposes": "*\udcff"},
]
MISDRAWN: list[dict[str, object]] = [
    {"x": "left"},
    {"x": "nan"},
    {"x": "inf"},
    {"x": "1e30"},
    {"x": "1_0"},
    {"x": "\u0661"},
    {"x": ""},
    {"x": "", "y": "", "w": "", "h": ""},
    {"h": ""},
    {"w": "0"},
    {"h": "-5"},
    {"width": "0"},
    {"width": "640.5"},
    {"height": "tall"},
    {"frame": "-1"},
    {"frame": "0.5"},
    {"source_sha256": "abc"},
]


@pytest.mark.parametrize("cell", MALFORMED, ids=str)
def test_a_malformed_cell_makes_its_row_a_veto(cell):
    registry = load({**EVERYONE, "record_id": "good"}, {**GRANT, "subject_id": "Jane Roe", **cell})
    decision = registry.decide(KEY)
    assert [(veto.status, veto.region) for veto in decision.vetoes] == [("malformed", None)]
    found = consent.apply(decision, faces(A), canvas(), ConsentConfig())
    assert (found.redact.tolist(), found.status) == ([True], "malformed")
    # "and is reported": row, column, kind, never what stood there.
    (problem,) = registry.problems
    assert problem.startswith(f"row 2: {next(iter(cell))}: not ")
    assert "Roe" not in problem


@pytest.mark.parametrize("cell", MISDRAWN, ids=str)
def test_a_malformed_region_vetoes_for_the_whole_image(cell):
    for status in ("granted", "denied"):
        registry = load(EVERYONE, {"status": status, **region(C), **cell})
        found = consent.apply(registry.decide(KEY), faces(A, B), canvas(), ConsentConfig())
        assert (found.redact.tolist(), found.status, len(found.extra)) == ([True, True], "malformed", 0)
        assert len(registry.problems) == 1


def test_an_objection_with_a_malformed_cell_is_still_redacted_where_it_was_drawn():
    found = verdict([{**DENIED, **region(C), "valid_until": "soon"}], faces())
    assert found.extra.tolist() == [list(map(float, C))]


@pytest.mark.parametrize("key", [KEY, "photos/a", "PHOTOS/", "*.jpg"])
def test_a_malformed_match_vetoes_in_every_form(key):
    assert kept([EVERYONE, {**GRANT, "key": key, "match": "like"}], faces(A)) == []


# "Rows that match nothing are counted and named in the summary."


def test_rows_that_match_nothing_are_named():
    registry = load(GRANT, {**GRANT, "key": "photos/"}, {**GRANT, "key": "PHOTOS/A.jpg"}, {**DENIED, "key": "x?"})
    assert registry.unmatched().tolist() == [1, 2, 3, 4]
    registry.decide("photos/b.jpg")
    assert registry.unmatched().tolist() == [1, 3, 4]
    registry.decide(KEY)
    assert registry.unmatched().tolist() == [3, 4]


# "Every run decides anew ... the row says retained_until."

EARLY, LATE = "2027-01-01", "2028-01-01T00:00:00+01:00"


@pytest.mark.parametrize(
    ("rows", "found", "until"),
    [
        ([{**EVERYONE, "valid_until": EARLY}], (A,), datetime(2027, 1, 1, tzinfo=UTC)),
        ([{**EVERYONE, "valid_until": LATE}], (A, B), datetime(2027, 12, 31, 23, tzinfo=UTC)),
        ([EVERYONE], (A,), None),
        ([{**EVERYONE, "valid_until": EARLY}], (), None),
        ([person("s1", valid_until=EARLY)], (A, B), None),
        ([person("s1", valid_until=LATE), person("s2", valid_until=EARLY)], (A, B), datetime(2027, 1, 1, tzinfo=UTC)),
        # Only the grants that keep a face count.
        (
            [person("s1", valid_until=EARLY, **region(C)), person("s2", valid_until=LATE, **region(A))],
            (A,),
            datetime(2027, 12, 31, 23, tzinfo=UTC),
        ),
        ([{**EVERYONE, "valid_until": EARLY}, {**DENIED, **region(A)}], (A,), None),
    ],
)
def test_retained_until_is_the_first_end_of_the_grants_that_keep_a_face(rows, found, until):
    assert verdict(rows, faces(*found)).retained_until == until


def test_the_decision_is_a_function_of_as_of():
    row = {**EVERYONE, "valid_from": "2026-01-01", "valid_until": "2027-01-01"}
    times = [datetime(year, 6, 1, tzinfo=UTC) for year in (2025, 2026, 2027)]
    before, within, after = (load(row, as_of=time).decide(KEY) for time in times)
    assert [bool(d.grants) for d in (before, within, after)] == [False, True, False]
    assert before.sha256 == after.sha256 != within.sha256
    with pytest.raises(ValueError, match="offset"):
        load(row, as_of=datetime(2026, 1, 1))


# "--policy public"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([{**EVERYONE, "key": "other.jpg"}], (A,)),
        ([{**EVERYONE, "valid_until": "2026-01-01"}], (A,)),
        ([{**EVERYONE, "purposes": "training"}], (A,)),
        ([DENIED], (A,)),
        ([EVERYONE, DENIED], (A,)),
        ([EVERYONE, {**DENIED, **region(C)}], (A,)),
        ([EVERYONE, {**DENIED, **region(C, width=1)}], (A,)),
        ([EVERYONE, {**EVERYONE, "valid_until": "soon"}], (A,)),
        ([EVERYONE], ()),
    ],
)
def test_policy_public_withholds(rows, found):
    with pytest.raises(Withheld) as caught:
        verdict(rows, faces(*found), config=PUBLIC)
    assert (caught.value.code, caught.value.status) == ("withheld", "skipped")


def test_policy_public_redacts_the_faces_of_the_others_and_speaks_of_the_whole_photo():
    rows = [{**EVERYONE, "valid_until": LATE}, person("s1", valid_until=EARLY, **region(C))]
    found = verdict(rows, faces(A, B), config=PUBLIC)
    assert found.redact.tolist() == [True, True]
    assert found.status == "granted"
    assert found.retained_until == datetime(2027, 1, 1, tzinfo=UTC)


def test_policy_public_lets_photos_without_a_face_through_when_told_to():
    config = dataclasses.replace(PUBLIC, publish_no_face=True)
    found = verdict([{**EVERYONE, "valid_until": EARLY}], faces(), config=config)
    assert (len(found.redact), found.retained_until) == (0, datetime(2027, 1, 1, tzinfo=UTC))
    for rows in ([{**EVERYONE, "key": "other.jpg"}], [EVERYONE, DENIED]):
        with pytest.raises(Withheld):
            verdict(rows, faces(), config=config)


# consent_status: "worst first: withdrawn, denied, malformed, expired, pending, partial, granted, unknown"

ORDER: list[Cells] = [
    {"status": "withdrawn"},
    {"status": "denied"},
    {"status": "nonsense"},
    {"status": "expired"},
    {"status": "pending"},
]


@pytest.mark.parametrize("worst", range(len(ORDER)))
def test_consent_status_is_the_worst(worst):
    expected = ["withdrawn", "denied", "malformed", "expired", "pending"][worst]
    assert verdict([EVERYONE, *reversed(ORDER[worst:])], faces(A)).status == expected
    assert verdict([EVERYONE, {**ORDER[worst], **region(C)}], faces(A)).status == expected


@pytest.mark.parametrize(
    ("rows", "found", "status"),
    [
        ([EVERYONE], (A, B), "granted"),
        ([EVERYONE], (), "granted"),
        ([person("s1", **region(A))], (A, B), "partial"),
        ([person("s1")], (A, B), "unknown"),
        ([{**GRANT, "valid_until": "2020-01-01"}, {"status": "pending"}], (A,), "expired"),
        ([{**GRANT, "valid_until": "2020-01-01"}, {"status": "denied"}], (A,), "denied"),
    ],
)
def test_consent_status_of_the_rest(rows, found, status):
    assert verdict(rows, faces(*found)).status == status


# "hash of the whole decision"


def test_the_hash_changes_with_what_could_change_the_outcome():
    base = person("s1", record_id="r1", valid_until=LATE, **region(A))
    variants: list[list[Cells]] = [
        [base],
        [{**base, "status": "denied"}],
        [{**base, "status": "withdrawn"}],
        [{**base, "record_id": "r2"}],
        [{**base, "valid_until": EARLY}],
        [{**base, "valid_until": "2020-01-01"}],
        [{**base, "scope": "everyone"}],
        [{**base, "frame": 0}],
        [{**base, "source_sha256": SHA256}],
        [{**base, "w": 41}],
        [base, {**base, "subject_id": "s2"}],
        [base, DENIED],
        [{**base, "key": "other.jpg"}],
    ]
    hashes = [load(*rows).decide(KEY).sha256 for rows in variants]
    assert len(set(hashes)) == len(hashes)
    assert load(base, purpose="research").decide(KEY).sha256 != hashes[0]


def test_the_hash_stays_where_the_decision_does():
    base = person("s1", record_id="r1", valid_until=LATE)
    same: list[list[Cells]] = [
        [base, base],
        [{**base, "key": "photos/", "match": "prefix"}],
        [{**base, "valid_until": "2027-12-31T23:00:00Z"}],
        [base, {**DENIED, "key": "other.jpg"}],
    ]
    assert {load(*rows).decide(KEY).sha256 for rows in same} == {load(base).decide(KEY).sha256}
    nothing = [load(base, purpose=purpose).decide("other.jpg").sha256 for purpose in (None, "research")]
    assert set(nothing) == {NO_CONSENT.sha256}


# "subject_id never reaches a log"


def test_no_subject_is_told():
    registry = load(
        person("Jane Roe", record_id="r7"), person("John Doe", **region(A)), {**DENIED, "subject_id": "Roe"}
    )
    decision = registry.decide(KEY)
    told = f"{registry!r} {decision!r} {registry.problems} {vars(registry)!r} {Row('granted', 'r7', 'Jane Roe')!r}"
    assert "Roe" not in told
    assert "Doe" not in told
    assert decision.record_ids == ("r7",)


def test_padding_is_the_one_that_masks_have():
    assert canvas().padding == PADDING == 1.45
