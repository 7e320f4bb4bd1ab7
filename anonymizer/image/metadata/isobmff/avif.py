"""The AVIF files that we write: every byte up to the coded pictures is fixed, or follows from what is asked for."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.isobmff.av1 import frame_size, is_bare
from anonymizer.image.profiles import PROFILES

_ALPHA = b"\0\0\0\0urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
_STILL = b"avif\0\0\0\0avifmif1miaf"
_MOVING = b"avis\0\0\0\0avisavifmsf1iso8mif1miaf"
_PICTURE, _AUXILIARY = (bytes(8) + kind + bytes(13) for kind in (b"pict", b"auxv"))
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_FOR_EVER = 2**64 - 1
_DATA_HERE = b"\0\0\0\x1cdref" + bytes(7) + b"\1\0\0\0\x0curl \0\0\0\1"

# Code points of ITU-T H.273 that say nothing but how to show the picture.
_PRIMARIES = frozenset((1, 2, 5, 6, 9, 11, 12))
_TRANSFERS = frozenset((1, 2, 4, 5, 6, 8, 13, 14, 15, 16, 18))
_MATRICES = frozenset((0, 1, 2, 5, 6, 9))


class _Part(NamedTuple):
    name: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the file has to hold."""

    width: int
    height: int
    frames: int


class _Stream(NamedTuple):
    """Colours or alpha: payload of `av1C`, where the bytes begin, size of each frame."""

    config: bytes
    at: int
    sizes: tuple[int, ...]


def check(data: bytes, width: int, height: int, frame_count: int) -> None:
    """A still picture or a sequence, with or without alpha; see `anonymizer.image.metadata.check`."""
    wanted = _Wanted(width, height, frame_count)
    top = _parts(data, 0, len(data))
    names = [part.name for part in top]
    moving = frame_count > 1
    _demand(names == ([b"ftyp", b"meta", b"moov", b"mdat"] if moving else [b"ftyp", b"meta", b"mdat"]))
    _same(data, top[0], _MOVING if moving else _STILL)
    streams, colors = _meta(data, top[1], wanted)
    if moving:
        shown = _moov(data, top[2], wanted, colors, len(streams))
        for item, track in zip(streams, shown, strict=True):
            _demand((item.config, item.at, item.sizes[0]) == (track.config, track.at, track.sizes[0]))
        streams = shown
    _coded(data, top[-1], streams, wanted)


def _parts(data: bytes, start: int, end: int) -> list[_Part]:
    """The boxes that fill a range; sizes of 32 bits, as we write them."""
    found = []
    while start < end:
        size, name = struct.unpack_from(">I4s", data, start)
        _demand(8 <= size <= end - start)
        found.append(_Part(name, start + 8, start + size))
        start += size
    return found


def _named(data: bytes, box: _Part, fields: int, *names: bytes) -> list[_Part]:
    """The boxes in a box behind so many bytes of zero fields: these and no other."""
    found = _parts(data, box.start + fields, box.end)
    _demand([part.name for part in found] == list(names) and not any(data[box.start : box.start + fields]))
    return found


def _demand(fine: bool) -> None:
    if not fine:
        _refuse()


def _refuse() -> NoReturn:
    raise ScrubCheckFailed


def _same(data: bytes, part: _Part, payload: bytes) -> None:
    _demand(data[part.start : part.end] == payload)


def _meta(data: bytes, meta: _Part, wanted: _Wanted) -> tuple[list[_Stream], bytes]:
    """Streams of the items, and the bytes of the boxes that tell the colours."""
    parts = _parts(data, meta.start + 4, meta.end)
    count = 2 if len(parts) == 6 else 1
    link = (b"iref",) if count == 2 else ()
    parts = _named(data, meta, 4, b"hdlr", b"pitm", b"iloc", b"iinf", *link, b"iprp")
    _same(data, parts[0], _PICTURE)
    _same(data, parts[1], b"\0\0\0\0\0\1")
    places = [struct.unpack_from(">II", data, parts[2].start + 8 + 14 * n + 6) for n in range(count)]
    entries = [struct.pack(">HHHII", n, 0, 1, *place) for n, place in enumerate(places, 1)]
    _same(data, parts[2], b"\0\0\0\0\x44\0" + struct.pack(">H", count) + b"".join(entries))
    items = [struct.pack(">I4sBxxxHH4sx", 21, b"infe", 2, n, 0, b"av01") for n in range(1, count + 1)]
    _same(data, parts[3], bytes(4) + struct.pack(">H", count) + b"".join(items))
    if count == 2:
        _same(data, parts[4], bytes(4) + struct.pack(">I4sHHH", 14, b"auxl", 2, 1, 1))
    configs, colors = _properties(data, parts[-1], wanted, count)
    return [_Stream(config, at, (size,)) for config, (at, size) in zip(configs, places, strict=True)], colors


