"""Checks a tar archive that was written here, while it is written: plain files with a name and nothing else."""

from __future__ import annotations

from anonymizer.errors import ScrubCheckFailed, ShardDamaged
from anonymizer.shards.tarred.header import BLOCK, number, read_header, records, text

_FIXED = (
    (slice(108, 116), b"0000000\0"),
    (slice(116, 124), b"0000000\0"),
    (slice(136, 148), b"00000000000\0"),
    (slice(157, 257), bytes(100)),
    (slice(257, 265), b"ustar\x0000"),
    (slice(265, 329), bytes(64)),
    (slice(500, 512), bytes(12)),
)
"""Owner, group, time, link, magic, names of owner and group, and what follows the prefix."""
_MODES = {b"0": b"0000644\0", b"x": b"0000000\0"}
_DEVICES = (slice(329, 337), slice(337, 345))
_FILE, _PAX = b"0", b"x"
_PAX_KEYS = frozenset(("path", "size", "hdrcharset"))
_PAX_NAME = b"././@PaxHeader"
_LONGEST_PAX = 2**20


class TarChecker:
    """Walks an archive piece by piece."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._skip = 0
        self._padding = 0
        self._zeros = 0
        self._total = 0
        self._pax: int | None = None
        self._size: int | None = None
        self._named = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            ScrubCheckFailed: They are not those of such an archive.
        """
        self._total += len(data)
        self._waiting += data
        while self._step():
            pass

    def end(self) -> None:
        """Checks that the archive is complete.

        Raises:
            ScrubCheckFailed: It is not.
        """
        if self._waiting or self._skip or self._padding or self._zeros < 2 or self._total % BLOCK or self._named:
            raise ScrubCheckFailed("the archive is incomplete")

    def _step(self) -> bool:
        if self._skip:
            taken = min(self._skip, len(self._waiting))
            del self._waiting[:taken]
            self._skip -= taken
            return taken > 0
        if self._padding:
            taken = min(self._padding, len(self._waiting))
            if any(self._waiting[:taken]):
                raise ScrubCheckFailed("something behind a member")
            del self._waiting[:taken]
            self._padding -= taken
            return taken > 0
        if self._pax is not None:
            return self._records(self._pax)
        if len(self._waiting) < BLOCK:
            return False
        block = bytes(self._waiting[:BLOCK])
        del self._waiting[:BLOCK]
        self._header(block)
        return True

    def _header(self, block: bytes) -> None:
        if not any(block):
            self._zeros += 1
            return
        if self._zeros:
            raise ScrubCheckFailed("something behind the end")
        try:
            header = read_header(block)
        except ShardDamaged:
            raise ScrubCheckFailed("no header") from None
        fixed = all(block[place] == value for place, value in _FIXED)
        if not fixed or block[100:108] != _MODES.get(header.kind):
            raise ScrubCheckFailed("a header with more than a name and a size")
        if any(block[place] not in (bytes(8), b"0000000\0") for place in _DEVICES) or not _is_filled(block):
            raise ScrubCheckFailed("a header with more than a name and a size")
        if header.kind == _PAX and not self._named and text(block[:100]) == _PAX_NAME and number(block[124:136]):
            if header.size_bytes > _LONGEST_PAX:
                raise ScrubCheckFailed("a long extended header")
            self._pax, self._named = header.size_bytes, True
        elif header.kind == _FILE:
            size_bytes = header.size_bytes if self._size is None else self._size
            self._skip, self._padding = size_bytes, -size_bytes % BLOCK
            self._named, self._size = False, None
        else:
            raise ScrubCheckFailed("a member that is no plain file")

    def _records(self, size_bytes: int) -> bool:
        if len(self._waiting) < size_bytes:
            return False
        try:
            found = records(bytes(self._waiting[:size_bytes]))
        except ShardDamaged:
            raise ScrubCheckFailed("an extended header") from None
        if set(found) - _PAX_KEYS or ("path" not in found and "size" not in found):
            raise ScrubCheckFailed("an extended header with more than a name")
        if "size" in found:
            self._size = int(found["size"])
        del self._waiting[:size_bytes]
        self._padding = -size_bytes % BLOCK
        self._pax = None
        return True


def _is_filled(block: bytes) -> bool:
    """Whether name and prefix have nothing behind their ends."""
    return all(not any(field[len(text(field)) :]) for field in (block[:100], block[345:500]))
