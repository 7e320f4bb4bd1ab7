"""Convert a frame's samples into the 8-bit gray or RGB pictures in which faces are searched, and back."""

from anonymizer.image.views.frame import light_of, negatives, to_display, views
from anonymizer.image.views.levels import Levels, Points, dim_levels, levels_of
from anonymizer.image.views.samples import like_samples, to_rgb, to_uint8

__all__ = [
    "Levels",
    "Points",
    "dim_levels",
    "levels_of",
    "light_of",
    "like_samples",
    "negatives",
    "to_display",
    "to_rgb",
    "to_uint8",
    "views",
]
