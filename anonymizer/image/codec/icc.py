"""Matrix/TRC and gray profiles as arithmetic: 16-bit samples to sRGB at their own precision.

ImageCms reads and writes 8 bit only. Profiles that are tables (`A2B0`, ...) are beyond this module.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.profiles import PROFILES

Floats = NDArray[np.float32]

_LEVELS = 65536

# Steps of linear light: near black, where sRGB is steepest, five of them are one level.
_LIGHTS = 2**22
_MAX_TAGS = 200
_ROWS_PER_BLOCK_PIXELS = 1 << 19

_TABLE_TAGS = frozenset((b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3"))

# Number of parameters by type of a parametric curve (ICC.1:2010, table 65).
_PARAMETERS = (1, 3, 4, 5, 7)


@dataclass(frozen=True, slots=True)
class LinearProfile:
    """A profile that is curves and, for RGB, a matrix.

    Attributes:
        curves: (C, 65536) float32, sample to linear light in [0, 1].
        matrix: (3, 3) float32, linear RGB to XYZ of the connection space; None = gray.
    """

    curves: Floats
    matrix: Floats | None


@functools.lru_cache(maxsize=8)
def linear_profile(profile: bytes) -> LinearProfile | None:
    """Reads a profile as curves and matrix.

    Args:
        profile: ICC profile (ICC.1:2010), version 2 or 4.

    Returns:
        None if it is no such profile, holds tables that go before its matrix, or is damaged.
    """
    try:
        return _read(profile)
    except (struct.error, IndexError, ValueError):
        return None


def to_srgb(pixels: NDArray[np.uint16], profile: LinearProfile) -> NDArray[np.uint16]:
    """16-bit samples in sRGB; colours beyond its gamut are clipped.

    Args:
        pixels: (H, W) for a gray profile, (H, W, 3) for an RGB one.
        profile: What the samples mean.
    """
    converted = np.empty_like(pixels)
    step = max(1, _ROWS_PER_BLOCK_PIXELS // max(1, pixels.shape[1]))
    for row in range(0, len(pixels), step):
        converted[row : row + step] = _block_to_srgb(pixels[row : row + step], profile)
    return converted


def _block_to_srgb(pixels: NDArray[np.uint16], profile: LinearProfile) -> NDArray[np.uint16]:
    if profile.matrix is None:
        return _srgb_encoded(profile.curves[0][pixels])
    red, green, blue = (curve[pixels[..., channel]] for channel, curve in enumerate(profile.curves))
    # Term by term: a product of matrices is summed in another order on another processor.
    rows = [r * red + g * green + b * blue for r, g, b in _times(_from_xyz(), profile.matrix).astype(np.float32)]
    return _srgb_encoded(np.stack(rows, axis=-1))


def _srgb_encoded(light: Floats) -> NDArray[np.uint16]:
    """Linear light by the curve of IEC 61966-2-1, looked up: a power's last bits depend on the processor."""
    levels: NDArray[np.uint16] = _srgb_levels()[np.rint(light.clip(0, 1) * np.float32(_LIGHTS)).astype(np.int32)]
    return levels


@functools.lru_cache(maxsize=1)
def _srgb_levels() -> NDArray[np.uint16]:
    """(_LIGHTS + 1,) level of each light. None lies so near the middle of two levels that a power's last bit counts."""
    light = np.arange(_LIGHTS + 1) / _LIGHTS
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded.clip(0, 1) * (_LEVELS - 1)), dtype=np.uint16)


@functools.lru_cache(maxsize=1)
def _from_xyz() -> NDArray[np.float64]:
    """The inverse of sRGB's matrix, by its cofactors."""
    x, y, z = _read_matrix(PROFILES["srgb"], _tags(PROFILES["srgb"])).astype(np.float64)
    cofactors = np.stack([np.cross(y, z), np.cross(z, x), np.cross(x, y)], axis=1)
    return np.asarray(cofactors / (x[0] * cofactors[0, 0] + x[1] * cofactors[1, 0] + x[2] * cofactors[2, 0]))


def _times(left: NDArray[np.float64], right: Floats) -> NDArray[np.float64]:
    """(3, 3) product, each entry summed in the order in which its terms stand."""
    terms = left[:, :, None] * right.astype(np.float64)[None]
    return np.asarray(terms[:, 0] + terms[:, 1] + terms[:, 2])


def _read(profile: bytes) -> LinearProfile | None:
    space, connection = profile[16:20], profile[20:24]
    tags = _tags(profile)
    if connection != b"XYZ " or not _TABLE_TAGS.isdisjoint(tags):
        return None
    if space == b"GRAY":
        return LinearProfile(_read_curve(profile, *tags.get(b"kTRC", (0, 0)))[None], None)
    if space != b"RGB ":
        return None
    curves = [_read_curve(profile, *tags.get(name, (0, 0))) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return LinearProfile(np.stack(curves), _read_matrix(profile, tags))


def _tags(profile: bytes) -> dict[bytes, tuple[int, int]]:
    """Name to offset and size."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, _MAX_TAGS)))
    return {name: (offset, size) for name, offset, size in entries}


def _read_matrix(profile: bytes, tags: dict[bytes, tuple[int, int]]) -> Floats:
    columns = []
    for name in (b"rXYZ", b"gXYZ", b"bXYZ"):
        offset, _ = tags.get(name, (0, 0))
        if profile[offset : offset + 4] != b"XYZ ":
            raise ValueError(name)
        columns.append(struct.unpack_from(">3i", profile, offset + 8))
    return (np.array(columns, np.float64).T / 65536).astype(np.float32)


def _read_curve(profile: bytes, offset: int, size: int) -> Floats:
    """(65536,) linear light of each sample."""
    kind = profile[offset : offset + 4]
    samples = np.linspace(0, 1, _LEVELS)
    if kind == b"curv":
        light = _tabulated(profile, offset, size, samples)
    elif kind == b"para":
        light = _parametric(profile, offset, samples)
    else:
        raise ValueError(kind)
    if not np.isfinite(light).all():
        raise ValueError(kind)
    return light.clip(0, 1).astype(np.float32)


def _tabulated(profile: bytes, offset: int, size: int, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """`curv`: nothing = as it is, one number = a power in 1/256, else points (ICC.1:2010, 10.5)."""
    (count,) = struct.unpack_from(">I", profile, offset + 8)
    if 12 + 2 * count > max(size, 12):
        raise ValueError(count)
    points = np.frombuffer(profile, ">u2", count, offset + 12)
    if count == 0:
        return samples
    if count == 1:
        return samples ** (float(points[0]) / 256)
    return np.interp(samples, np.linspace(0, 1, count), points / 65535)


def _parametric(profile: bytes, offset: int, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """`para`, types 0 to 4 (ICC.1:2010, 10.16)."""
    (kind,) = struct.unpack_from(">H", profile, offset + 8)
    values = [value / 65536 for value in struct.unpack_from(f">{_PARAMETERS[kind]}i", profile, offset + 12)]
    g, a, b, c, d, e, f = values[0], 1.0, 0.0, 0.0, -1.0, 0.0, 0.0
    if kind in (1, 2):
        g, a, b = values[:3]
        if a == 0:
            raise ValueError(a)
        # Below −b/a the curve is flat: at 0, for type 2 at its last parameter.
        e = f = values[3] if kind == 2 else 0.0
        d = -b / a
    elif kind == 3:
        g, a, b, c, d = values
    elif kind == 4:
        g, a, b, c, d, e, f = values
    power = np.maximum(a * samples + b, 0) ** max(g, 0) + e
    return np.where(samples >= d, power, c * samples + f)
