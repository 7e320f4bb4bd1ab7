"""The container of an AVIF, written afresh around coded pictures (AV1 Image File Format 1.1, ISO/IEC 23008-12).

Of what the encoder's library writes only the coded bytes, their settings and the matrix are taken: it dates its films
and names its items, and so would a later version whatever else comes to its mind.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from anonymizer.errors import EncodeError
from anonymizer.image.codec.isobmff.boxes import (
    Box,
    Track,
    descend,
    inner,
    item_properties,
    primary_item,
    tracks,
    whole,
)

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
_UNSPECIFIED = (2, 2)
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED_LANGUAGE = 0x55C4
_FOR_EVER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Stream:
    """Pictures in AV1: colours or alpha.

    Attributes:
        config: Payload of `av1C`.
        samples: One for each frame.
        keys: Numbers, from 1, of the frames that can be decoded without another.
    """

    config: bytes
    samples: tuple[bytes, ...]
    keys: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Bits of a sample (AV1 Codec ISO Media File Format Binding 1.2, 2.3.3)."""
        return depth_of(self.config)

    @property
    def is_gray(self) -> bool:
        return bool(self.config[2] & 0x10)


@dataclass(frozen=True, slots=True)
class Film:
    """Timing of a sequence: ticks a second, ticks for each frame, how often it is shown (0 = for ever)."""

    timescale: int
    ticks: tuple[int, ...]
    loop: int


@dataclass(frozen=True, slots=True)
class Coded:
    """All that goes into a file.

    Attributes:
        size: Width and height.
        color: The picture.
        alpha: Of the same size; None = opaque.
        points: Colour primaries and transfer (ITU-T H.273), where no profile speaks.
        matrix: Matrix coefficients and, in the upper bit of the second byte, full range.
        profile: ICC profile or None.
        film: None = a still picture.
    """

    size: tuple[int, int]
    color: Stream
    alpha: Stream | None
    points: tuple[int, int]
    matrix: bytes
    profile: bytes | None
    film: Film | None


def depth_of(config: bytes) -> int:
    """Bits of a sample as `av1C` tells them."""
    return (12 if config[2] & 0x20 else 10) if config[2] & 0x40 else 8


def streams(data: bytes) -> tuple[Stream, Stream | None, bytes]:
    """Colour, alpha and matrix (see `Coded`) of a file that the encoder's library has just written.

    Raises:
        EncodeError: It is made up in another way than is known.
    """
    meta = descend(data, whole(data), b"meta")
    if meta is None:
        raise EncodeError
    found = [_of_track(data, track) for track in sorted(tracks(data), key=lambda track: track.auxiliary)]
    if not found:
        found = [_of_item(data, meta, item, place) for item, place in sorted(_places(data, meta).items())]
    matrix = next(
        (data[box.start + 8 : box.end] for box in item_properties(data, meta, 1) if box.name == b"colr"), None
    )
    if matrix is None or len(matrix) != 3 or primary_item(data, meta) != 1 or not 1 <= len(found) <= 2:
        raise EncodeError
    return found[0], found[1] if len(found) > 1 else None, matrix


def file_of(coded: Coded) -> bytes:
    """The whole file: brands, items, for a sequence its tracks, and the coded bytes, alpha behind the colours."""
    parts = [stream for stream in (coded.color, coded.alpha) if stream is not None]
    brands = (
        (b"avif", b"mif1", b"miaf") if coded.film is None else (b"avis", b"avif", b"msf1", b"iso8", b"mif1", b"miaf")
    )
    kind = _box(b"ftyp", brands[0], bytes(4), *brands)
    head = kind + _meta(coded, 0) + _moov(coded, 0)
    first = len(head) + 8
    payload = [sample for stream in parts for sample in stream.samples]
    return b"".join((kind, _meta(coded, first), _moov(coded, first), _box(b"mdat", *payload)))


def _box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)


def _full(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *parts)


def _offsets(coded: Coded, first: int) -> list[tuple[Stream, int]]:
    """Each stream and where its bytes begin."""
    found = [(coded.color, first)]
    if coded.alpha is not None:
        found.append((coded.alpha, first + sum(map(len, coded.color.samples))))
    return found


