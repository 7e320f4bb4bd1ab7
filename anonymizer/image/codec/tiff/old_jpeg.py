"""Old-style JPEG (TIFF 6.0, section 22): what belongs to one page, wherever in the file it is.

Its data is a stream of JPEG (JPEGInterchangeFormat), followed by the segments; one of the two may be missing, and a
stream without markers has its tables at the offsets of tags. Some files have all of it, some only a part, and libtiff
knows how to read them; it gets the pieces of the page in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anonymizer.errors import UnsupportedFormat
from anonymizer.image.codec.jpeg.markers import APP14, EOI, FRAMES, START, segments
from anonymizer.image.codec.tiff.bare import Tag, longs, shorts
from anonymizer.image.codec.tiff.page import JPEG, Page
from anonymizer.image.tiff_fields import AC_TABLES, DC_TABLES, Q_TABLES, table_bytes

_PROCESS, _STREAM, _STREAM_BYTES, _RESTART_INTERVAL = 512, 513, 514, 515
_MAX_TABLES = 3


@dataclass(frozen=True, slots=True)
class _Stream:
    """What a stream of JPEG says of itself.

    Attributes:
        height: Of its frame; 0 = there is no frame.
        rgb: Its components are red, green and blue.
        whole: It goes on to the marker of its end.
    """

    height: int
    rgb: bool
    whole: bool


def as_libtiff_reads_it(page: Page) -> Page:
    """The page, if need be laid out in another way, so that libtiff reads it, and reads what is there.

    Segments that are streams of their own are the JPEG of TIFF's Technical Note 2. A stream that holds the whole
    picture is that, however many strips are said to lie in it.

    Raises:
        UnsupportedFormat: libtiff would give other pixels: it takes RGB for YCbCr, the tables of tiles that lie side
            by side for those of strips, and planes for what it does not find between them.
    """
    at, size = stream_place(page)
    data, places = page.directory.data, zip(page.offsets.tolist(), page.sizes.tolist(), strict=True)
    stored = [data[offset : offset + length] for offset, length in places]
    if not size and len(stored) > 1 and all(segment.startswith(START) for segment in stored):
        return replace(page, compression=JPEG)
    stream = _read_stream(data[at : at + size] or next(filter(None, stored), b""))
    beside = page.tiled and page.width > page.segment_width
    if stream.rgb or (beside and not stream.height):
        raise UnsupportedFormat
    if size and stream.whole and stream.height >= page.height and not page.tiled:
        nothing = np.zeros(1, np.int64)
        return replace(page, segment_height=page.height, planar=False, offsets=nothing, sizes=nothing)
    if page.planar and len(stored) > 1:
        raise UnsupportedFormat
    # One strip is no three planes, whatever its directory says.
    return replace(page, planar=False)


def _read_stream(stream: bytes) -> _Stream:
    height, rgb, whole = 0, False, False
    for marker, payload, _ in segments(stream):
        if marker in FRAMES:
            height, rgb = int.from_bytes(payload[1:3], "big"), rgb or payload[6:15:3] == b"RGB"
        elif marker == APP14 and payload.startswith(b"Adobe") and payload[11:12] == b"\0":
            rgb = True
        whole = marker == EOI
    return _Stream(height, rgb, whole)


def stream_place(page: Page) -> tuple[int, int]:
    """Offset and bytes of the stream that JPEGInterchangeFormat leads to; 0 bytes where there is none.

    A length that is missing or reaches beyond the file's end means its end, as to libtiff.
    """
    end = len(page.directory.data)
    at, size = page.directory.number(_STREAM, 0), page.directory.number(_STREAM_BYTES, 0)
    if not 0 < at < end:
        return 0, 0
    return at, size if 0 < size <= end - at else end - at


def old_jpeg_tags(page: Page) -> list[Tag]:
    """The tags of old JPEG that are no offsets."""
    _, size = stream_place(page)
    tags = [longs(_STREAM_BYTES, size)] if size else []
    if _RESTART_INTERVAL in page.directory.entries:
        tags.append(shorts(_RESTART_INTERVAL, page.directory.number(_RESTART_INTERVAL, 0) & 0xFFFF))
    return [*tags, shorts(_PROCESS, page.directory.number(_PROCESS, 1) & 0xFFFF)]


def old_jpeg_pieces(page: Page) -> dict[int, list[bytes]]:
    """Tag to what its offsets lead to, the segments aside."""
    data = page.directory.data
    at, size = stream_place(page)
    pieces = {_STREAM: [data[at : at + size]]} if size else {}
    for tag in (Q_TABLES, DC_TABLES, AC_TABLES):
        places = page.directory.numbers(tag, _MAX_TABLES).tolist()
        if places:
            pieces[tag] = [data[at : at + table_bytes(data, tag, at)] for at in places]
    return pieces
