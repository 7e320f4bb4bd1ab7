"""What must hold for every registry and every picture."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import ConsentConfig
from anonymizer.errors import ObjectError
from anonymizer.people import consent
from anonymizer.records import Detections
from tests.people.consent.scenes import HEIGHT, KEY, SHA256, WIDTH, Cells, canvas, faces, load

BOXES = st.tuples(st.integers(-10, 350), st.integers(-10, 250), st.integers(5, 120), st.integers(5, 120))
REGIONS = st.builds(
    lambda box, frame, sha256: {
        **dict(zip("xywh", box, strict=True)),
        "width": WIDTH,
        "height": HEIGHT,
        "frame": frame,
        "source_sha256": sha256,
    },
    BOXES,
    st.sampled_from(["", 0, 1]),
    st.sampled_from(["", SHA256]),
)
PLACES = st.one_of(st.just({}), REGIONS)
KEYS = st.sampled_from([KEY, "photos/", "*.jpg", "PHOTOS/A.jpg", "photos/b.jpg"])
GRANTS = st.builds(
    lambda key, subject, scope, place, until: {
        "key": key,
        "status": "granted",
        "subject_id": subject,
        "scope": scope,
        "valid_until": until,
        **place,
    },
    KEYS,
    st.sampled_from(["", "s1", "s2", "s3"]),
    st.sampled_from(["", "person", "person", "everyone"]),
    PLACES,
    st.sampled_from(["", "2027-01-01", "2020-01-01"]),
)
VETOES = st.builds(
    lambda key, status, subject, place: {"key": key, "status": status, "subject_id": subject, **place},
    KEYS,
    st.sampled_from(["denied", "withdrawn", "pending", "expired", "", "GRANTED"]),
    st.sampled_from(["", "s1"]),
    PLACES,
)
PICTURES = st.lists(st.tuples(BOXES, st.sampled_from([0, 1])), max_size=4).map(
    lambda found: faces(*[(x, y, x + w, y + h) for (x, y, w, h), _ in found], frames=[frame for _, frame in found])
)
POLICIES = st.sampled_from([ConsentConfig(policy="redact"), ConsentConfig(policy="public")])


def shown(rows: list[Cells], found: Detections, config: ConsentConfig) -> set[int] | None:
    """Faces that stay, or None where nothing is published."""
    decision = load(*rows).decide(KEY)
    try:
        verdict = consent.apply(decision, found, canvas(frame_count=2), config)
    except ObjectError:
        return None
    return set(np.flatnonzero(~verdict.redact).tolist())


@given(st.lists(GRANTS, max_size=5), st.lists(VETOES, max_size=2), VETOES, PICTURES, POLICIES)
@settings(max_examples=400, deadline=None)
def test_a_row_that_is_no_grant_never_shows_more(grants, vetoes, veto, found, config):
    before = shown([*grants, *vetoes], found, config)
    after = shown([*grants, *vetoes, veto], found, config)
    assert after is None or (before is not None and after <= before)


@given(st.lists(GRANTS, min_size=1, max_size=3), PICTURES)
@settings(max_examples=200, deadline=None)
def test_no_more_faces_stay_than_people_consented_unless_everyone_did(grants, found):
    decision = load(*grants).decide(KEY)
    if any(grant.everyone and grant.region is None for grant in decision.grants):
        return
    stay = shown(grants, found, ConsentConfig())
    people = {g.person for g in decision.grants if g.region is None}
    placed = [g for g in decision.grants if g.region is not None]
    assert len(stay or ()) <= len(people) + len(placed)


@given(st.lists(st.one_of(GRANTS, VETOES), max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_does_not_matter(rows):
    first, *others = [load(*order).decide(KEY) for order in permutations(rows)]
    for other in others:
        assert (first.sha256, first.grants, first.vetoes) == (other.sha256, other.grants, other.vetoes)


@given(
    st.sampled_from(["status", "match", "scope", "valid_from", "valid_until", "x", "width", "frame", "source_sha256"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    PICTURES,
)
@settings(max_examples=300, deadline=None)
def test_a_malformed_value_never_shows_a_face(column, text, found):
    registry = load({"status": "granted", "scope": "everyone"}, {"status": "granted", "record_id": "2", column: text})
    if registry.problems:
        assert all(text not in problem or len(text) < 12 for problem in registry.problems)
        assert (
            shown(
                [{"status": "granted", "scope": "everyone"}, {"status": "granted", column: text}],
                found,
                ConsentConfig(),
            )
            == set()
        )


@given(st.lists(st.one_of(GRANTS, VETOES), max_size=4), PICTURES)
@settings(max_examples=200, deadline=None)
def test_equal_hashes_show_the_same(rows, found):
    half = rows[: len(rows) // 2]
    if load(*rows).decide(KEY).sha256 == load(*half).decide(KEY).sha256:
        assert shown(rows, found, ConsentConfig()) == shown(half, found, ConsentConfig())
