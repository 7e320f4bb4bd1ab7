"""Small variants made in code, for what trains on them."""

from __future__ import annotations

import numpy as np

from anonymizer.lab.utility.samples import Crop, Photo
from anonymizer.lab.utility.variants import Variants

RAW_LEVEL, SMOOTH_LEVEL, DECOYS_LEVEL, MASKS_LEVEL, RAW_DECOYS_LEVEL = 10, 20, 30, 40, 50


def variants(people: int = 20, others: int = 20) -> Variants:
    """One crop each of so many people (class 0, with a face) and things (class 1); flat, a level for each variant."""
    keys = [("people", 0, index) for index in range(people)] + [("things", 1, index) for index in range(others)]
    crops = tuple(Crop(Photo(f"{name}/{i}.png", label, f"{name}/{i}.png")) for name, label, i in keys)
    levels = {
        "raw": RAW_LEVEL,
        "smooth": SMOOTH_LEVEL,
        "smooth+decoys": DECOYS_LEVEL,
        "smooth+masks": MASKS_LEVEL,
        "raw+decoys:smooth": RAW_DECOYS_LEVEL,
    }
    return Variants(
        classes=("people", "things"),
        crops=crops,
        has_face=np.arange(len(crops)) < people,
        pixels={name: np.full((len(crops), 64, 64, 3), level, np.uint8) for name, level in levels.items()},
        redacted={"people": people, "things": 0},
        refused={"decode_error": 1},
    )
