"""Defines how the planner looks up consent, boxes, settings and the output key of an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anonymizer.lake.naming import Places
from anonymizer.records import ConsentDecision, GivenBoxes, ImageRef


@dataclass(frozen=True)
class Decisions:
    """Functions that return what is decided about an object, independently of the manifest.

    Attributes:
        consent: Returns the registry's decision about a key.
        boxes: Returns the boxes that the user supplied for a listed object, None if there are none.
        settings: Returns the hash of the settings for an object with these boxes (`settings_sha256` of its row).
        forced: Whether a key has to be processed again even if nothing has changed.
        places: Maps keys of sources to keys of outputs.
        shard_settings: As `settings`, for a shard.
        changed: Keys of shards with pictures whose consent has changed.
    """

    consent: Callable[[str], ConsentDecision]
    boxes: Callable[[ImageRef], GivenBoxes | None]
    settings: Callable[[GivenBoxes | None], str]
    forced: Callable[[str], bool]
    places: Places
    shard_settings: Callable[[GivenBoxes | None], str]
    changed: frozenset[str] = frozenset()
