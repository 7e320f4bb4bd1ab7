"""The bits of a JPEG XL codestream, lowest first, and the ways in which its headers write numbers (ISO/IEC 18181-1)."""

from __future__ import annotations

Choice = tuple[int, int]
"""What is added, and how many bits are read."""


class Bits:
    """Reads from the first byte on; beyond the end it raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def read(self, count: int) -> int:
        """A number of so many bits."""
        end = self.at + count
        if end > 8 * len(self._data):
            raise ValueError
        first = self.at // 8
        whole = int.from_bytes(self._data[first : (end + 7) // 8], "little")
        value = whole >> (self.at - 8 * first) & ((1 << count) - 1)
        self.at = end
        return value

    def flag(self) -> bool:
        return self.read(1) == 1

    def choice(self, *choices: Choice) -> int:
        """`U32`: two bits say which of four ways it is written."""
        base, count = choices[self.read(2)]
        return base + self.read(count)

    def enum(self) -> int:
        return self.choice((0, 0), (1, 0), (2, 4), (18, 6))

    def wide(self) -> int:
        """`U64`."""
        kind = self.read(2)
        if kind < 3:
            return (0, 1 + self.read(4) if kind == 1 else 0, 17 + self.read(8) if kind == 2 else 0)[kind]
        value, shift = self.read(12), 12
        while self.flag():
            if shift == 60:
                return value | self.read(4) << shift
            value |= self.read(8) << shift
            shift += 8
        return value

    def pad(self) -> bool:
        """Goes on to the next byte; whether all bits until there are 0."""
        return self.read(-self.at % 8) == 0

    def skip(self, count: int) -> None:
        """Passes over so many bytes."""
        self.at += 8 * count
        if self.at > 8 * len(self._data):
            raise ValueError
