"""What a run decides by."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError, RegistryError
from anonymizer.lake.naming import Places
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.start.keylist import KeyList

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def inputs(tmp_path, named=None, **settings):
    values = {"input": (tmp_path / "in").as_uri(), "detector": {"name": "patch"}, **settings}
    return Inputs(from_mapping(RunConfig, values), NOW, named)


def key_list(*actions):
    keys = pa.array([f"{place}.png" for place in range(len(actions))], pa.string())
    columns = {"key": keys, "action": pa.array(actions, pa.int8())}
    empty = pa.nulls(len(actions), pa.string())
    return KeyList(pa.table(columns | {"etag": empty, "size": empty, "last_modified": empty}))


def test_nobody_has_consented_before_the_registry_was_read_with_all_the_rest(tmp_path):
    registry = tmp_path / "consent.csv"
    registry.write_text("key,status\n*,granted\n")
    given = inputs(tmp_path, consent={"registry": str(registry)}, keys=str(tmp_path / "missing.csv"))
    with pytest.raises(ConfigError, match=r"missing\.csv"):
        given.load()
    assert given.registry.decide("a.png").grants == ()
    given = inputs(tmp_path, consent={"registry": str(registry)})
    given.load()
    assert len(given.registry.decide("a.png").grants) == 1


def test_a_registry_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(RegistryError):
        inputs(tmp_path, consent={"registry": str(tmp_path / "missing.csv")}).load()


def test_keys_that_are_given_stay_even_if_there_are_none(tmp_path):
    nothing = key_list()
    given = inputs(tmp_path, nothing)
    given.load()
    assert given.keys is nothing


def test_named_keys_and_everything_on_demand_are_done_again(tmp_path):
    given = inputs(tmp_path, key_list(1, 2))
    given.load()
    places = Places((tmp_path / "out").as_uri(), "same", None)
    decisions = given.decisions(places)
    assert [decisions.forced(key) for key in ("0.png", "1.png")] == [True, False]
    assert given.decisions(places, forced=True).forced("1.png")
