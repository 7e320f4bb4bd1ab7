"""HDR as a screen of standard range shows it: PQ and HLG (ITU-R BT.2100-2) mapped to sRGB, for looking only.

Light is mapped from the picture's own peak to reference white, 203 cd/m2 (ITU-R BT.2408-7, 2.2), by the curve of ITU-R
BT.2390-11, 5.4.1, which leaves what is darker as it is: a photo without highlights comes out as it was graded. HLG is
shown as on a display of 1,000 cd/m2 (BT.2100-2, table 5).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from anonymizer.records import PQ, CodePoints, Samples

REFERENCE_WHITE_NITS = 203.0
PEAKS_NITS = (
    *(REFERENCE_WHITE_NITS, 250.0, 320.0, 400.0, 500.0, 640.0, 800.0, 1000.0, 1250.0, 1600.0),
    *(2000.0, 2500.0, 3200.0, 4000.0, 5000.0, 6400.0, 8000.0, 10_000.0),
)
"""Peaks from which light is mapped: a picture's own, rounded up."""

_SAME_PEAK = 1.02
"""So much above a peak is that peak: white that was rounded to a step of eight or ten bits is still white."""

_SAME_SHARE, _SAME_NITS = 0.02, 0.05
"""A colour of BT.709 that was rounded to ten bits in other primaries lies outside of it by less than this share of its
brightest channel, or in the dark by this light in cd/m2."""

_PQ_NITS, _HLG_NITS, _HLG_GAMMA = 10_000.0, 1_000.0, 1.2

# ITU-R BT.2100-2, tables 4 and 5.
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

Floats = NDArray[np.float64]
Matrix = tuple[tuple[float, float, float], ...]

# To linear BT.709, by primaries of H.273: BT.2020 (ITU-R BT.2087-0, annex 2), P3 with D65 (SMPTE EG 432-1), BT.709.
_TO_BT709: dict[int, Matrix] = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, -0.0002), (-0.0420, 1.0420, 0.0), (-0.0197, -0.0786, 1.0983)),
    1: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}
_LUMA = (0.2627, 0.6780, 0.0593)
_BAND_PIXELS = 2**18
_STEPS = 2**16 - 1


def as_sdr(pixels: Samples, points: CodePoints) -> Samples:
    """What a viewer shows of HDR samples on a screen without HDR.

    Args:
        pixels: (H, W) gray or (H, W, 3) RGB, uint8 or uint16; not changed.
        points: What the samples mean.

    Returns:
        uint16 of the same shape, sRGB.
    """
    return mapped(pixels, points)[0]