def _properties(data: bytes, iprp: _Part, wanted: _Wanted, count: int) -> tuple[list[bytes], bytes]:
    store, links = _named(data, iprp, 0, b"ipco", b"ipma")
    parts = _parts(data, store.start, store.end)
    colors = sum(part.name == b"colr" for part in parts)
    extra = (b"pixi", b"av1C", b"auxC") if count == 2 else ()
    parts = _named(data, store, 0, b"ispe", b"pixi", b"av1C", *[b"colr"] * colors, *extra)
    _same(data, parts[0], struct.pack(">III", 0, wanted.width, wanted.height))
    configs = [_config(data, parts[2])]
    _depths(data, parts[1], configs[0], 1 if configs[0][2] & 0x10 else 3)
    told = _colors(data, parts[3 : 3 + colors])
    expected = [[1, 2, 0x83, *range(4, 4 + colors)]]
    if count == 2:
        configs.append(_config(data, parts[-2]))
        _depths(data, parts[-3], configs[1], 1)
        _same(data, parts[-1], _ALPHA)
        expected.append([1, 4 + colors, 0x80 | 5 + colors, 6 + colors])
    entries = [struct.pack(">HB", n, len(indices)) + bytes(indices) for n, indices in enumerate(expected, 1)]
    _same(data, links, struct.pack(">II", 0, count) + b"".join(entries))
    return configs, told


def _config(data: bytes, part: _Part) -> bytes:
    """`av1C`: marker and version, no delay, no units of its own (AV1 ISOBMFF binding 1.2, 2.3.3)."""
    config = data[part.start : part.end]
    _demand(len(config) == 4 and config[0] == 0x81 and config[3] == 0)
    return config


def _depths(data: bytes, part: _Part, config: bytes, channels: int) -> None:
    depth = (12 if config[2] & 0x20 else 10) if config[2] & 0x40 else 8
    _same(data, part, bytes(4) + bytes([channels, *[depth] * channels]))


def _colors(data: bytes, parts: Sequence[_Part]) -> bytes:
    """One `nclx`, and before it at most one profile, which has to be a public one."""
    *profiles, last = parts
    _demand(len(profiles) <= 1)
    for part in profiles:
        _demand(data[part.start : part.start + 4] == b"prof" and data[part.start + 4 : part.end] in PROFILES.values())
    kind, primaries, transfer, matrix, full = struct.unpack(">4sHHHB", data[last.start : last.end])
    _demand(kind == b"nclx" and primaries in _PRIMARIES and transfer in _TRANSFERS and matrix in _MATRICES)
    _demand(full in (0, 0x80))
    return data[parts[0].start - 8 : last.end]


def _moov(data: bytes, moov: _Part, wanted: _Wanted, colors: bytes, count: int) -> list[_Stream]:
    parts = _named(data, moov, 0, b"mvhd", *[b"trak"] * count)
    timescale, total = struct.unpack_from(">IQ", data, parts[0].start + 20)
    fields = struct.pack(">IQQIQIH10x", 1 << 24, 0, 0, timescale, total, 0x10000, 0x100)
    _same(data, parts[0], fields + _UNITY + bytes(24) + struct.pack(">I", count + 1))
    return [_trak(data, part, n, wanted, (timescale, total, colors)) for n, part in enumerate(parts[1:], 1)]


