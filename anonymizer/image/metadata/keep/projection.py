"""How a panorama is laid out: numbers of Google's GPano schema, from a hostile XMP packet, and into a new one."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
"""What XMP begins with in a segment of a JPEG (XMP specification, part 3, 1.1.3)."""

_MAX_PACKET_BYTES = 1 << 16
_MAX_PIXELS = 200_000

_KINDS = ("equirectangular", "cylindrical")

# Photo Sphere XMP metadata: https://developers.google.com/streetview/spherical-metadata
_SIZES = ("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels")
_PLACES = ("CroppedAreaLeftPixels", "CroppedAreaTopPixels")
_DEGREES = {"PoseHeadingDegrees": (0, 360), "PosePitchDegrees": (-90, 90), "PoseRollDegrees": (-180, 180)}

_NUMBER = re.compile(r"[+-]?[0-9]{1,7}(?:\.[0-9]{1,12})?")

_OPENING = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
)
_CLOSING = b'/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'


@dataclass(frozen=True, slots=True)
class Projection:
    """What viewers of panoramas need.

    Attributes:
        kind: `equirectangular` or `cylindrical`.
        sizes: Pixels: width and height of the whole panorama, and of the part that the picture shows.
        place: Pixels: left and upper edge of that part.
        pose: Whole degrees of heading, pitch and roll; None = not stated.
    """

    kind: str
    sizes: tuple[int, ...]
    place: tuple[int, ...]
    pose: tuple[int | None, ...]


def read_projection(packet: bytes) -> Projection | None:
    """Reads the fields of a packet; None where a needed one is missing or implausible.

    Args:
        packet: XMP; not trusted. Its first 64 KiB are looked at, by name and not as XML.
    """
    text = packet[:_MAX_PACKET_BYTES].decode("utf-8", "replace")
    kind = _value(text, "ProjectionType")
    sizes = tuple(_whole(text, name, 1, _MAX_PIXELS) for name in _SIZES)
    place = tuple(_whole(text, name, 0, _MAX_PIXELS) for name in _PLACES)
    pose = tuple(_whole(text, name, *limits) for name, limits in _DEGREES.items())
    known_sizes = tuple(value for value in sizes if value is not None)
    known_place = tuple(value for value in place if value is not None)
    if kind not in _KINDS or len(known_sizes) < len(sizes) or len(known_place) < len(place):
        return None
    fits = all(known_place[side] + known_sizes[2 + side] <= known_sizes[side] for side in (0, 1))
    return Projection(kind, known_sizes, known_place, pose) if fits else None


def packet(projection: Projection) -> bytes:
    """A new packet of these fields only; the same values give the same bytes."""
    fields: list[tuple[str, int | str | None]] = [("ProjectionType", projection.kind), ("UsePanoramaViewer", "True")]
    fields += zip(_SIZES, projection.sizes, strict=True)
    fields += zip(_PLACES, projection.place, strict=True)
    fields += zip(_DEGREES, projection.pose, strict=True)
    parts = [f' GPano:{name}="{value}"'.encode() for name, value in fields if value is not None]
    return b"".join((_OPENING, *parts, _CLOSING))


def _value(text: str, name: str) -> str | None:
    """As an attribute or as an element."""
    found = re.search(rf"""GPano:{name}\s*(?:=\s*["']|>)\s*([^"'<]{{1,40}}?)\s*["'<]""", text)
    return found[1] if found else None


def _whole(text: str, name: str, least: int, greatest: int) -> int | None:
    """The nearest whole number within the limits."""
    value = _value(text, name)
    if value is None or not _NUMBER.fullmatch(value):
        return None
    number = round(float(value))
    return number if least <= number <= greatest else None
