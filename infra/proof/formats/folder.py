"""A folder of real files: thumbnails of what we and another decoder make of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonymizer.errors import ObjectError
from anonymizer.image import codec
from anonymizer.records import Picture
from infra.proof.formats.decoders import Decoder
from infra.proof.formats.readers import Asked, Unread
from infra.proof.formats.seen import Difference, Seen, difference
from infra.proof.formats.trial import Decode, ours

SIDE = 64
"""Of a thumbnail, in pixels."""

MOST, MEAN = 12.0, 2.0
"""Bounds of two thumbnails' difference, in 1/255: decoders round, and spread the colours that pixels share, unlike."""

SAME, NOBODY = "same picture", "read by nobody"
QUIET = (SAME, NOBODY)
"""Reasons of which no file is named."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One file.

    Attributes:
        path: In the folder.
        reason: `SAME`, `NOBODY`, or why both do not show the same; "" = nobody knows.
        detail: What each decoder shows, in words.
    """

    path: str
    reason: str
    detail: str = ""


def compare(folder: Path, decoders: Sequence[Decoder], *, decode: Decode = ours) -> Iterator[Compared]:
    """Every file of a folder and the folders in it, by name.

    Args:
        folder: Read only.
        decoders: All of them are asked until one shows what we show.
        decode: Our own decoder, or another in its place.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield of_file(str(path.relative_to(folder)), path.read_bytes(), decoders, decode)


def of_file(name: str, data: bytes, decoders: Sequence[Decoder], decode: Decode = ours) -> Compared:
    """One file; see `compare`."""
    try:
        picture = decode(data)
    except ObjectError as error:
        readers = [decoder.name for decoder in decoders if _first(decoder, Asked(data, _format(data)))]
        told = f"read by {', '.join(readers)}" if readers else ""
        return Compared(name, f"{error.code} for us alone" if readers else NOBODY, told)
    asked = Asked(data, picture.format, srgb=picture.converted)
    shown = Seen.of_frame(picture.frames[0])
    apart = {}
    for decoder in decoders:
        seen = _first(decoder, asked)
        if seen is not None:
            apart[decoder.name] = found = _difference(shown, seen)
            if found.most <= MOST and found.mean <= MEAN:
                return Compared(name, SAME, decoder.name)
    if not apart:
        return Compared(name, "read by us alone", picture.format)
    told = ", ".join(f"{decoder} {_told(found)}" for decoder, found in apart.items())
    return Compared(name, _reason(picture, list(apart.values())), told)


def _first(decoder: Decoder, asked: Asked) -> Seen | None:
    try:
        return decoder.read(asked)[0]
    except Unread:
        return None


def _format(data: bytes) -> str:
    try:
        return codec.sniff(data)
    except ObjectError:
        return ""


def _difference(one: Seen, other: Seen) -> Difference:
    if one.size != other.size:
        return difference([one], [other])
    return difference([one.thumbnail(SIDE)], [other.thumbnail(SIDE)])


def _told(found: Difference) -> str:
    if found.sizes is not None:
        (height, width), (their_height, their_width) = found.sizes
        return f"{their_width}x{their_height} (ours {width}x{height})"
    return f"{found.most:.0f}/{found.mean:.1f}"


def _reason(picture: Picture, apart: Sequence[Difference]) -> str:
    """What about the picture explains it."""
    frame = picture.frames[0]
    if all(found.sizes is not None for found in apart):
        return "another size: an aperture or an orientation that one of both does not apply"
    if frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4:
        return "CMYK without a profile: everybody has a formula of their own"
    if frame.hdr is not None:
        return "HDR: we keep the values that code its light"
    if picture.converted:
        return "a profile or gAMA: we convert to sRGB"
    if frame.alpha is not None:
        return "alpha: what nobody sees has no colour with us"
    return ""