def _trak(data: bytes, trak: _Part, number: int, wanted: _Wanted, film: tuple[int, int, bytes]) -> _Stream:
    timescale, total, colors = film
    link = (b"tref",) if number == 2 else ()
    header, *links, edits, media = _named(data, trak, 0, b"tkhd", *link, b"edts", b"mdia")
    clock, handler, details = _named(data, media, 0, b"mdhd", b"hdlr", b"minf")
    (length,) = struct.unpack_from(">Q", data, clock.start + 24)
    fields = struct.pack(">IQQIIQ16x", 1 << 24 | 3, 0, 0, number, 0, total)
    _same(data, header, fields + _UNITY + struct.pack(">II", wanted.width << 16, wanted.height << 16))
    if links:
        _same(data, links[0], struct.pack(">I4sI", 12, b"auxl", 1))
    _same(data, edits, struct.pack(">I4sIIQQI", 36, b"elst", 1 << 24 | 1, 1, length, 0, 0x10000))
    _same(data, clock, struct.pack(">IQQIQHH", 1 << 24, 0, 0, timescale, length, 0x55C4, 0))
    _same(data, handler, _PICTURE if number == 1 else _AUXILIARY)
    _demand(length > 0 and (total == _FOR_EVER or (total > 0 and total % length == 0)))
    video, source, table = _named(data, details, 0, b"vmhd", b"dinf", b"stbl")
    _same(data, video, b"\0\0\0\1" + bytes(8))
    _same(data, source, _DATA_HERE)
    return _table(data, table, number, wanted, (length, colors))


def _table(data: bytes, table: _Part, number: int, wanted: _Wanted, film: tuple[int, bytes]) -> _Stream:
    length, colors = film
    entry, times, chunks, sizes, offset, keys = _named(
        data, table, 0, b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"stss"
    )
    runs = list(struct.iter_unpack(">II", data[times.start + 8 : times.end]))
    _demand(data[times.start : times.start + 8] == struct.pack(">II", 0, len(runs)))
    _demand(sum(count for count, _ in runs) == wanted.frames and sum(count * ticks for count, ticks in runs) == length)
    _same(data, chunks, struct.pack(">IIIII", 0, 1, 1, wanted.frames, 1))
    bytes_of = struct.unpack(f">{wanted.frames}I", data[sizes.start + 12 : sizes.end])
    _demand(data[sizes.start : sizes.start + 12] == struct.pack(">III", 0, 0, wanted.frames))
    (at,) = struct.unpack_from(">I", data, offset.start + 8)
    _same(data, offset, struct.pack(">III", 0, 1, at))
    starts = [start for (start,) in struct.iter_unpack(">I", data[keys.start + 8 : keys.end])]
    _demand(data[keys.start : keys.start + 8] == struct.pack(">II", 0, len(starts)))
    _demand(starts[:1] == [1] and starts == sorted(set(starts)) and starts[-1] <= wanted.frames)
    return _Stream(_entry(data, entry, number, wanted, (colors, len(starts))), at, bytes_of)


def _entry(data: bytes, stsd: _Part, number: int, wanted: _Wanted, known: tuple[bytes, int]) -> bytes:
    """Payload of `av1C` of the only sample entry."""
    colors, keys = known
    start = stsd.start + 8
    fixed = struct.pack(">6xH16xHHIIIH32xHh", 1, wanted.width, wanted.height, 0x480000, 0x480000, 0, 1, 24, -1)
    config = data[start + 94 : start + 98]
    constraint = 15 << 26 | (1 << 30 if keys == wanted.frames else 0)
    rest = struct.pack(">I4sII", 16, b"ccst", 0, constraint)
    kind = struct.pack(">I4s", 8 + len(_ALPHA), b"auxi") + _ALPHA
    extra = colors + rest if number == 1 else rest + kind
    head = struct.pack(">III4s", 0, 1, stsd.end - start, b"av01") + fixed + struct.pack(">I4s", 12, b"av1C")
    _same(data, stsd, head + config + extra)
    return config


def _coded(data: bytes, mdat: _Part, streams: Sequence[_Stream], wanted: _Wanted) -> None:
    """The coded bytes lie one after the other, colours first, and hold nothing but AV1's pictures."""
    at = mdat.start
    for number, stream in enumerate(streams):
        _demand(stream.at == at and len(stream.sizes) == wanted.frames)
        for index, sample in enumerate(_samples(data, stream)):
            _demand(is_bare(sample) and (index > 0 or frame_size(sample) == (wanted.width, wanted.height)))
        at += sum(stream.sizes)
        _demand(number == 0 or bool(stream.config[2] & 0x10))
    _demand(at == mdat.end)


def _samples(data: bytes, stream: _Stream) -> Iterator[bytes]:
    at = stream.at
    for size in stream.sizes:
        yield data[at : at + size]
        at += size
