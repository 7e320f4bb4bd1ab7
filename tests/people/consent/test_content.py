"""What a grant speaks of: a key, or one content under it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anonymizer.config import ConsentConfig
from anonymizer.errors import ConsentRegionMisfit, Withheld
from anonymizer.people import consent
from anonymizer.records import Content
from tests.people.consent.scenes import (
    AS_OF,
    ETAG,
    KEY,
    SHA256,
    A,
    B,
    canvas,
    faces,
    kept,
    load,
    region,
    to_csv,
    verdict,
)

EVERYONE = {"status": "granted", "scope": "everyone"}
OTHER = "cd" * 32
RIGHT = [
    {"source_sha256": SHA256.upper()},
    {"source_etag": f'"{ETAG}"'},
    {"source_sha256": SHA256, "source_etag": ETAG},
]
WRONG = [{"source_sha256": OTHER}, {"source_etag": "other"}, {"source_sha256": SHA256, "source_etag": "other"}]


@pytest.mark.parametrize("named", RIGHT, ids=str)
def test_a_grant_of_this_content(named):
    assert kept([{**EVERYONE, **named}], faces(A, B)) == [0, 1]
    assert verdict([{**EVERYONE, **named}], faces(A), config=ConsentConfig(policy="public")).status == "granted"


@pytest.mark.parametrize("named", WRONG, ids=str)
def test_a_grant_of_another_content_is_as_if_absent(named):
    found = verdict([{**EVERYONE, **named}], faces(A))
    assert (found.redact.tolist(), found.status) == ([True], "unknown")
    assert kept([{**EVERYONE, **named}, {"status": "granted"}], faces(A)) == [0]
    assert kept([{"status": "granted", "subject_id": "1", **named}, {"status": "granted"}], faces(A, B)) == []
    with pytest.raises(Withheld):
        verdict([{**EVERYONE, **named}], faces(A), config=ConsentConfig(policy="public"))


def test_content_that_nobody_knows_is_none_that_is_named():
    unknown = replace(canvas(), content=Content(None, None))
    assert kept([{**EVERYONE, "source_sha256": SHA256}], faces(A), on=unknown) == []
    assert kept([{**EVERYONE, "source_etag": ETAG}], faces(A), on=unknown) == []


@pytest.mark.parametrize("named", [*RIGHT, *WRONG], ids=str)
def test_a_veto_speaks_for_the_key_whatever_it_names(named):
    assert kept([EVERYONE, {"status": "denied", **named}], faces(A)) == []


@pytest.mark.parametrize("named", WRONG, ids=str)
def test_a_region_that_was_drawn_on_other_content(named):
    assert kept([EVERYONE, {"status": "granted", **region(A, **named)}], faces(A)) == []
    with pytest.raises(ConsentRegionMisfit):
        verdict([{"status": "denied", **region(A, **named)}], faces(A))


@pytest.mark.parametrize("cell", [{"source_sha256": "abc"}, {"source_etag": ' "" '}], ids=str)
def test_a_malformed_content_vetoes(cell):
    assert kept([EVERYONE, {**EVERYONE, **cell}], faces(A)) == []


def test_what_a_grant_names_is_part_of_the_hash():
    variants = [{}, *RIGHT[:2], *WRONG]
    hashes = [load({**EVERYONE, **named}).decide(KEY).sha256 for named in variants]
    assert len(set(hashes)) == len(hashes)


# `consent.bind=content`


def decision(*rows, bind="content"):
    registry = consent.load_registry(to_csv(rows), "r.csv", purpose=None, as_of=AS_OF, bind=bind)
    return registry.decide(KEY)


def shows(found, bound, sha256=SHA256, etag=ETAG) -> bool:
    on = replace(canvas(), content=Content(sha256, etag))
    return not consent.apply(consent.held(found, bound), faces(A), on, ConsentConfig()).redact.any()


def test_a_grant_is_bound_to_what_it_was_first_seen_with_and_stays_so():
    found = decision({**EVERYONE, "record_id": "1"})
    assert shows(found, ())
    first = consent.bind((), found.seen, Content(SHA256, ETAG))
    assert shows(found, first)
    assert not shows(found, first, OTHER)
    later = consent.bind(first, found.seen, Content(OTHER, "etag-2"))
    assert later == first
    # A night on which the registry said nothing makes no difference.
    assert consent.bind(consent.bind(later, (), Content(OTHER, "etag-2")), found.seen, Content(OTHER, "x")) == first


def test_a_grant_that_is_given_anew_speaks_of_the_photo_of_today():
    old, new = {**EVERYONE, "valid_from": "2024-01-01"}, {**EVERYONE, "valid_from": "2025-01-01"}
    bound = consent.bind((), decision(old).seen, Content(SHA256, ETAG))
    for rows in ([new], [old, new]):
        assert shows(decision(*rows), bound, OTHER)
    again = consent.bind(bound, decision(old, new).seen, Content(OTHER, "etag-2"))
    assert shows(decision(old, new), again, OTHER)
    assert not shows(decision(old), again, OTHER)


def test_what_nobody_could_read_is_bound_by_its_version_until_somebody_has():
    found = decision(EVERYONE)
    unread = consent.bind((), found.seen, Content(None, ETAG))
    assert shows(found, unread)
    assert not shows(found, unread, OTHER, "etag-2")
    read = consent.bind(unread, found.seen, Content(SHA256, ETAG))
    assert shows(found, read, SHA256, "etag-3")
    assert consent.bind(unread, found.seen, Content(OTHER, "etag-2")) == unread


def test_a_grant_that_does_not_work_yet_is_seen_all_the_same():
    coming = {**EVERYONE, "valid_from": "2030-01-01"}
    assert decision(coming, EVERYONE).sha256 != decision(EVERYONE).sha256
    assert len(decision(coming, EVERYONE).seen) == 2
    assert decision({**EVERYONE, "purposes": "other"}).sha256


def test_by_default_a_key_is_a_key():
    found = decision(EVERYONE, bind="key")
    bound = consent.bind((), found.seen, Content(SHA256, ETAG))
    assert shows(found, bound, OTHER)
    assert found.sha256 == load(EVERYONE).decide(KEY).sha256


def test_a_grant_that_names_content_is_not_bound_besides():
    assert decision({**EVERYONE, "source_sha256": SHA256}).seen == ()


def test_what_is_remembered_stays_small():
    bound: tuple[str, ...] = ()
    for day in range(100):
        seen = decision({**EVERYONE, "record_id": str(day)}).seen
        bound = consent.bind(bound, seen, Content(SHA256, ETAG))
    assert len(bound) < 40