def mapped(pixels: Samples, points: CodePoints) -> tuple[Samples, bool]:
    """The same as `as_sdr`, and whether samples that differ may have become equal.

    That is so where a sample is darker than black or brighter than white (of a narrow range), or where a colour lies
    outside of BT.709: on a screen without HDR nobody sees what is drawn there, in the samples anybody does.
    """
    light = _light_of_codes(points.transfer, points.full_range, pixels.itemsize)
    peak = float(light[pixels.max()]) if points.transfer == PQ else _HLG_NITS * float(light[pixels.max()]) ** _HLG_GAMMA
    peak = next((step for step in PEAKS_NITS if step * _SAME_PEAK >= peak), PEAKS_NITS[-1])
    curve = _curve(peak)
    clipped = not points.full_range and _is_beyond(pixels)
    result = np.empty(pixels.shape, np.uint16)
    step = max(1, _BAND_PIXELS // pixels.shape[1])
    for start in range(0, pixels.shape[0], step):
        rows = slice(start, start + step)
        nits = _displayed(light[pixels[rows]], points)
        clipped = clipped or _is_outside(nits, peak)
        share = np.minimum(np.sqrt(np.maximum(nits, 0) / np.float32(_PQ_NITS)), 1)
        result[rows] = curve[np.rint(share * _STEPS).astype(np.intp)]
    return result, clipped


def _is_outside(nits: NDArray[np.float32], peak_nits: float) -> bool:
    """Whether colours lie outside of BT.709, by more than rounding explains."""
    if nits.ndim == 2:
        return False
    red, green, blue = (nits[..., channel] for channel in range(3))
    brightest = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    below = least + np.float32(_SAME_SHARE) * np.maximum(brightest, 0) < -_SAME_NITS
    return bool(below.any() or brightest.max() > peak_nits * _SAME_PEAK)


def _is_beyond(pixels: Samples) -> bool:
    """Whether samples of a narrow range are below its black or above its white (BT.2100-2, table 9)."""
    unit = 256 ** (pixels.itemsize - 1)
    return bool(pixels.min() < 16 * unit or pixels.max() > 235 * unit)


def pq_nits(signal: Floats) -> Floats:
    """Light in cd/m2 of PQ's signal, 0 to 1 (BT.2100-2, table 4)."""
    root = signal ** (1 / _M2)
    return np.asarray(_PQ_NITS * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_signal(nits: Floats) -> Floats:
    """The inverse of `pq_nits`."""
    power = (nits / _PQ_NITS) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_scene(signal: Floats) -> Floats:
    """Scene light, 0 to 1, of HLG's signal, 0 to 1 (BT.2100-2, table 5)."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


@functools.lru_cache(maxsize=8)
def _light_of_codes(transfer: int, full_range: bool, item_bytes: int) -> NDArray[np.float32]:
    """cd/m2 (PQ) or scene light (HLG) of every sample.

    Rounded in double precision: the last bit of a power depends on the processor.
    """
    codes = np.arange(2 ** (8 * item_bytes), dtype=np.float64)
    greatest = codes[-1]
    unit = 256.0 ** (item_bytes - 1)
    signal = codes / greatest if full_range else np.clip((codes / unit - 16) / 219, 0, 1)
    light = pq_nits(signal) if transfer == PQ else hlg_scene(signal)
    scale = 2.0**12 if transfer == PQ else 2.0**24
    return np.asarray(np.rint(light * scale) / scale, dtype=np.float32)


def _displayed(light: NDArray[np.float32], points: CodePoints) -> NDArray[np.float32]:
    """(h, W) or (h, W, 3): cd/m2 of gray, or of linear BT.709; below 0 what lies outside of that.

    Sums are written out: how a library adds up depends on the processor.
    """
    if light.ndim == 2:
        return light if points.transfer == PQ else light * _ootf(light)
    channels = [light[..., channel] for channel in range(3)]
    if points.transfer != PQ:
        gain = _ootf(_weighted(channels, _LUMA))
        channels = [channel * gain for channel in channels]
    rows = _TO_BT709.get(points.primaries, _TO_BT709[9])
    return np.stack([_weighted(channels, row) for row in rows], axis=-1)


def _weighted(channels: list[NDArray[np.float32]], weights: tuple[float, float, float]) -> NDArray[np.float32]:
    red, green, blue = (channel * np.float32(weight) for channel, weight in zip(channels, weights, strict=True))
    return np.asarray(red + green + blue, dtype=np.float32)


def _ootf(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """cd/m2 for scene light of a pixel's channels, of its scene luminance, 0 to 1."""
    return np.asarray(_gains()[np.rint(np.clip(luma, 0, 1) * np.float32(_STEPS)).astype(np.intp)], dtype=np.float32)


@functools.lru_cache(maxsize=1)
def _gains() -> NDArray[np.float32]:
    luma = np.arange(_STEPS + 1, dtype=np.float64) / _STEPS
    return np.asarray(np.rint(_HLG_NITS * luma ** (_HLG_GAMMA - 1) * 2**10) / 2**10, dtype=np.float32)


@functools.lru_cache(maxsize=8)
def _curve(peak_nits: float) -> Samples:
    """Samples of sRGB in 16 bit for light, by the root of its share of 10,000 cd/m2 in 65536 steps."""
    nits = np.minimum((np.arange(_STEPS + 1, dtype=np.float64) / _STEPS) ** 2 * _PQ_NITS, peak_nits)
    mapped = np.minimum(_rolled_off(nits, peak_nits) / REFERENCE_WHITE_NITS, 1)
    # IEC 61966-2-1.
    encoded = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * _STEPS), dtype=np.uint16)


def _rolled_off(nits: Floats, peak_nits: float) -> Floats:
    """BT.2390-11, 5.4.1, from a peak to reference white; black stays black."""
    most = pq_signal(np.array([REFERENCE_WHITE_NITS, peak_nits]))
    white = float(most[0] / most[1])
    knee = 1.5 * white - 0.5
    signal = pq_signal(nits) / most[1]
    if knee >= 1:
        return nits
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return pq_nits(np.where(signal < knee, signal, spline) * most[1])
