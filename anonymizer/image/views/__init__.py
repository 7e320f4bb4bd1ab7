"""Between samples as a file holds them and the pictures in which somebody could see a face: 8-bit gray or RGB."""

from anonymizer.image.views.frame import as_shown, light_of, negatives, views
from anonymizer.image.views.levels import Levels, Points, dim_levels, levels_of
from anonymizer.image.views.samples import as_light, as_seen, like_samples

__all__ = [
    "Levels",
    "Points",
    "as_light",
    "as_seen",
    "as_shown",
    "dim_levels",
    "levels_of",
    "light_of",
    "like_samples",
    "negatives",
    "views",
]
