"""Old-style JPEG (TIFF 6.0, section 22): what belongs to one page, wherever in the file it is.

Its data is a stream of JPEG (JPEGInterchangeFormat), followed by the segments; one of the two may be missing, and a
stream without markers has its tables at the offsets of tags. Some files have all of it, some only a part, and libtiff
knows how to read them; it gets the pieces of the page in the same order.
"""

from __future__ import annotations

from anonymizer.image.codec.tiff.bare import Tag, longs, shorts
from anonymizer.image.codec.tiff.page import Page
from anonymizer.image.tiff_fields import AC_TABLES, DC_TABLES, Q_TABLES, table_bytes

_PROCESS, _STREAM, _STREAM_BYTES, _RESTART_INTERVAL = 512, 513, 514, 515
_MAX_TABLES = 3


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
