"""Make the ICC profiles of public colour spaces that outputs may contain in place of a source's profile.

Each is a matrix/TRC profile of ICC.1:2010 (version 4.3), computed here in exact fractions from the published primaries,
white points and curves, so that its bytes are the same on every machine. It names no device and no maker, and its date
is fixed.
"""

from __future__ import annotations

import struct
from fractions import Fraction

Row = tuple[Fraction, Fraction, Fraction]
Matrix = tuple[Row, Row, Row]
Chromaticities = tuple[tuple[str, str], tuple[str, str], tuple[str, str]]

_D65 = ("0.3127", "0.3290")
"""White point of ITU-R BT.709, BT.2020, IEC 61966-2-1, SMPTE EG 432-1 (P3 D65) and Adobe RGB (1998)."""
_D50 = ("0.3457", "0.3585")
"""White point of ROMM RGB (ISO 22028-2)."""

# ICC.1:2010, 7.2.16: the white point of the profile connection space in the header's unit of 1/65536.
_PCS_WHITE = (0xF6D6, 0x10000, 0xD32D)

# Bradford's cone response, ICC.1:2010, annex E.
_BRADFORD: Matrix = (
    (Fraction("0.8951"), Fraction("0.2664"), Fraction("-0.1614")),
    (Fraction("-0.7502"), Fraction("1.7135"), Fraction("0.0367")),
    (Fraction("0.0389"), Fraction("-0.0685"), Fraction("1.0296")),
)

# Parameters g, a, b, c, d of a parametric curve of type 3: (a X + b) ** g from d on, c X below (ICC.1:2010, 10.16).
SRGB_CURVE = ("2.4", "1000/1055", "55/1055", "100/1292", "0.04045")
# Inverse of ITU-R BT.2020's transfer characteristics; alpha and beta to the digits that make both parts meet.
_BT2020_CURVE = ("20/9", "1/1.09929682680944", "0.09929682680944/1.09929682680944", "10/45", "0.08124285829863")

_FIXED_DATE = (2000, 1, 1, 0, 0, 0)


def _fraction(text: str) -> Fraction:
    over, _, under = text.partition("/")
    return Fraction(over) / Fraction(under or "1")


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = tuple(zip(*right, strict=True))
    rows = [tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in columns) for row in left]
    return (rows[0], rows[1], rows[2])  # type: ignore[return-value]  # sums of fractions are fractions


def _applied(matrix: Matrix, vector: Row) -> Row:
    values = [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]
    return (values[0], values[1], values[2])


def _inverse(m: Matrix) -> Matrix:
    def minor(i: int, j: int) -> Fraction:
        (a, b), (c, d) = ([value for y, value in enumerate(row) if y != j] for x, row in enumerate(m) if x != i)
        return (a * d - b * c) * (1 if (i + j) % 2 == 0 else -1)

    determinant = sum((m[0][j] * minor(0, j) for j in range(3)), Fraction(0))
    rows = [(minor(0, i) / determinant, minor(1, i) / determinant, minor(2, i) / determinant) for i in range(3)]
    return (rows[0], rows[1], rows[2])


def _xyz(chromaticity: tuple[str, str]) -> Row:
    """XYZ of unit luminance."""
    x, y = Fraction(chromaticity[0]), Fraction(chromaticity[1])
    return (x / y, Fraction(1), (1 - x - y) / y)


def _diagonal(values: Row) -> Matrix:
    zero = Fraction(0)
    return ((values[0], zero, zero), (zero, values[1], zero), (zero, zero, values[2]))


def _adaptation(white: Row) -> Matrix:
    """The Bradford chromatic adaptation from `white` to the white point of the connection space."""
    target = _applied(_BRADFORD, (Fraction(_PCS_WHITE[0], 65536), Fraction(1), Fraction(_PCS_WHITE[2], 65536)))
    source = _applied(_BRADFORD, white)
    gains = _diagonal((target[0] / source[0], target[1] / source[1], target[2] / source[2]))
    return _product(_inverse(_BRADFORD), _product(gains, _BRADFORD))


def _colorants(primaries: Chromaticities, white: Row) -> list[list[int]]:
    """Rows X, Y, Z by columns red, green, blue in 1/65536; each row sums exactly to the connection space's white point.

    Rounding errors are corrected in green, so that equal amounts of the three primaries are neutral.
    """
    red, green, blue = (_xyz(primary) for primary in primaries)
    unscaled: Matrix = (
        (red[0], green[0], blue[0]),
        (red[1], green[1], blue[1]),
        (red[2], green[2], blue[2]),
    )
    scaled = _product(unscaled, _diagonal(_applied(_inverse(unscaled), white)))
    rows = [[round(value * 65536) for value in row] for row in _product(_adaptation(white), scaled)]
    for row, whole in zip(rows, _PCS_WHITE, strict=True):
        row[1] = whole - row[0] - row[2]
    return rows