def _meta(coded: Coded, first: int) -> bytes:
    """Item 1 the (first) picture, item 2 its alpha."""
    placed = _offsets(coded, first)
    places = [struct.pack(">HHHII", number, 0, 1, at, len(s.samples[0])) for number, (s, at) in enumerate(placed, 1)]
    items = [_full(b"infe", 2, 0, struct.pack(">HH4sx", number, 0, b"av01")) for number in range(1, len(placed) + 1)]
    references = () if coded.alpha is None else (_full(b"iref", 0, 0, _box(b"auxl", struct.pack(">HHH", 2, 1, 1))),)
    return _full(
        b"meta",
        0,
        0,
        _handler(b"pict"),
        _full(b"pitm", 0, 0, struct.pack(">H", 1)),
        _full(b"iloc", 0, 0, b"\x44\0", struct.pack(">H", len(places)), *places),
        _full(b"iinf", 0, 0, struct.pack(">H", len(items)), *items),
        *references,
        _properties(coded),
    )


def _properties(coded: Coded) -> bytes:
    colors = _colors(coded)
    channels = 1 if coded.color.is_gray else 3
    store = [_size(coded), _depths(coded.color, channels), _box(b"av1C", coded.color.config), *colors]
    # The upper bit: a reader that does not know this property must not show the item.
    links = [[1, 2, 0x83, *range(4, 4 + len(colors))]]
    if coded.alpha is not None:
        after = len(store)
        links.append([1, after + 1, 0x80 | after + 2, after + 3])
        store += [_depths(coded.alpha, 1), _box(b"av1C", coded.alpha.config), _full(b"auxC", 0, 0, ALPHA)]
    entries = [struct.pack(">HB", number, len(link)) + bytes(link) for number, link in enumerate(links, 1)]
    return _box(b"iprp", _box(b"ipco", *store), _full(b"ipma", 0, 0, struct.pack(">I", len(entries)), *entries))


def _size(coded: Coded) -> bytes:
    return _full(b"ispe", 0, 0, struct.pack(">II", *coded.size))


def _depths(stream: Stream, channels: int) -> bytes:
    return _full(b"pixi", 0, 0, bytes([channels, *[stream.depth] * channels]))


def _colors(coded: Coded) -> list[bytes]:
    """One or two `colr`: a profile, and always the matrix, which no profile tells."""
    points = coded.points if coded.profile is None else _UNSPECIFIED
    nclx = _box(b"colr", b"nclx", struct.pack(">HH", *points), coded.matrix)
    return [nclx] if coded.profile is None else [_box(b"colr", b"prof", coded.profile), nclx]


def _handler(kind: bytes) -> bytes:
    return _full(b"hdlr", 0, 0, bytes(4), kind, bytes(13))


def _moov(coded: Coded, first: int) -> bytes:
    """The tracks of a sequence, without a date; nothing for a still picture."""
    film = coded.film
    if film is None:
        return b""
    length = sum(film.ticks)
    total = length * film.loop if film.loop else _FOR_EVER
    placed = list(enumerate(_offsets(coded, first), 1))
    header = struct.pack(">QQIQIH10x", 0, 0, film.timescale, total, 0x10000, 0x100)
    next_track = struct.pack(">24xI", len(placed) + 1)
    traks = [_trak(coded, film, number, stream, at) for number, (stream, at) in placed]
    return _box(b"moov", _full(b"mvhd", 1, 0, header, _UNITY, next_track), *traks)


def _trak(coded: Coded, film: Film, number: int, stream: Stream, at: int) -> bytes:
    length = sum(film.ticks)
    total = length * film.loop if film.loop else _FOR_EVER
    width, height = coded.size
    header = struct.pack(">QQIIQ16x", 0, 0, number, 0, total)
    # Flags: enabled and part of the presentation; of the edit list: repeated.
    link = () if number == 1 else (_box(b"tref", _box(b"auxl", struct.pack(">I", 1))),)
    edits = _full(b"elst", 1, 1, struct.pack(">IQQI", 1, length, 0, 0x10000))
    clock = struct.pack(">QQIQHH", 0, 0, film.timescale, length, _UNDETERMINED_LANGUAGE, 0)
    source = _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))
    return _box(
        b"trak",
        _full(b"tkhd", 1, 3, header, _UNITY, struct.pack(">II", width << 16, height << 16)),
        *link,
        _box(b"edts", edits),
        _box(
            b"mdia",
            _full(b"mdhd", 1, 0, clock),
            _handler(b"pict" if number == 1 else b"auxv"),
            _box(
                b"minf",
                _full(b"vmhd", 0, 1, bytes(8)),
                _box(b"dinf", source),
                _samples(film, stream, at, _entry(coded, stream, number)),
            ),
        ),
    )


