"""Colours of any profile made to mean something without it: sRGB, a public colour space, or converted to sRGB."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from anonymizer.image.codec.icc import linear_profile, to_srgb
from anonymizer.image.profiles import PROFILES
from anonymizer.records import HLG, PQ, CodePoints, Samples

_MAX_PROFILE_BYTES = 8 * 2**20
_MIN_PROFILE_BYTES = 132

_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
_DEVICE_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")

# Profiles that move no probe colour further apart than this are one by two names.
_SAME_LEVELS = 1

_WIDE = "prophoto-rgb"
"""Holds every other public space, so that colours that sRGB clips to one are told apart."""

_TARGETS = {"L": ("gray-srgb",), "RGB": ("srgb", _WIDE)}
_KEPT = {"L": ("gray-gamma22",), "RGB": ("display-p3", "adobe-rgb", "prophoto-rgb", "rec2020")}


@dataclass(frozen=True, slots=True)
class Settled:
    """Samples whose colours mean something without the source's profile; fields as in `Picture`."""

    pixels: Samples
    profile: str | None
    converted: bool


class _Verdict(NamedTuple):
    """What a profile turned out to be: nothing of note, a public space by `name`, or in need of `transform`."""

    name: str | None = None
    transform: ImageCms.ImageCmsTransform | None = None


def settle(pixels: Samples, profile: bytes | None, *, keep: bool = True) -> Settled:
    """Makes a source's profile superfluous: its colours are sRGB, or those of a public colour space, or converted.

    Conversion is relative colorimetric with black point compensation. 16-bit samples are converted at 16 bit where
    the profile is curves and a matrix; where it is tables (CMYK, some scanners), at 8 bit, widened again.

    Args:
        pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) CMYK, 8 or 16 bit; not changed.
        profile: ICC profile of the source. One that is broken, oversized or for another kind of colours counts as
            absent, and the picture as sRGB (CMYK stays CMYK).
        keep: The format can hold a profile: samples of a colour space in `anonymizer.image.profiles` stay as they are.

    Returns:
        The same array where nothing had to be converted; RGB where CMYK had.
    """
    mode = "L" if pixels.ndim == 2 else {3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    if profile is None or not _MIN_PROFILE_BYTES <= len(profile) <= _MAX_PROFILE_BYTES:
        return Settled(pixels, None, False)
    verdict = _verdict(profile, mode, keep)
    if verdict.transform is None:
        return Settled(pixels, verdict.name, False)
    return Settled(_converted(pixels, profile, verdict.transform, mode), None, True)


# Pairs of H.273 (ISO/IEC 23091-2) that are one of the public spaces. With the primaries of BT.2020 the curves 1, 6, 14
# and 15 are one and the same; with those of BT.709 they are what decoders of still pictures show as sRGB.
_CICP: dict[tuple[int, int], str] = {
    (12, 13): "display-p3",
    (9, 1): "rec2020",
    (9, 6): "rec2020",
    (9, 14): "rec2020",
    (9, 15): "rec2020",
}


def from_cicp(primaries: int, transfer: int) -> str | None:
    """Name in `anonymizer.image.profiles` for code points as PNG's `cICP` and the `nclx` of HEIF and AVIF give them.

    Args:
        primaries: ColourPrimaries of H.273, table 2.
        transfer: TransferCharacteristics of H.273, table 3.

    Returns:
        None for sRGB, and for everything that has no such name: PQ, HLG (`hdr_of`), and pairs that hardly occur.
    """
    return _CICP.get((primaries, transfer))


PRIMARIES = frozenset((1, 5, 6, 9, 11, 12))
"""Colour primaries that a picture may keep (H.273, table 2): public, and shown by browsers."""

_BT2020 = 9


def hdr_of(primaries: int, transfer: int, *, full_range: bool = True) -> CodePoints | None:
    """What samples mean whose transfer is PQ or HLG; other primaries than public ones are those of BT.2100.

    Args:
        primaries: As for `from_cicp`.
        transfer: As for `from_cicp`.
        full_range: See `CodePoints`.

    Returns:
        None for every other transfer.
    """
    if transfer not in (PQ, HLG):
        return None
    return CodePoints(primaries if primaries in PRIMARIES else _BT2020, transfer, full_range)


def _converted(pixels: Samples, profile: bytes, transform: ImageCms.ImageCmsTransform, mode: str) -> Samples:
    if pixels.dtype != np.uint16:
        return np.asarray(transform.apply(Image.fromarray(np.ascontiguousarray(pixels), mode)))
    linear = linear_profile(profile)
    if linear is not None:
        return to_srgb(pixels.astype(np.uint16, copy=False), linear)
    narrow = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.asarray(transform.apply(Image.fromarray(narrow, mode))).astype(np.uint16) * np.uint16(257)


# Building transforms costs more than applying one to a small photo, and a data lake has few different profiles.
@functools.lru_cache(maxsize=8)
def _verdict(profile: bytes, mode: str, keep: bool) -> _Verdict:
    if profile[12:16] not in _DEVICE_CLASSES or profile[16:20] != _SPACES[mode]:
        return _Verdict()
    try:
        transform = _transform(profile, mode, "gray-srgb" if mode == "L" else "srgb")
        if mode == "CMYK":
            return _Verdict(None, transform)
        if _distance(_probed(transform, mode), _probe(mode)) <= _SAME_LEVELS:
            return _Verdict()
        name = _public_name(profile, mode) if keep else None
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return _Verdict()
    return _Verdict(name, None if name else transform)


def _public_name(profile: bytes, mode: str) -> str | None:
    """The public space that a profile shows the probe colours alike in, both to sRGB and to a wide gamut."""
    shown = [_probed(_transform(profile, mode, target), mode) for target in _TARGETS[mode]]
    for name in _KEPT[mode]:
        if all(_distance(*pair) <= _SAME_LEVELS for pair in zip(shown, _public_probes(name, mode), strict=True)):
            return name
    return None


@functools.lru_cache(maxsize=16)
def _public_probes(name: str, mode: str) -> list[NDArray[np.uint8]]:
    return [_probed(_transform(PROFILES[name], mode, target), mode) for target in _TARGETS[mode]]


def _transform(profile: bytes, mode: str, target: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.ImageCmsProfile(BytesIO(PROFILES[target])),
        mode,
        "L" if mode == "L" else "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        # Little CMS joins two gray curves to one of too few points: linear gray came out up to ten levels off.
        ImageCms.Flags.BLACKPOINTCOMPENSATION | (ImageCms.Flags.NOOPTIMIZE if mode == "L" else 0),
    )


@functools.lru_cache(maxsize=2)
def _probe(mode: str) -> NDArray[np.uint8]:
    """Colours all over the cube, (1, 5832, 3); of gray all levels, (1, 256)."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)


def _probed(transform: ImageCms.ImageCmsTransform, mode: str) -> NDArray[np.uint8]:
    return np.asarray(transform.apply(Image.fromarray(_probe(mode))), dtype=np.uint8)


def _distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(np.int16) - other).max())
