"""Why two decoders may differ, and by how much; what has no reason has to be equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

Bound = tuple[float, float]
"""Of the largest and of the mean difference, in 1/255 of the range."""

EXACT: Bound = (0.0101, 0.0101)
"""So near are 16 bits that two decoders spread from fewer in their own way; eight bits are then equal."""

OTHERS = ("Pillow", "OpenCV", "tifffile", "pi_heif", "libvips", "ImageMagick", "imagecodecs")


@dataclass(frozen=True, slots=True)
class Reason:
    """A difference that is known.

    Attributes:
        text: Why, in a sentence.
        decoders: Names of those that it holds for.
        variants: Patterns (`fnmatch`) of the variants' names.
        bound: None = the decoder shows another picture, and nothing is compared.
        missing: So many frames may be missing.
    """

    text: str
    decoders: tuple[str, ...]
    variants: tuple[str, ...]
    bound: Bound | None = EXACT
    missing: int = 0

    def holds(self, decoder: str, variant: str) -> bool:
        return decoder in self.decoders and any(fnmatchcase(variant, pattern) for pattern in self.variants)


EQUAL = Reason("", (), ())

_SHARED_COLORS = (
    "AVIF, 4:2:0", "AVIF, 4:2:2", "AVIF, 1? bit", "AVIF, clean aperture*", "AVIF, turned*", "AVIF, mirrored*",
)  # fmt: skip

REASONS: tuple[Reason, ...] = (
    # What shows another picture.
    Reason("Of an AVIF it shows what lies outside the clean aperture, and turns nothing.",
           ("OpenCV", "imagecodecs"), ("AVIF, clean aperture*", "AVIF, turned*", "AVIF, mirrored*"), None),
    Reason("Of an AVIF it shows what lies outside the clean aperture.", ("Pillow",), ("AVIF, clean aperture*",), None),
    Reason("The film is RGB without alpha: it draws black, or the frame before, where the specification has nothing.",
           OTHERS, ("APNG, first frame disposed of*",), None),
    Reason("It turns Adobe's inks, which are stored the wrong way round, not back.", ("imagecodecs",),
           ("JPEG, CMYK",), None),
    Reason("It does not turn a JPEG as its EXIF says.", ("imagecodecs",), ("JPEG, orientation *",), None),
    Reason("It shows a transparent level of gray as opaque.", ("OpenCV",), ("PNG, gray with one*",), None),
    Reason("It gives the colours of TIFF multiplied by alpha, and drops the alpha of gray.", ("OpenCV",),
           ("TIFF*alpha*",), None),
    Reason("It shows YCbCr that is not JPEG as if it were RGB where no pixels share their colour.",
           ("libvips", "Pillow"), ("TIFF, YCbCr 1x1*",), None),
    Reason("It shows YCbCr that is not JPEG as if it were RGB.", ("ImageMagick",), ("TIFF, YCbCr ?x?*",), None),
    Reason("It does not turn round gray of 2 and 4 bit whose 0 is white.", ("ImageMagick",),
           ("TIFF, gray of [24] bit, 0 is white",), None),
    Reason("It shows none of the tiles of old-style JPEG.", ("libvips",), ("TIFF, old-style JPEG*tile*",), None),
    Reason("It rounds 16 bit to 8 and lets the lightest values wrap around to 0.", ("Pillow",),
           ("JPEG 2000, 16 bit",), None),
    Reason("It reads no alpha of AVIF and HEIC.", ("ImageMagick",), ("AVIF*alpha", "HEIC*alpha"), None),
    Reason("Its libtiff shows what is behind the first strip or row of tiles wrong where the file is big-endian.",
           ("Pillow", "libvips", "ImageMagick"),
           ("TIFF, old-style JPEG, *strips, big-endian*", "TIFF, old-style JPEG, tiles*, big-endian*"), None),
    Reason("It takes no notice of gAMA.", ("Pillow", "libvips"), ("PNG, linear light*",), None),
    # Frames.
    Reason("It reads the first frame alone.", ("libvips", "ImageMagick"), ("APNG", "APNG, disposal*"), missing=2),
    Reason("It reads the first frame alone.", ("imagecodecs",), ("WebP, animated",), missing=2),
    # Numbers.
    Reason("libjxl makes other pixels of a JPEG's coefficients; we show that JPEG, which is what others see of it.",
           ("imagecodecs",), ("JPEG XL, from a JPEG*",), (12.0, 1.5)),
    Reason("It goes by way of YCbCr of 8 bit and, like libvips, repeats the colours that pixels share.",
           ("ImageMagick",), (*_SHARED_COLORS, "AVIF, sequence, clean aperture"), (100.0, 3.5), missing=1),
    Reason("It goes by way of YCbCr of 8 bit whose colours have half the resolution; of a film it reads one frame.",
           ("ImageMagick",), ("AVIF*", "HEIC*"), (25.0, 2.5), missing=2),
    Reason("It repeats the colours that pixels share, where we go evenly from one to the next.", ("libvips",),
           _SHARED_COLORS, (100.0, 3.5)),
    Reason("It rounds the matrix from YCbCr in its own way.", ("libvips",), ("AVIF*",), (1.01, 0.1)),
    Reason("It goes from YCbCr of 10 and 12 bit to RGB of 8.", ("Pillow",), ("AVIF, 1? bit",), (3.5, 0.6)),
    Reason("It has 8 bit for all but gray without alpha, and cuts the lower ones off.", ("Pillow",),
           ("PNG, 16 bit", "PNG, RGB*of 16 bit", "PNG, gray and alpha of 16 bit", "TIFF, 16 bit"), (2.0, 0.51)),
    Reason("From ink to light it rounds twice.", ("OpenCV",), ("JPEG, CMYK",), (1.01, 1.0)),
    Reason("The palette has 16 bit, of which Pillow wrote the upper eight alone: we take these, it takes all.",
           ("ImageMagick",), ("TIFF, palette*",), (1.0, 0.7)),
)  # fmt: skip


def reason_for(decoder: str, variant: str, reasons: Sequence[Reason] = REASONS) -> Reason:
    """The first that holds; `EQUAL` where none does."""
    return next((reason for reason in reasons if reason.holds(decoder, variant)), EQUAL)
