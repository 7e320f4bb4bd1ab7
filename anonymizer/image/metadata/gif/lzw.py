"""GIF's compressed pixels (GIF89a specification, appendix F), walked without unpacking them.

What we write starts afresh whenever its table of strings is full, so the place of every code is known in advance, and
all of them can be read at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed

_CLEAR, _END, _FIRST_STRING = 256, 257, 258
_CLEAR_BITS = 9

# Widths of the codes behind a code that clears the table: they grow as it fills, and the last one clears it again.
_WIDTHS = np.repeat([9, 10, 11, 12], [255, 512, 1024, 2049])
_OFFSETS = np.concatenate(([0], np.cumsum(_WIDTHS)))
_PERIOD_CODES, _PERIOD_BITS = len(_WIDTHS), int(_OFFSETS[-1])

# Periods that are looked at together.
_BATCH = 256

_Codes = NDArray[np.int64]


def literals(packed: bytes, pixels: int) -> frozenset[int]:
    """The indices that occur in an image of 8-bit codes.

    Each is written as itself where it first occurs after the table was cleared, so none can be overlooked.

    Args:
        packed: The payloads of the sub-blocks, joined.
        pixels: How many indices it has to give.

    Raises:
        ScrubCheckFailed: It gives more or less, its table is cleared at other times than ours, or bits follow its end.
    """
    body_bits = 8 * len(packed) - _CLEAR_BITS
    full, rest_bits = divmod(body_bits - _CLEAR_BITS, _PERIOD_BITS)
    rest_bits += _CLEAR_BITS
    if body_bits < _CLEAR_BITS or int.from_bytes(packed[:2], "little") & 0x1FF != _CLEAR:
        raise ScrubCheckFailed
    # Three more bytes, so that each code can be cut out of a number of 24 bits.
    stream = np.frombuffer(packed + bytes(3), np.uint8)
    last = int(np.searchsorted(_OFFSETS, rest_bits, side="right")) - 1
    found, count = set[int](), 0
    for codes, closing in _periods(stream, full, last):
        if (codes[:, -1] != closing).any():
            raise ScrubCheckFailed
        count += _string_lengths(codes[:, :-1])
        found.update(codes[codes < _CLEAR].tolist())
    end = _CLEAR_BITS + _PERIOD_BITS * full + int(_OFFSETS[last])
    padding = packed[end // 8 :]
    if count != pixels or len(padding) > 1 or (padding and padding[0] >> end % 8):
        raise ScrubCheckFailed
    return frozenset(found)


def _periods(stream: NDArray[np.uint8], full: int, last: int) -> Iterator[tuple[_Codes, int]]:
    """The codes between two codes that clear the table, or behind the last of them.

    Args:
        stream: All bytes, and three more.
        full: Periods that end because the table is full.
        last: Codes of the period that the image ends in.

    Yields:
        (P, N) codes of periods of one length, and the code that each of them has to end with.
    """
    for first in range(0, full, _BATCH):
        starts = _CLEAR_BITS + _PERIOD_BITS * np.arange(first, min(first + _BATCH, full), dtype=np.int64)
        yield _codes(stream, starts[:, None] + _OFFSETS[:-1], _WIDTHS), _CLEAR
    yield _codes(stream, _CLEAR_BITS + _PERIOD_BITS * full + _OFFSETS[None, :last], _WIDTHS[:last]), _END


def _codes(stream: NDArray[np.uint8], offsets: _Codes, widths: NDArray[np.int64]) -> _Codes:
    """(P, N) codes at offsets in bits, least significant bit first."""
    at = offsets >> 3
    number = stream[at].astype(np.int64) | stream[at + 1].astype(np.int64) << 8 | stream[at + 2].astype(np.int64) << 16
    codes: _Codes = number >> (offsets & 7) & (1 << widths) - 1
    return codes


def _string_lengths(codes: _Codes) -> int:
    """Indices that (P, N) codes stand for, each row with a table of its own.

    The string number i of a row is what its code number i stands for, and one index more.
    """
    periods, size = codes.shape
    if not size:
        return 0
    position = np.arange(size)
    parent = codes - _FIRST_STRING
    if ((codes >= _CLEAR) & ((parent < 0) | (parent >= position))).any():
        raise ScrubCheckFailed
    is_literal = codes < _CLEAR
    rows = np.arange(periods)[:, None] * size
    # Each code adds one index to its parent; the jumps to the parents double until all have arrived at a literal.
    step = np.where(is_literal, rows + position, rows + parent).ravel()
    length = np.where(is_literal, 0, 1).ravel()
    while length[step].any():
        length = length + length[step]
        step = step[step]
    return int(length.sum()) + codes.size
