"""What the chunks of a PNG say about its colours, as an ICC profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonymizer.codec.color import from_cicp
from anonymizer.profiles import PROFILES

_MAX_PROFILE_BYTES = 8 * 2**20

# gAMA holds 100 000 / gamma. What means 2.2 is written where sRGB is meant (PNG, 11.3.2.5).
_SRGB_GAMMA, _SAME_GAMMA = 45_455, 500
_GAMMAS = range(10_000, 1_000_001)

_SRGB_CHROMATICITIES = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
"""White, red, green, blue: x and y of each in 1/100 000, as cHRM holds them (PNG, 11.3.2.1)."""
_SAME_CHROMATICITY = 100

_D50 = np.array([0.96420288, 1.0, 0.82490540])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

# sRGB's curve for an ICC curve of type 3: (a X + b) ** g from d on, c X below (IEC 61966-2-1).
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile_of(others: Mapping[bytes, memoryview], *, gray: bool) -> bytes | None:
    """The profile that the colours are in, by the first of cICP, iCCP, sRGB, and gAMA with cHRM (PNG, 4.3).

    HDR transfer functions of cICP (PQ, HLG) have none: the next chunk counts, and without one the samples as sRGB.

    Args:
        others: Payloads of the chunks beside the picture data.
        gray: The picture has one channel.

    Returns:
        None where they are sRGB, or where nothing usable is said.
    """
    primaries, transfer = bytes(others.get(b"cICP", b""))[:2].ljust(2, b"\0")
    name = from_cicp(primaries, transfer)
    if name is not None and not gray:
        return PROFILES[name]
    if (primaries, transfer) == (1, 13):
        return None
    if b"iCCP" in others:
        return _inflated(bytes(others[b"iCCP"]))
    if b"sRGB" in others:
        return None
    return _from_numbers(_gamma(others), _chromaticities(others), gray=gray)


def _inflated(payload: bytes) -> bytes | None:
    """The ICC profile of an iCCP chunk: name, 0, method 0, zlib stream."""
    name, _, compressed = payload.partition(b"\0")
    if not name or not compressed:
        return None
    try:
        return zlib.decompressobj().decompress(compressed[1:], _MAX_PROFILE_BYTES)
    except zlib.error:
        return None


def _gamma(others: Mapping[bytes, memoryview]) -> int | None:
    """gAMA, unless it is absent, impossible or sRGB's."""
    payload = others.get(b"gAMA", b"")
    value = int.from_bytes(payload, "big") if len(payload) == 4 else 0
    return value if value in _GAMMAS and abs(value - _SRGB_GAMMA) > _SAME_GAMMA else None


def _chromaticities(others: Mapping[bytes, memoryview]) -> tuple[int, ...] | None:
    """cHRM, unless it is absent, impossible or sRGB's."""
    payload = others.get(b"cHRM", b"")
    if len(payload) != 32:
        return None
    values = struct.unpack(">8I", payload)
    known = all(abs(a - b) <= _SAME_CHROMATICITY for a, b in zip(values, _SRGB_CHROMATICITIES, strict=True))
    return None if known or 0 in values[1::2] or max(values) > 100_000 else values


def _from_numbers(gamma: int | None, chromaticities: tuple[int, ...] | None, *, gray: bool) -> bytes | None:
    if gamma is None and (chromaticities is None or gray):
        return None
    curve = _curve(gamma)
    if gray:
        return _profile(b"GRAY", [(b"kTRC", curve)])
    colorants = _colorants(chromaticities or _SRGB_CHROMATICITIES)
    if colorants is None:
        return None
    tags = [(name, _xyz(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants.T, strict=True)]
    return _profile(b"RGB ", tags + [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")])


def _colorants(chromaticities: tuple[int, ...]) -> NDArray[np.float64] | None:
    """(3, 3): XYZ of red, green and blue in its columns, adapted to D50 (ICC.1:2010, annex E)."""
    xy = np.array(chromaticities, np.float64).reshape(4, 2) / 100_000
    white, *primaries = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]], axis=1)
    try:
        scaled = np.array(primaries).T * np.linalg.solve(np.array(primaries).T, white)
        adapted = np.linalg.solve(_BRADFORD, (_BRADFORD @ _D50 / (_BRADFORD @ white))[:, None] * (_BRADFORD @ scaled))
    except np.linalg.LinAlgError:
        return None
    return adapted if np.isfinite(adapted).all() and np.abs(adapted).max() < 4 else None


def _curve(gamma: int | None) -> bytes:
    """`para`: a power, or the curve of sRGB (ICC.1:2010, 10.16)."""
    parameters = _SRGB_CURVE if gamma is None else (100_000 / gamma,)
    return b"para" + struct.pack(">4xHH", 3 if gamma is None else 0, 0) + _fixed(parameters)


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: NDArray[np.float64] | tuple[float, ...]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65_536)) for value in values)


def _profile(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """A display profile for converting with, never written to a file."""
    tags = [(b"wtpt", _xyz(_D50)), *tags]
    at = 128 + 4 + 12 * len(tags)
    table, body = [struct.pack(">I", len(tags))], b""
    for name, content in tags:
        table.append(struct.pack(">4sII", name, at + len(body), len(content)))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(body), 0x04300000, b"mntr", space, b"XYZ ", b"acsp")
    return (head + _fixed(_D50)).ljust(128, b"\0") + b"".join(table) + body
