"""Every setting either decides what an output looks like, and then it is in the hash, or it does not.

Who adds a setting says here which it is: one that is wrongly in the hash has a whole lake done again, one that is
wrongly not in it leaves outputs that were made otherwise.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from anonymizer.config import RunConfig, fields_of, settings_sha256

#: Whole sections, and single settings of other sections.
DECIDE = {"detector", "redaction", "codec", "metadata", "consent.policy", "consent.publish_no_face"}
DO_NOT = {
    *("input", "output", "manifest", "as_of", "include", "exclude", "allow", "adopt", "names", "limit", "max_failures"),
    *("in_place", "originals", "discard_originals", "force", "prune", "prune_limit", "keys", "dry_run", "estimate"),
    *("core_price", "storage", "engine"),
    # What consent says of a photo is in its decision's own hash (`consent_sha256`).
    *("consent.registry", "consent.purpose", "consent.bind", "consent.strict"),
    # Boxes are in the hash of each object that has some (`item_settings_sha256`).
    *("boxes.uri", "boxes.mode"),
    # Of shards they are in the hash of each shard (`shard_settings_sha256`).
    "shards",
    # The content of the network's file is in the hash, not where it lies.
    "detector.weights",
}
OTHER: dict[type, Any] = {
    bool: True,
    int: 7,
    float: 0.5,
    str: "other",
    dict: {"a": 1},
    tuple: ("dpi",),
    type(None): "x",
}


def changed(config: Any, path: list[str]) -> Any:
    name, *rest = path
    value = getattr(config, name)
    other = changed(value, rest) if rest else (not value if isinstance(value, bool) else OTHER[type(value)])
    assert other != value
    return dataclasses.replace(config, **{name: other})


@pytest.mark.parametrize("name", [name for name, _, _ in fields_of(RunConfig)])
def test_a_setting_is_in_the_hash_if_it_decides_about_the_output(name: str) -> None:
    section = name.partition(".")[0]
    decides = name not in DO_NOT and bool({name, section} & DECIDE)
    assert decides or {name, section} & DO_NOT, f"say whether {name} decides what an output looks like"
    before = settings_sha256(RunConfig(), "network", {})
    after = settings_sha256(changed(RunConfig(), name.split(".")), "network", {})
    assert (before != after) is decides
