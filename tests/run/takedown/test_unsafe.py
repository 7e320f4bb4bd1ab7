from dataclasses import replace
from datetime import timedelta

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.records import NO_CONSENT, Face, Grant, Region, Veto
from anonymizer.run.takedown.unsafe import is_unsafe, past_retention
from tests.run.made import NOW, row

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
    assert is_unsafe(published, today, RunConfig()) is unsafe
    # An equal hash saves the look at what was redacted, and keeps no face: its row may speak of something else.
    shown = any(not face.redacted for face in published.faces)
    assert is_unsafe(published, replace(today, sha256=""), RunConfig()) is (unsafe and shown)
    owed = replace(published, error_code="take_down_owed")
    assert is_unsafe(owed, today, RunConfig()) is (owed.output_uri is not None)


def test_policy_public_takes_down_whole_photos():
    public = from_mapping(RunConfig, {"consent": {"policy": "public"}})
    published = row("a", **{**SHOWN, "faces": FACES[1:]})
    assert is_unsafe(published, replace(NO_CONSENT, sha256="today"), public)
    # Also when nothing was said then or now: the photo may have been published under policy redact.
    assert is_unsafe(published, NO_CONSENT, public)


def test_the_clock_alone_ends_a_retention():
    published = row("a", retained_until=NOW)
    assert past_retention(published, NOW)
    assert not past_retention(published, NOW - timedelta(microseconds=1))
    assert not past_retention(row("a"), NOW)
