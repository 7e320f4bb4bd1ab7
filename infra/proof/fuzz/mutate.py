"""Mutate bytes, numbers, ranges, container parts, compressed data and directories."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

from infra.proof.fuzz.containers import NESTED, Container, Part, container_of
from infra.proof.fuzz.directories import ODD, bend_entry

MAX_BYTES = 400_000
"""Mutated files are cut here."""

_HEAD_BYTES = 200
_DEFLATED = (b"IDAT", b"fdAT", b"iCCP", b"zTXt")
_INFLATED_BYTES = 2**20
_WORDS = (b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"Exif\0\0", b"II*\0\x08\0\0\0", b"ftypavif", b"\0\0\0\0")


def mutated(rng: Random, data: bytes, other: bytes, format_name: str) -> bytes:
    """One to five mutations on top of each other.

    Args:
        rng: Decides.
        data: A seed.
        other: Another one, for splicing.
        format_name: The container that both are of, if they are in order.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        data = rng.choice(_MUTATORS)(rng, data, other, format_name)[:MAX_BYTES]
    return data


def _place(rng: Random, data: bytes | bytearray) -> int:
    """Headers come first: half of the damage is done there."""
    end = min(_HEAD_BYTES, len(data)) if rng.random() < 0.5 else len(data)
    return rng.randrange(max(end, 1))


def _range(rng: Random, data: bytes) -> tuple[int, int]:
    start = _place(rng, data)
    return start, min(start + rng.choice((1, 2, 4, 8, 16, 64, 256, 4096)), len(data))


def _flip_bits(rng: Random, data: bytes, *_: object) -> bytes:
    bent = bytearray(data or b"\0")
    for _number in range(rng.choice((1, 1, 2, 4, 16))):
        bent[_place(rng, bent)] ^= 1 << rng.randrange(8)
    return bytes(bent)


def _set_bytes(rng: Random, data: bytes, *_: object) -> bytes:
    bent = bytearray(data or b"\0")
    for _number in range(rng.choice((1, 1, 2, 4, 16))):
        bent[_place(rng, bent)] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
    return bytes(bent)


def _set_number(rng: Random, data: bytes, *_: object) -> bytes:
    """A number that is odd, near the file's size or a little off, where a length or an offset may stand."""
    layout = rng.choice(("<H", ">H", "<I", ">I", "<I", ">I", ">Q"))
    size = struct.calcsize(layout)
    if len(data) < size:
        return data
    at = min(_place(rng, data), len(data) - size)
    (now,) = struct.unpack_from(layout, data, at)
    value = rng.choice((*ODD, -1, -2, len(data), len(data) - at, at, now + 1, now - 1, now * 2, now // 2, now + 256))
    return data[:at] + struct.pack(layout, value % 2 ** (8 * size)) + data[at + size :]


def _truncate(rng: Random, data: bytes, *_: object) -> bytes:
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.5 else data[: -rng.randrange(1, 16)]


def _delete(rng: Random, data: bytes, *_: object) -> bytes:
    start, end = _range(rng, data)
    return data[:start] + data[end:]


def _duplicate(rng: Random, data: bytes, *_: object) -> bytes:
    start, end = _range(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 1, 2, 50)) + data[end:]


def _swap(rng: Random, data: bytes, *_: object) -> bytes:
    (a, b), (c, d) = sorted((_range(rng, data), _range(rng, data)))
    return data if c < b else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _insert(rng: Random, data: bytes, *_: object) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice((*_WORDS, rng.randbytes(rng.choice((1, 2, 4, 30))))) + data[at:]


def _splice(rng: Random, data: bytes, other: bytes, _format: str) -> bytes:
    """The beginning of one and the end of the other, or a piece of the other in the middle."""
    at, (start, end) = _place(rng, data), _range(rng, other)
    return data[:at] + other[start:] if rng.random() < 0.3 else data[:at] + other[start:end] + data[at:]


def _bend_directory(rng: Random, data: bytes, *_: object) -> bytes:
    return bend_entry(rng, data)


def _bend_parts(rng: Random, data: bytes, other: bytes, format_name: str) -> bytes:
    container = container_of(data, format_name)
    return data if container is None else _with_parts_bent(rng, data, other, container)


def _with_parts_bent(rng: Random, data: bytes, other: bytes, container: Container) -> bytes:
    parts = container.split(data)
    nested = [number for number, part in enumerate(parts) if part.name in NESTED]
    if nested and rng.random() < 0.7:
        number = rng.choice(nested)
        own, inner = NESTED[parts[number].name]
        payload = parts[number].payload
        donor = payload if rng.random() < 0.7 else other
        bent = payload[:own] + _with_parts_bent(rng, payload[own:], donor[own:], inner)
        parts[number] = parts[number]._replace(payload=bent)
    else:
        rng.choice(_PART_MUTATORS)(rng, parts, container.split(other))
    return container.join(parts)


def _lose_part(rng: Random, parts: list[Part], _others: Sequence[Part]) -> None:
    if parts:
        del parts[rng.randrange(len(parts))]


def _repeat_part(rng: Random, parts: list[Part], _others: Sequence[Part]) -> None:
    if parts:
        part = rng.choice(parts)
        at = rng.randrange(len(parts))
        parts[at:at] = [part] * rng.choice((1, 1, 2, 20))


def _swap_parts(rng: Random, parts: list[Part], _others: Sequence[Part]) -> None:
    if parts:
        a, b = rng.randrange(len(parts)), rng.randrange(len(parts))
        parts[a], parts[b] = parts[b], parts[a]


def _take_part(rng: Random, parts: list[Part], others: Sequence[Part]) -> None:
    if others:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(others))


