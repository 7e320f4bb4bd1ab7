from dataclasses import replace

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.run.start.arguments import arguments_sha256, check_options, with_output_in_place

BOTH = {"input": "/a", "output": "/b"}


def settings(**values):
    return from_mapping(RunConfig, values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prune": True, "limit": 1}, "--prune needs the whole listing: it cannot be combined with --limit"),
        ({"prune": True, "keys": "k.csv"}, "--prune needs the whole listing: it cannot be combined with --keys"),
        ({"keys": "k.csv", "include": ["*"]}, "--keys cannot be combined with --include"),
        ({"originals": "/o"}, "--originals and --discard-originals need --in-place"),
    ],
)
def test_options_that_contradict_each_other(values, message):
    with pytest.raises(ConfigError, match=f"^{message}$"):
        check_options(settings(**BOTH, **values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"output": "/b", "discard_originals": True}, "takes no OUTPUT"),
        ({}, "needs either --originals URI"),
        ({"originals": "/o", "discard_originals": True}, "needs either --originals URI"),
        ({"discard_originals": True, "names": "hashed"}, "cannot be combined with --names hashed"),
    ],
)
def test_in_place_leaves_nothing_open(values, message):
    with pytest.raises(ConfigError, match=message):
        with_output_in_place(settings(input="/a", in_place=True, **values))


def test_two_starts_ask_for_the_same_whatever_does_the_work():
    asked = settings(**BOTH)
    more_workers = replace(asked, engine=replace(asked.engine, workers=7))
    assert arguments_sha256(asked) == arguments_sha256(more_workers)
    assert arguments_sha256(asked) != arguments_sha256(replace(asked, force=True))
