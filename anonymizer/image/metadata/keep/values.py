"""The values that a user may keep of a source's metadata."""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.config import Kept
from anonymizer.image.metadata.keep.exif import ExifValues
from anonymizer.image.metadata.keep.projection import Projection


@dataclass(frozen=True, slots=True)
class KeptValues:
    """What stays of a source's metadata: coarse values, never bytes.

    Attributes:
        orientation: The source had one; the output says 1, since its pixels are upright.
        icc: The colours of an output without a profile, which are sRGB, are named by the public profile of sRGB (or
            of gray with its curve).
        capture_year: Year of DateTimeOriginal, 1826 to 2100.
        position: Latitude and longitude in tenths of a degree, north and east positive.
        dpi: Whole pixels per inch, across and down the upright picture, 1 to 65535.
        projection: Of a panorama, whose pixels lie as they did in the source.
    """

    orientation: bool = False
    icc: bool = False
    capture_year: int | None = None
    position: tuple[int, int] | None = None
    dpi: tuple[int, int] | None = None
    projection: Projection | None = None

    @property
    def names(self) -> tuple[Kept, ...]:
        """The settings that speak of what is there, sorted."""
        there: dict[Kept, bool] = {
            "capture_year": self.capture_year is not None,
            "dpi": self.dpi is not None,
            "gps_coarse": self.position is not None,
            "icc": self.icc,
            "orientation": self.orientation,
            "projection": self.projection is not None,
        }
        return tuple(name for name, is_there in there.items() if is_there)

    def as_exif(self) -> ExifValues:
        """What an EXIF block says of it."""
        return ExifValues(1 if self.orientation else None, self.capture_year, self.position, self.dpi)


NOTHING = KeptValues()


def from_exif(exif: ExifValues, *, icc: bool = False) -> KeptValues:
    """The values that a block of ours stands for."""
    return KeptValues(exif.orientation is not None, icc, exif.capture_year, exif.position, exif.dpi)
