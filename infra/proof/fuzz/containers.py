"""Split files into the parts of their container and join them again with correct lengths and checksums.

A mutation of raw bytes rarely survives a checksum or a length field; one of parts does.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_PARTS = 400
"""Files with more parts are cut up to there; the rest is one raw part."""


class Part(NamedTuple):
    """A chunk, segment, block or box; raw bytes (signatures, entropy-coded data, a trailer) have no name."""

    name: bytes
    payload: bytes


class Container(NamedTuple):
    """How a format's files are taken apart and put together."""

    split: Callable[[bytes], list[Part]]
    join: Callable[[Sequence[Part]], bytes]


def _split_png(data: bytes) -> list[Part]:
    parts, at = [Part(b"", data[:8])], 8
    while at + 12 <= len(data) and len(parts) < MAX_PARTS:
        size, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            break
        parts.append(Part(name, data[at + 8 : at + 8 + size]))
        at += 12 + size
    return [*parts, Part(b"", data[at:])]


def _join_png(parts: Sequence[Part]) -> bytes:
    return b"".join(
        struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
        if name
        else payload
        for name, payload in parts
    )


def _split_jpeg(data: bytes) -> list[Part]:
    """Also the main header of a JPEG 2000 codestream: both are markers of two bytes with a length behind them."""
    parts, at = [Part(b"", data[:2])], 2
    while at + 4 <= len(data) and len(parts) < MAX_PARTS:
        marker, size = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker[0] != 0xFF or size < 2 or at + 2 + size > len(data):
            break
        parts.append(Part(marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker in (b"\xff\xda", b"\xff\x90"):
            start, at = at, _next_marker(data, at)
            parts.append(Part(b"", data[start:at]))
    return [*parts, Part(b"", data[at:])]


def _next_marker(data: bytes, at: int) -> int:
    """Offset of the next marker that is neither a stuffed byte nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0:
        if at + 1 < len(data) and data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 1
    return len(data)


def _join_jpeg(parts: Sequence[Part]) -> bytes:
    return b"".join(
        name + struct.pack(">H", min(len(payload) + 2, 0xFFFF)) + payload if name else payload
        for name, payload in parts
    )


def _split_riff(data: bytes) -> list[Part]:
    parts, at = [Part(b"", data[:12])], 12
    while at + 8 <= len(data) and len(parts) < MAX_PARTS:
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            break
        parts.append(Part(name, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return [*parts, Part(b"", data[at:])]


def _join_riff(parts: Sequence[Part]) -> bytes:
    """The size in the header covers all but a raw part at the end."""
    pieces = [
        name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2) if name else payload
        for name, payload in parts
    ]
    covered = pieces[:-1] if parts and not parts[-1].name else pieces
    head = bytearray(b"".join(pieces))
    head[4:8] = struct.pack("<I", max(sum(map(len, covered)) - 8, 0))
    return bytes(head)


def _split_boxes(data: bytes) -> list[Part]:
    parts, at = list[Part](), 0
    while at + 8 <= len(data) and len(parts) < MAX_PARTS:
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            break
        parts.append(Part(name, data[at + 8 : at + size]))
        at += size
    return [*parts, Part(b"", data[at:])]


def _join_boxes(parts: Sequence[Part]) -> bytes:
    return b"".join(
        struct.pack(">I", len(payload) + 8) + name + payload if name else payload for name, payload in parts
    )


def _split_gif(data: bytes) -> list[Part]:
    """Blocks with their sub-blocks in the payload; the colour table belongs to the raw head."""
    if len(data) < 13:
        return [Part(b"", data)]
    at = 13 + _gif_colors(data[10])
    parts = [Part(b"", data[:at])]
    while at + 2 <= len(data) and len(parts) < MAX_PARTS:
        is_picture = data[at : at + 1] == b","
        if not is_picture and data[at : at + 1] != b"!":
            break
        name = data[at : at + (1 if is_picture else 2)]
        start = at + 11 + _gif_colors(data[at + 9]) if is_picture and at + 9 < len(data) else at + 2
        end = _behind_sub_blocks(data, start)
        parts.append(Part(name, data[at + len(name) : end]))
        at = end
    return [*parts, Part(b"", data[at:])]


def _gif_colors(packed: int) -> int:
    return 3 * 2 ** (packed % 8 + 1) if packed & 0x80 else 0


def _behind_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def _join_plain(parts: Sequence[Part]) -> bytes:
    return b"".join(name + payload for name, payload in parts)


_BARE_JXL = b"\xff\x0a"
_BOXES = Container(_split_boxes, _join_boxes)
CODESTREAM = Container(_split_jpeg, _join_jpeg)
CONTAINERS: dict[str, Container] = {
    "jpeg": CODESTREAM,
    "png": Container(_split_png, _join_png),
    "webp": Container(_split_riff, _join_riff),
    "gif": Container(_split_gif, _join_plain),
    "heif": _BOXES,
    "avif": _BOXES,
    "jp2": _BOXES,
    "jxl": _BOXES,
}
"""By format; BMP has no parts, those of TIFF are in `infra.proof.fuzz.directories`."""

NESTED: dict[bytes, tuple[int, Container]] = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"iprp", b"ipco", b"jp2h"), (0, _BOXES)),
    **dict.fromkeys((b"meta", b"iref"), (4, _BOXES)),
    b"iinf": (6, _BOXES),
    b"stsd": (8, _BOXES),
    b"jp2c": (0, CODESTREAM),
    b"ANMF": (16, Container(lambda data: _split_riff(bytes(12) + data)[1:], lambda parts: _riff_chunks(parts))),
}
"""Name of a part that holds parts → (bytes of its own fields before them, how they are laid out)."""


def _riff_chunks(parts: Sequence[Part]) -> bytes:
    return _join_riff([Part(b"", bytes(12)), *parts, Part(b"", b"")])[12:]


def container_of(data: bytes, format_name: str) -> Container | None:
    """How this file is laid out; None where its format has no parts."""
    if format_name == "jxl" and data[:2] == _BARE_JXL:
        return Container(lambda whole: [Part(whole[:2], whole[2:])], _join_plain)
    return CODESTREAM if format_name == "jp2" and data[:2] == b"\xff\x4f" else CONTAINERS.get(format_name)