def _rename_part(rng: Random, parts: list[Part], others: Sequence[Part]) -> None:
    named = [number for number, part in enumerate(parts) if part.name]
    names = [part.name for part in (*parts, *others) if part.name]
    if named:
        number = rng.choice(named)
        parts[number] = parts[number]._replace(name=rng.choice(names))


def _bend_payload(rng: Random, parts: list[Part], _others: Sequence[Part]) -> None:
    """Half of the time a short part: headers are short, pixels are long."""
    if not parts:
        return
    number = rng.randrange(len(parts))
    if rng.random() < 0.5:
        number = min(number, rng.randrange(len(parts)), key=lambda at: len(parts[at].payload))
    name, payload = parts[number]
    bend = rng.choice(_PLAIN)
    if name in _DEFLATED and rng.random() < 0.7:
        bent = _bent_inside(rng, name, payload, bend)
    else:
        bent = bend(rng, payload, payload, "")
    parts[number] = Part(name, bent[:MAX_BYTES])


def _bent_inside(rng: Random, name: bytes, payload: bytes, bend: Callable[..., bytes]) -> bytes:
    """What was compressed, mutated and compressed again."""
    start = {b"fdAT": 4, b"IDAT": 0}.get(name, payload.find(b"\0") + 2)
    try:
        plain = zlib.decompressobj().decompress(payload[start:], _INFLATED_BYTES)
    except zlib.error:
        return payload
    return payload[:start] + zlib.compress(bend(rng, plain, plain, ""), 1)


_PLAIN: tuple[Callable[..., bytes], ...] = (
    _flip_bits, _set_bytes, _set_number, _set_number, _truncate, _delete, _duplicate, _swap, _insert, _splice,
)  # fmt: skip
_MUTATORS: tuple[Callable[[Random, bytes, bytes, str], bytes], ...] = (
    *_PLAIN, *(_bend_parts,) * 10, *(_bend_directory,) * 4,
)  # fmt: skip
_PART_MUTATORS: tuple[Callable[[Random, list[Part], Sequence[Part]], None], ...] = (
    _lose_part, _repeat_part, _swap_parts, _take_part, _rename_part, *(_bend_payload,) * 8,
)  # fmt: skip
