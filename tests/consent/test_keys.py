"""How keys are found, and that no pattern can make the search explode."""

from __future__ import annotations

import fnmatch
import pickle
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.consent import keys as module
from anonymizer.consent.keys import KeyIndex, compile_glob, fold
from tests.consent.scenes import KEY, load


def index(texts: list[str], *, grants: bool, matches: list[str] | None = None) -> KeyIndex:
    match = pa.array(matches, pa.large_string()) if matches else None
    return KeyIndex(pa.array(texts, pa.large_string()), match, np.full(len(texts), grants))


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
    assert bool(compile_glob(pattern).fullmatch(key)) is matches


@given(st.text("ab*?/", max_size=10), st.text("ab/", max_size=14))
def test_globs_match_as_fnmatch_does(pattern, key):
    assert bool(compile_glob(pattern).fullmatch(key)) is fnmatch.fnmatchcase(key, pattern)


def test_no_pattern_makes_the_search_explode():
    started = time.process_time()
    assert not compile_glob("*a" * 60 + "*b").fullmatch("a" * 1024)
    assert not compile_glob("*" * 500 + "?a" * 20 + "b").fullmatch("a" * 1024)
    assert time.process_time() - started < 2


@given(st.lists(st.text(max_size=6), max_size=20), st.text(max_size=6))
def test_exact_keys_are_found_as_a_plain_search_finds_them(texts, key):
    wanted = [*texts, key]
    exact = ["exact"] * len(wanted)
    as_is = [row for row, text in enumerate(wanted) if text == key]
    folded = [row for row, text in enumerate(wanted) if fold(text) == fold(key)]
    assert index(wanted, grants=True, matches=exact).find(key) == as_is
    assert index(wanted, grants=False, matches=exact).find(key) == folded


def test_two_keys_with_one_check_sum_are_told_apart(monkeypatch):
    monkeypatch.setattr(module, "_check_sum", lambda folded: len(folded))
    found = index(["a", "b", "c", "b"], grants=True)
    assert [found.find(key) for key in "abcd"] == [[0], [1, 3], [2], []]


@given(st.text("aAeE\u0308\u00eb\u00df\u0345/", max_size=12))
def test_folding_twice_is_folding_once_and_forgets_case(key):
    assert fold(fold(key)) == fold(key)
    assert fold(key.upper()) == fold(key) or "\u0345" in key


def test_a_row_that_matches_in_several_forms_is_found_once():
    assert index([KEY], grants=False, matches=["nonsense"]).find(KEY) == [0]


def test_a_key_that_is_no_utf8_meets_patterns_and_nothing_else():
    registry = load({"status": "denied", "key": "photos/"}, {"status": "denied", "key": "photos/\ufffd.jpg"})
    assert len(registry.decide("photos/\udcff.jpg").vetoes) == 1
    assert registry.unmatched().tolist() == [2]


def test_a_registry_can_be_sent_to_another_process():
    registry = load({"status": "granted"}, {"status": "denied", "key": "x*"})
    sent = pickle.loads(pickle.dumps(registry))
    assert sent.decide(KEY) == registry.decide(KEY)
    assert sent.decide("xyz") == registry.decide("xyz")
