"""Field types of TIFF and EXIF directories: the bytes of a value, and values as numbers, whatever type says them.

Source: TIFF 6.0, section 2; type 13 from Adobe PageMaker 6.0 TIFF Technical Notes; 16 to 18 from the design of BigTIFF.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Q_TABLES, DC_TABLES, AC_TABLES = 519, 520, 521
"""Tags of old-style JPEG that say where its tables are (TIFF 6.0, section 22)."""

RATIONAL, SIGNED_RATIONAL, FLOAT, DOUBLE = 5, 10, 11, 12

VALUE_BYTES: dict[int, int] = {
    1: 1,  # BYTE
    2: 1,  # ASCII
    3: 2,  # SHORT
    4: 4,  # LONG
    RATIONAL: 8,
    6: 1,  # SBYTE
    7: 1,  # UNDEFINED
    8: 2,  # SSHORT
    9: 4,  # SLONG
    SIGNED_RATIONAL: 8,
    FLOAT: 4,
    DOUBLE: 8,
    13: 4,  # IFD
    16: 8,  # LONG8
    17: 8,  # SLONG8
    18: 8,  # IFD8
}
"""Type to the bytes of one value. Values that take more room than their entry has lie elsewhere in the file."""

_WHOLE: dict[int, str] = {
    1: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8", 18: "u8",
}  # fmt: skip
_REAL: dict[int, str] = {FLOAT: "f4", DOUBLE: "f8"}
_PAIRS: dict[int, str] = {RATIONAL: "u4", SIGNED_RATIONAL: "i4"}


def lies_within_entry(kind: int, count: int, room: int) -> bool:
    """Whether values stand in their entry itself (`room`: 4 bytes, 8 in BigTIFF) and not at an offset."""
    return VALUE_BYTES.get(kind, 1) * count <= room


def whole_numbers(data: bytes, endian: str, kind: int, count: int, at: int) -> NDArray[np.int64] | None:
    """(count,) values of any integer type, with a sign or without.

    Args:
        data: The file or block.
        endian: `<` or `>`.
        kind: Field type.
        count: Of values.
        at: Offset of the first.

    Returns:
        None where the type is none of integers, values lie beyond the end, or one is 2^63 or more.
    """
    values = _read(data, endian, _WHOLE.get(kind), count, at)
    if values is None or (values.dtype.kind == "u" and values.dtype.itemsize == 8 and (values >= 2**63).any()):
        return None
    return values.astype(np.int64)


def real_numbers(data: bytes, endian: str, kind: int, count: int, at: int) -> NDArray[np.float64] | None:
    """(count,) values of any type that is a number; like `whole_numbers`. A fraction over 0 is 0, as libtiff has it."""
    if kind in _PAIRS:
        pairs = _read(data, endian, _PAIRS[kind], 2 * count, at)
        if pairs is None:
            return None
        over, under = pairs[::2].astype(np.float64), pairs[1::2].astype(np.float64)
        return np.divide(over, under, out=np.zeros(count), where=under != 0)
    values = _read(data, endian, _WHOLE.get(kind, _REAL.get(kind)), count, at)
    return None if values is None else values.astype(np.float64)


def table_bytes(data: bytes, tag: int, at: int) -> int:
    """Bytes of an old-style JPEG's table: 64 of quantization; of a Huffman code 16 counts and as many symbols."""
    return 64 if tag == Q_TABLES else 16 + sum(data[at : at + 16])


def _read(data: bytes, endian: str, layout: str | None, count: int, at: int) -> NDArray[Any] | None:
    if layout is None or at < 0 or at + int(layout[1]) * count > len(data):
        return None
    return np.frombuffer(data, endian + layout, count, at)