def _numbers(*values: Fraction) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _text_tag(text: str) -> bytes:
    """`mluc` with one text, English (ICC.1:2010, 10.13)."""
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _xyz_tag(values: tuple[int, int, int]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *values)


def _curve_tag(parameters: tuple[str, ...]) -> bytes:
    """`para` of type 0 (a power) or 3 (a power with a line below)."""
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para" + struct.pack(">4xHH", kind, 0) + _numbers(*map(_fraction, parameters))


def _profile(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """Header, tag table and data of a display profile; tags with equal data share them (ICC.1:2010, 7)."""
    at = 128 + 4 + 12 * len(tags)
    table, body, offsets = [struct.pack(">I", len(tags))], b"", dict[bytes, int]()
    for name, content in tags:
        if content not in offsets:
            offsets[content] = at + len(body)
            body += content + bytes(-len(content) % 4)
        table.append(struct.pack(">4sII", name, offsets[content], len(content)))
    header = struct.pack(
        ">I4xI4s4s4s6H4s28x3i48x",
        at + len(body),
        0x04300000,
        b"mntr",
        space,
        b"XYZ ",
        *_FIXED_DATE,
        b"acsp",
        *_PCS_WHITE,
    )
    return header + b"".join(table) + body


def rgb_profile(name: str, primaries: Chromaticities, white: tuple[str, str], curve: tuple[str, ...]) -> bytes:
    """Makes a display profile from three primaries and one tone curve.

    Args:
        name: The profile's description.
        primaries: Chromaticities x and y of red, green and blue, as decimal numbers or fractions.
        white: Chromaticity x and y of the white point.
        curve: Parameters of ICC's parametric curve of type 0 (g) or 3 (g, a, b, c, d).

    Raises:
        ZeroDivisionError: The primaries are collinear, or one has no luminance.
        struct.error: A value is out of the format's range.
    """
    rows = _colorants(primaries, _xyz(white))
    columns = [(rows[0][i], rows[1][i], rows[2][i]) for i in range(3)]
    adaptation = b"sf32" + bytes(4) + b"".join(_numbers(*row) for row in _adaptation(_xyz(white)))
    tags = [(b"desc", _text_tag(name)), (b"cprt", _text_tag("CC0")), (b"wtpt", _xyz_tag(_PCS_WHITE))]
    tags.append((b"chad", adaptation))
    tags += [(tag, _xyz_tag(column)) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)]
    tags += [(tag, _curve_tag(curve)) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    return _profile(b"RGB ", tags)


def gray_profile(name: str, curve: tuple[str, ...]) -> bytes:
    """Makes a gray display profile from one tone curve; see `rgb_profile`."""
    tags = [(b"desc", _text_tag(name)), (b"cprt", _text_tag("CC0")), (b"wtpt", _xyz_tag(_PCS_WHITE))]
    return _profile(b"GRAY", [*tags, (b"kTRC", _curve_tag(curve))])


_BT709_PRIMARIES = (("0.64", "0.33"), ("0.30", "0.60"), ("0.15", "0.06"))
_P3_PRIMARIES = (("0.680", "0.320"), ("0.265", "0.690"), ("0.150", "0.060"))
_ADOBE_PRIMARIES = (("0.64", "0.33"), ("0.21", "0.71"), ("0.15", "0.06"))
_ROMM_PRIMARIES = (("0.7347", "0.2653"), ("0.1596", "0.8404"), ("0.0366", "0.0001"))
_BT2020_PRIMARIES = (("0.708", "0.292"), ("0.170", "0.797"), ("0.131", "0.046"))

PROFILES: dict[str, bytes] = {
    # IEC 61966-2-1.
    "srgb": rgb_profile("sRGB", _BT709_PRIMARIES, _D65, SRGB_CURVE),
    # SMPTE EG 432-1 with D65 and the curve of sRGB: what phones and cameras call Display P3.
    "display-p3": rgb_profile("Display P3", _P3_PRIMARIES, _D65, SRGB_CURVE),
    # Adobe RGB (1998) Color Image Encoding, 2005-05: gamma 2 + 51/256.
    "adobe-rgb": rgb_profile("Compatible with Adobe RGB (1998)", _ADOBE_PRIMARIES, _D65, ("563/256",)),
    # ROMM's primaries with gamma 1.8, as in the profiles in use (ISO 22028-2 adds a linear segment near black).
    "prophoto-rgb": rgb_profile("ProPhoto RGB", _ROMM_PRIMARIES, _D50, ("1.8",)),
    "rec2020": rgb_profile("Rec. 2020", _BT2020_PRIMARIES, _D65, _BT2020_CURVE),
    "gray-gamma22": gray_profile("Gray gamma 2.2", ("2.2",)),
    # Gray as viewers display it without a profile; written only if a user asks for an explicit profile.
    "gray-srgb": gray_profile("Gray sRGB", SRGB_CURVE),
}
"""Name of a colour space to the exact bytes of its ICC profile."""
