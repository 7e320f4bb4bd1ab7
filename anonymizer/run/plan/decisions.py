"""What is decided about an object from outside the manifest: consent, boxes, settings, and where its output goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anonymizer.lake.naming import Places
from anonymizer.records import ConsentDecision, GivenBoxes, ImageRef


@dataclass(frozen=True)
class Decisions:
    """What is decided about every object, whatever the manifest says of it.

    Attributes:
        consent: What the registry says about a key.
        boxes: The boxes of a listed object that are known from outside, None if there are none for it.
        settings: Hash of the settings that an object with these boxes is done with (`settings_sha256` of its row).
        forced: Whether a key is done again, changed or not.
        places: Where its output goes.
    """

    consent: Callable[[str], ConsentDecision]
    boxes: Callable[[ImageRef], GivenBoxes | None]
    settings: Callable[[GivenBoxes | None], str]
    forced: Callable[[str], bool]
    places: Places
