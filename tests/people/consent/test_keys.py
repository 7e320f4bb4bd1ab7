"""How keys are found, and that no pattern can make the search explode."""

from __future__ import annotations

import fnmatch
import pickle
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.people.consent import globs as globs_module
from anonymizer.people.consent import keys as module
from anonymizer.people.consent.globs import Globs, compile_glob
from anonymizer.people.consent.globs import matches as glob_matches
from anonymizer.people.consent.keys import KeyIndex, forms
from anonymizer.people.consent.spelling import fold, plain, readings
from tests.people.consent.scenes import KEY, load


def index(texts: list[str], *, grants: bool, matches: list[str] | None = None) -> KeyIndex:
    match = pa.array(matches, pa.large_string()) if matches else None
    return KeyIndex(pa.array(texts, pa.large_string()), match, np.full(len(texts), grants))


def found(made: KeyIndex, key: str) -> list[int]:
    """Rows that speak."""
    return sorted(int(row) for group in made.find(key) for row in made.rows(group))


def speaks(text: str, match: str, grant: bool, key: str) -> bool:
    """The simple matcher: one row, one key."""
    if grant:
        return any(_meets(form, text, key) for form in forms(text, match))
    if any(_meets(form, text, key) for form in forms(text, match)):
        return True
    for reading in readings(text):
        every = {*forms(reading, match), *forms(plain(reading), match)}
        pairs = [(a, b) for a in (fold(reading), plain(reading)) for b in (fold(key), plain(key))]
        if any(_meets(form, a, b) for form in every for a, b in pairs):
            return True
    return False


def _meets(form: str, text: str, key: str) -> bool:
    if form == "glob":
        return fnmatch.fnmatchcase(key, text.replace("[", "[[]"))
    return key == text if form == "exact" else key.startswith(text)


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("*", "", True),
        ("*", "a/b/c", True),
        ("a*", "a", True),
        ("a*b*c", "abbc", True),
        ("a*b*c", "abcb", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "aba", False),
        ("?", "", False),
        ("?", "\n", True),
        ("a?c", "a/c", True),
        ("**a**", "bab", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("", "", True),
        ("a*a", "a", False),
        ("\\*", "\\x", True),
    ],
)
def test_globs(pattern, key, matches):
    assert bool(compile_glob(pattern).fullmatch(key)) is glob_matches(pattern, key) is matches


@given(st.text("ab*?/", max_size=10), st.text("ab/", max_size=14))
def test_globs_match_as_fnmatch_does(pattern, key):
    assert bool(compile_glob(pattern).fullmatch(key)) is fnmatch.fnmatchcase(key, pattern)


def test_no_pattern_makes_the_search_explode():
    started = time.process_time()
    assert not compile_glob("*a" * 60 + "*b").fullmatch("a" * 1024)
    assert not compile_glob("*" * 500 + "?a" * 20 + "b").fullmatch("a" * 1024)
    assert time.process_time() - started < 2


LETTERS = st.text('abAB*?/. \\%20+\u200b\u00eb["\u201d,;', min_size=1, max_size=9)
PIECES = st.lists(
    st.sampled_from(["*", "?", "a", "ab/", "img_0001", "-12345.jpg", "2019/", "B"]), min_size=1, max_size=6
)
TEXTS = st.one_of(LETTERS, PIECES.map("".join))
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["", "", "exact", "prefix", "glob", "x"]), st.booleans()), max_size=12)


@given(ROWS, TEXTS)
@settings(max_examples=400, deadline=None)
def test_rows_are_found_as_a_simple_matcher_finds_them(rows, key):
    rows = [*rows, (key, "", True), (key, "", False)]
    texts, matches, grants = zip(*rows, strict=True)
    made = KeyIndex(pa.array(texts, pa.large_string()), pa.array(matches, pa.large_string()), np.array(grants))
    assert found(made, key) == [n for n, (text, match, grant) in enumerate(rows) if speaks(text, match, grant, key)]


@given(st.lists(TEXTS, max_size=30), TEXTS)
@settings(max_examples=300, deadline=None)
def test_globs_are_found_as_each_alone_matches(patterns, key):
    made = Globs((pattern, number) for number, pattern in enumerate(patterns))
    wanted = [n for n, pattern in enumerate(patterns) if compile_glob(pattern).fullmatch(key)]
    assert sorted(made.find(key)) == wanted
    assert [n for n, pattern in enumerate(patterns) if glob_matches(pattern, key)] == wanted


def test_few_globs_are_tried_of_very_many(monkeypatch):
    globs = [f"*{i}-{end}" for i in range(2000) for end in ("*", "?.jpg", "x*.jpg", "*.png")]
    made = Globs((pattern, number) for number, pattern in enumerate([*globs, *(f"{i}/*.jpg" for i in range(2000))]))
    tried: list[str] = []
    monkeypatch.setattr(globs_module, "matches", lambda pattern, key: tried.append(pattern))
    list(made.find("photos/2019/IMG_1234-7.jpg"))
    assert len(tried) < 40


def test_two_keys_with_one_check_sum_are_told_apart(monkeypatch):
    monkeypatch.setattr(module, "_check_sum", lambda text: len(text))
    made = index(["a", "b", "c", "b"], grants=True)
    assert [found(made, key) for key in "abcd"] == [[0], [1, 3], [2], []]


@given(st.text("aAeE\u0308\u00eb\u00df\u0345/", max_size=12))
def test_folding_twice_is_folding_once_and_forgets_case(key):
    assert fold(fold(key)) == fold(key)
    assert fold(key.upper()) == fold(key) or "\u0345" in key


def test_a_row_that_matches_in_several_forms_is_found_once():
    assert found(index([KEY], grants=False, matches=["nonsense"]), KEY) == [0]


def test_a_key_that_is_no_utf8_meets_patterns_and_nothing_else():
    registry = load({"status": "denied", "key": "photos/"}, {"status": "denied", "key": "photos/\ufffd.jpg"})
    assert len(registry.decide("photos/\udcff.jpg").vetoes) == 1
    assert registry.unmatched().tolist() == [2]


def test_a_registry_can_be_sent_to_another_process():
    registry = load({"status": "granted"}, {"status": "denied", "key": "x*"})
    sent = pickle.loads(pickle.dumps(registry))
    assert sent.decide(KEY) == registry.decide(KEY)
    assert sent.decide("xyz") == registry.decide("xyz")
