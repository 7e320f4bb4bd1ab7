"""Reads structs of Thrift's compact protocol, in which Parquet writes its headers.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_DEEPEST = 16
"""Deepest nesting of a Parquet header; more is not one."""


class Malformed(ValueError):
    """The bytes are not a struct of the compact protocol, or end before it does."""


class Reader:
    """Reads one struct.

    Args:
        data: The bytes.
        place: Where the struct begins.

    Attributes:
        place: Position after what was read.
    """

    def __init__(self, data: bytes | bytearray | memoryview, place: int = 0) -> None:
        self._data = data
        self.place = place

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Reads a struct: its values by the number of their field; structs and lists are nested.

        Raises:
            Malformed: It is not one.
        """
        if depth > _DEEPEST:
            raise Malformed
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            if number in fields:
                raise Malformed
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return self._byte() == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _DOUBLE:
            return self._take(8)
        if kind == _BINARY:
            return self._take(self._varint())
        if kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._varint()
            return [self._value(head & 15, depth + 1) for _ in range(self._counted(count))]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise Malformed

    def _counted(self, count: int) -> int:
        if count > len(self._data) - self.place:
            raise Malformed
        return count

    def _take(self, count: int) -> bytes:
        if count > len(self._data) - self.place:
            raise Malformed
        self.place += count
        return bytes(self._data[self.place - count : self.place])

    def _byte(self) -> int:
        if self.place >= len(self._data):
            raise Malformed
        self.place += 1
        return self._data[self.place - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Malformed

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
