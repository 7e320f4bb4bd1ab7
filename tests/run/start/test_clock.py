from datetime import UTC, datetime

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.lake.manifest import ManifestStore
from anonymizer.run.start.clock import Decided, decided_at, time_of
from tests.lake.manifest.stores import MemoryStore

JUNE, JULY, AUGUST = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))


def settings(as_of=None):
    return from_mapping(RunConfig, {"input": "/a", "output": "/b", "as_of": as_of})


@pytest.fixture
def manifest():
    return ManifestStore(MemoryStore())


def test_the_time_is_what_was_given():
    assert time_of(settings("2026-06-01T02:00:00+02:00")) == JUNE
    with pytest.raises(ConfigError, match="--as-of takes"):
        time_of(settings("yesterday"))


def test_the_first_run_believes_its_clock(manifest):
    assert decided_at(settings(), JUNE, manifest) == Decided(JUNE, JUNE)


def test_a_clock_that_was_put_back_revives_no_grant(manifest, caplog):
    manifest.write_run("r1", {"as_of": JULY.isoformat(), "latest_clock": JULY.isoformat()})
    assert decided_at(settings(), JUNE, manifest) == Decided(JULY, JULY)
    assert "but an earlier run evaluated consent for 2026-07-01" in caplog.text
    assert decided_at(settings(), AUGUST, manifest) == Decided(AUGUST, AUGUST)


def test_what_was_said_holds_until_the_clock_passes_it_or_something_else_is_said(manifest):
    manifest.write_run("r1", {"as_of": JULY.isoformat(), "latest_clock": JUNE.isoformat()})
    assert decided_at(settings(), JUNE, manifest) == Decided(JULY, JUNE)
    assert decided_at(settings("2026-06-01T00:00:00Z"), JUNE, manifest) == Decided(JUNE, JUNE)
