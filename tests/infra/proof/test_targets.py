"""What the proofs name is there."""

from __future__ import annotations

from pathlib import Path

from infra.proof.radosgw.__main__ import TESTS

ROOT = Path(__file__).parents[3]


def test_the_tests_that_run_against_a_real_store_are_there() -> None:
    assert [name for name in TESTS if not (ROOT / name).exists()] == []
