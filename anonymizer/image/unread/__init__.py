"""Files that are no picture and may hold some: archives, tables, films, documents. They are named, and not opened.

Their first and last bytes decide (`signatures`); of what is compressed, those of its content (`compressed`); of Parquet
the types of its columns (`columns`). A name decides only about formats whose bytes say nothing (`by_name`).
"""

from __future__ import annotations

from collections.abc import Callable

from anonymizer.errors import ArchiveUnread, DocumentUnread, ObjectError, TableUnread, VideoUnread
from anonymizer.image.unread.signatures import Kind, kind_of, kind_of_name

_ERRORS: dict[Kind, type[ObjectError]] = {
    "archive": ArchiveUnread,
    "table": TableUnread,
    "video": VideoUnread,
    "document": DocumentUnread,
}


def by_content(data: bytes, sniff: Callable[[bytes], object]) -> type[ObjectError] | None:
    """Returns the error of a file that may hold pictures and is not opened.

    Args:
        data: The whole file, which is no picture itself. Only its first and last bytes are looked at; of Parquet, the
            footer as well.
        sniff: `codec.sniff`, for the first bytes of what is compressed.

    Returns:
        `ArchiveUnread`, `TableUnread`, `VideoUnread` or `DocumentUnread`; None for everything else, text for example.
    """
    kind = kind_of(data)
    if kind == "compressed":
        from anonymizer.image.unread.compressed import holds_pictures

        return ArchiveUnread if holds_pictures(data, sniff) else None
    if kind == "parquet":
        from anonymizer.image.unread.columns import may_hold_pictures

        return TableUnread if may_hold_pictures(data) else None
    return _ERRORS[kind] if kind is not None else None


def by_name(key: str) -> type[ObjectError] | None:
    """As `by_content`, by the ending of a key: for shards whose format has no signature (FFCV, LitData and others)."""
    kind = kind_of_name(key)
    return _ERRORS[kind] if kind is not None else None
