"""Writes tar archives: plain files without owner, time and rights of their own; equal content gives equal bytes."""

from __future__ import annotations

import tarfile
from collections.abc import Callable

from anonymizer.errors import ScrubCheckFailed
from anonymizer.shards.samples import Member
from anonymizer.shards.tarred.header import BLOCK

RECORD = tarfile.RECORDSIZE
_MODE = 0o644


class TarWriter:
    """Writes members.

    Args:
        sink: Takes the bytes.
    """

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._place = 0

    def add(self, member: Member, data: bytes) -> None:
        """Writes a member with these bytes."""
        self._put(header_of(member.name, len(data)))
        self._put(data)
        self._put(bytes(-len(data) % BLOCK))

    def close(self) -> None:
        """Writes the end mark, and fills the last record."""
        self._put(bytes(2 * BLOCK))
        self._put(bytes(-self._place % RECORD))

    def _put(self, data: bytes) -> None:
        self._place += len(data)
        self._sink(data)


def header_of(name: str, size_bytes: int) -> bytes:
    """The header of a plain file: ustar if the name fits, otherwise with a pax record that has the name only."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, _MODE
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
    except ValueError:
        pass
    try:
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    except (ValueError, UnicodeError):
        raise ScrubCheckFailed("a name that cannot be written") from None
