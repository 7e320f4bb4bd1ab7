"""Insert a marker into a published file wherever its container has room for foreign data."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from infra.proof.fuzz.containers import CONTAINERS, NESTED, Container, Part, container_of
from infra.proof.fuzz.directories import with_entry

MARKER = b"Secret-Marker-4711"

_TAGS = (270, 305, 306, 315, 700, 33432, 33723, 34377, 34675, 37724, 50341, 65000)
_NAMES: dict[str, tuple[bytes, ...]] = {
    "jpeg": tuple(bytes((0xFF, code)) for code in (*range(0xE0, 0xF0), 0xFE, 0xF0, 0xDE)),
    "png": (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"caBX", b"prVt", b"iCCP", b"sPLT", b"fdAT", b"PLTE", b"tRNS"),
    "webp": (b"EXIF", b"XMP ", b"ICCP", b"C2PA", b"ANMF", b"ALPH", b"JUNK"),
    "gif": (b"!\xfe", b"!\xff", b"!\x01", b"!\xf9"),
    "avif": (b"free", b"skip", b"uuid", b"mdat", b"udta", b"idat", b"Exif", b"jumb"),
    "jp2": (b"xml ", b"uuid", b"uinf", b"jp2c", b"free", b"res ", b"jumb"),
    "jxl": (b"xml ", b"Exif", b"brob", b"jbrd", b"jxlp", b"jxlc", b"jhgm", b"jxli", b"jumb", b"free"),
}
_ENTROPY_CODED = (b"\xff\xda", b"\xff\x90")
_OPEN_ENDED = frozenset((b"VP8 ", b"VP8L", b"ALPH"))
"""Parts whose symbols end where their container says so: without decoding them, bytes before the first or behind the
last symbol cannot be told from pixels (see infra/docs/fuzzing.md)."""


def planted(rng: Random, data: bytes, format_name: str) -> tuple[bytes, str]:
    """The file with `MARKER` in it, and in which way.

    Args:
        rng: Decides where.
        data: A file that we wrote.
        format_name: Its container.
    """
    ways: list[Callable[[Random, bytes, str], tuple[bytes, str]]] = [_behind, _before]
    container = container_of(data, format_name)
    if container is not None:
        ways += [_between, _new_part, _new_part, _longer_part, _longer_part, _inside]
    if format_name == "tiff":
        ways += [_tagged, _tagged, _tagged]
    if format_name == "bmp":
        ways += [_in_header]
    while True:
        dirty, how = rng.choice(ways)(rng, data, format_name)
        if how:
            return dirty, how


def _behind(_rng: Random, data: bytes, _format: str) -> tuple[bytes, str]:
    return data + MARKER, "behind the end"


def _before(rng: Random, data: bytes, _format: str) -> tuple[bytes, str]:
    at = rng.randrange(min(60, len(data)))
    return data[:at] + MARKER + data[at:], f"at byte {at}"


def _parts(data: bytes, format_name: str) -> tuple[list[Part], Container]:
    container = container_of(data, format_name) or CONTAINERS[format_name]
    return container.split(data), container


def _between(rng: Random, data: bytes, format_name: str) -> tuple[bytes, str]:
    parts, container = _parts(data, format_name)
    if len(parts) < 2:
        return b"", ""
    at = rng.randrange(1, len(parts))
    before = parts[at - 1].name
    if before in _ENTROPY_CODED or (format_name == "jpeg" and at > 1 and not before):
        return b"", ""
    return container.join([*parts[:at], Part(b"", MARKER), *parts[at:]]), f"raw behind {before!r}"


def _new_part(rng: Random, data: bytes, format_name: str) -> tuple[bytes, str]:
    parts, container = _parts(data, format_name)
    at = rng.randrange(1, len(parts) + 1)
    name = rng.choice([*_NAMES[format_name], *(part.name for part in parts if part.name)])
    payload = bytes((len(MARKER),)) + MARKER + b"\0" if format_name == "gif" else MARKER
    return container.join(
        [*parts[:at], Part(name, payload), *parts[at:]]
    ), f"new {name!r} behind {parts[at - 1].name!r}"


def _longer_part(rng: Random, data: bytes, format_name: str) -> tuple[bytes, str]:
    parts, container = _parts(data, format_name)
    number = rng.randrange(len(parts))
    name, payload = parts[number]
    if not name or name in _OPEN_ENDED:
        return b"", ""
    sub_block = bytes((len(MARKER),)) + MARKER + b"\0"
    longer = payload[:-1] + sub_block if format_name == "gif" else payload + MARKER
    parts[number] = Part(name, longer)
    return container.join(parts), f"at the end of {name!r}"


def _inside(rng: Random, data: bytes, format_name: str) -> tuple[bytes, str]:
    """A further part, or more bytes, in a part that holds parts."""
    parts, container = _parts(data, format_name)
    nested = [number for number, part in enumerate(parts) if part.name in NESTED]
    path = []
    if not nested:
        return b"", ""
    number = rng.choice(nested)
    name, payload = parts[number]
    path.append(name)
    own, inner = NESTED[name]
    content = inner.split(payload[own:])
    at = rng.randrange(len(content)) if len(content) > 1 else 0
    if rng.random() < 0.5:
        added = Part(rng.choice(_NAMES[format_name]) if name != b"jp2c" else b"\xff\x64", MARKER)
        content.insert(max(at, 1) if name == b"jp2c" else at, added)
    elif content[at].name and content[at].name not in _OPEN_ENDED:
        content[at] = content[at]._replace(payload=content[at].payload + MARKER)
        path.append(content[at].name)
    else:
        return b"", ""
    parts[number] = Part(name, payload[:own] + inner.join(content))
    return container.join(parts), f"inside {path}"


def _tagged(rng: Random, data: bytes, _format: str) -> tuple[bytes, str]:
    tag = rng.choice(_TAGS)
    return with_entry(data, tag, MARKER), f"tag {tag}"


def _in_header(_rng: Random, data: bytes, _format: str) -> tuple[bytes, str]:
    """Between header and pixels, with the offset of the pixels put right."""
    start = int.from_bytes(data[10:14], "little")
    size = (len(data) + len(MARKER)).to_bytes(4, "little")
    moved = (start + len(MARKER)).to_bytes(4, "little")
    return data[:2] + size + data[6:10] + moved + data[14:start] + MARKER + data[start:], "in front of the pixels"
