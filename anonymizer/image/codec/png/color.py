"""What the chunks of a PNG say about its colours, as an ICC profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from anonymizer.image.codec.color import from_cicp, hdr_of
from anonymizer.image.profiles import PROFILES, SRGB_CURVE, gray_profile, rgb_profile
from anonymizer.records import CodePoints

_MAX_PROFILE_BYTES = 8 * 2**20

# gAMA holds 100 000 / gamma. What means 2.2 is written where sRGB is meant (PNG, 11.3.2.5).
_SRGB_GAMMA, _SAME_GAMMA = 45_455, 500
_GAMMAS = range(10_000, 1_000_001)

_SRGB_CHROMATICITIES = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
"""White, red, green, blue: x and y of each in 1/100 000, as cHRM holds them (PNG, 11.3.2.1)."""
_SAME_CHROMATICITY = 100


def profile_of(others: Mapping[bytes, memoryview], *, gray: bool) -> bytes | None:
    """The profile that the colours are in, by the first of cICP, iCCP, sRGB, and gAMA with cHRM (PNG, 4.3).

    PQ and HLG have none (see `hdr_points`).

    Args:
        others: Payloads of the chunks beside the picture data.
        gray: The picture has one channel.

    Returns:
        None where they are sRGB, or where nothing usable is said.
    """
    primaries, transfer, _, _ = _code_points(others)
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


def hdr_points(others: Mapping[bytes, memoryview]) -> CodePoints | None:
    """What the samples mean if cICP says that they are PQ or HLG; it counts before all other chunks (PNG, 4.3)."""
    primaries, transfer, _, full_range = _code_points(others)
    return hdr_of(primaries, transfer, full_range=full_range != 0)


def points_payload(points: CodePoints) -> bytes:
    """Payload of the cICP chunk that says the same."""
    return bytes((points.primaries, points.transfer, 0, points.full_range))


def _code_points(others: Mapping[bytes, memoryview]) -> tuple[int, ...]:
    """Primaries, transfer, matrix and whether all values count, of cICP; zeros without one (PNG, 11.3.2.6)."""
    payload = bytes(others.get(b"cICP", b""))
    return tuple(payload) if len(payload) == 4 else (0, 0, 0, 0)


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
    """A profile for converting with, never written to a file."""
    if gamma is None and (chromaticities is None or gray):
        return None
    curve = SRGB_CURVE if gamma is None else (f"100000/{gamma}",)
    if gray:
        return gray_profile("", curve)
    numbers = [f"{value}/100000" for value in chromaticities or _SRGB_CHROMATICITIES]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    try:
        return rgb_profile("", (red, green, blue), white, curve)
    except (ZeroDivisionError, struct.error):
        return None