def _entry(coded: Coded, stream: Stream, number: int) -> bytes:
    """The sample entry: the properties again (AV1 ISOBMFF binding, 2.2; ISO/IEC 23008-12, 7.2.3 for `ccst`)."""
    fixed = struct.pack(">6xH16xHHIIIH32xHh", 1, *coded.size, 0x480000, 0x480000, 0, 1, 24, -1)
    intra_only = len(stream.keys) == len(stream.samples)
    constraints = _full(b"ccst", 0, 0, struct.pack(">I", (0x40000000 if intra_only else 0) | 15 << 26))
    extra = _colors(coded) if number == 1 else []
    kind = [] if number == 1 else [_full(b"auxi", 0, 0, ALPHA)]
    return _box(b"av01", fixed, _box(b"av1C", stream.config), *extra, constraints, *kind)


def _samples(film: Film, stream: Stream, at: int, entry: bytes) -> bytes:
    """Where each frame lies, all in one chunk, and how long it is shown."""
    count = len(stream.samples)
    runs: list[list[int]] = []
    for ticks in film.ticks:
        if runs and runs[-1][1] == ticks:
            runs[-1][0] += 1
        else:
            runs.append([1, ticks])
    times = b"".join(struct.pack(">II", *run) for run in runs)
    sizes = struct.pack(f">{count}I", *map(len, stream.samples))
    keys = struct.pack(f">{len(stream.keys)}I", *stream.keys)
    return _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        _full(b"stts", 0, 0, struct.pack(">I", len(runs)), times),
        _full(b"stsc", 0, 0, struct.pack(">IIII", 1, 1, count, 1)),
        _full(b"stsz", 0, 0, struct.pack(">II", 0, count), sizes),
        _full(b"stco", 0, 0, struct.pack(">II", 1, at)),
        _full(b"stss", 0, 0, struct.pack(">I", len(stream.keys)), keys),
    )


def _places(data: bytes, meta: Box) -> dict[int, tuple[int, int]]:
    """Item to offset and size, as libavif writes them: `iloc` of version 0, 32 bits each, one piece."""
    box = descend(data, meta, b"iloc")
    if box is None or data[box.start : box.start + 6] != b"\0\0\0\0\x44\0":
        raise EncodeError
    (count,) = struct.unpack_from(">H", data, box.start + 6)
    entries = [struct.unpack_from(">HHHII", data, box.start + 8 + 14 * number) for number in range(count)]
    if any(pieces != 1 for _, _, pieces, _, _ in entries):
        raise EncodeError
    return {item: (at, size) for item, _, _, at, size in entries}


def _of_item(data: bytes, meta: Box, item: int, place: tuple[int, int]) -> Stream:
    config = next(box for box in item_properties(data, meta, item) if box.name == b"av1C")
    return Stream(data[config.start : config.end], (data[place[0] : sum(place)],), (1,))


def _of_track(data: bytes, track: Track) -> Stream:
    config = descend(data, track.entry, b"av1C")
    parts = {box.name: box for box in inner(data, track.table)}
    if config is None or set(parts) != {b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"stss"}:
        raise EncodeError
    offsets = _column(data, parts[b"stco"], 4)
    runs = [
        struct.unpack_from(">III", data, parts[b"stsc"].start + 8 + 12 * n) for n in range(_count(data, parts[b"stsc"]))
    ]
    sizes = _column(data, parts[b"stsz"], 8)
    samples: list[bytes] = []
    for chunk, at in enumerate(offsets, 1):
        held = next(count for start, count, _ in reversed(runs) if start <= chunk)
        for size in sizes[len(samples) : len(samples) + held]:
            samples.append(data[at : at + size])
            at += size
    if len(samples) != len(sizes):
        raise EncodeError
    return Stream(data[config.start : config.end], tuple(samples), _column(data, parts[b"stss"], 4))


def _count(data: bytes, box: Box) -> int:
    return int(struct.unpack_from(">I", data, box.start + 4)[0])


def _column(data: bytes, box: Box, at: int) -> tuple[int, ...]:
    """A count at an offset, and so many 32-bit numbers behind it."""
    (count,) = struct.unpack_from(">I", data, box.start + at)
    return struct.unpack_from(f">{count}I", data, box.start + at + 4)
