"""The rows of a PNG that we wrote: inflated to the byte, and nothing in them that no pixel shows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed

_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {_GRAY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GRAY_ALPHA: (8, 16), _RGB_ALPHA: (8, 16)}
"""Bits of a sample that go with each colour type (PNG, table 12)."""

_LAST_FILTER = 4
_PIECE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """IHDR of a picture that is not interlaced."""

    width: int
    height: int
    depth: int
    color_type: int

    @property
    def has_palette(self) -> bool:
        return self.color_type == _PALETTE

    @property
    def is_filtered(self) -> bool:
        """We filter neither palettes nor few bits."""
        return not self.has_palette and self.depth >= 8

    @property
    def space(self) -> bytes:
        """The kind of profile that goes with it, as its header names it."""
        return b"GRAY" if self.color_type in (_GRAY, _GRAY_ALPHA) else b"RGB "

    def row_bits(self, width: int) -> int:
        return width * self.depth * _CHANNELS[self.color_type]


@dataclass(frozen=True, slots=True)
class Palette:
    """Payloads of PLTE, and of tRNS if there is one."""

    colors: bytes
    alphas: bytes | None

    @property
    def count(self) -> int:
        return len(self.colors) // 3


def read_layout(payload: bytes) -> Layout:
    """The header.

    Raises:
        ScrubCheckFailed: A layout that we do not write.
    """
    width, height, depth, color_type, *methods = struct.unpack(">IIBBBBB", payload)
    if any(methods) or depth not in _DEPTHS.get(color_type, ()):
        raise ScrubCheckFailed
    return Layout(width, height, depth, color_type)


class Usage:
    """Checks pictures of one file and notes which palette entries they use.

    Args:
        layout: Of all of them.
        palette: For palette indices.

    Raises:
        ScrubCheckFailed: The palette is not one that we write.
    """

    def __init__(self, layout: Layout, palette: Palette | None) -> None:
        self.layout = layout
        self._used = np.zeros(palette.count if palette else 0, np.bool_)
        if palette is not None:
            _check_palette(palette, layout.depth)

    def check_picture(self, width: int, height: int, payloads: Iterable[bytes]) -> None:
        """Checks the rows of one picture.

        Raises:
            ScrubCheckFailed: They are not exactly those of the size; or there is an unknown filter, a bit behind the
                last pixel of a row, an index beyond the palette.
        """
        bits = self.layout.row_bits(width)
        for rows in _rows(payloads, height, 1 + (bits + 7) // 8):
            if int(rows[:, 0].max()) > (_LAST_FILTER if self.layout.is_filtered else 0):
                raise ScrubCheckFailed
            if bits % 8 and (rows[:, -1] & (0xFF >> bits % 8)).any():
                raise ScrubCheckFailed
            if self.layout.has_palette:
                self._note(rows[:, 1:], width)

    def check_all_used(self) -> None:
        """Checks, after all pictures, that no palette entry is there that no pixel has.

        Raises:
            ScrubCheckFailed: There is one.
        """
        if not self._used.all():
            raise ScrubCheckFailed

    def _note(self, rows: NDArray[np.uint8], width: int) -> None:
        depth = self.layout.depth
        shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
        indices = (rows[..., None] >> shifts & (2**depth - 1)).reshape(len(rows), -1)[:, :width]
        found = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=256))
        if found[-1] >= len(self._used):
            raise ScrubCheckFailed
        self._used[found] = True


def _check_palette(palette: Palette, depth: int) -> None:
    """Each colour once, in ascending order of (A, R, G, B), no more bits than needed, nothing under alpha 0."""
    count = palette.count
    alphas = palette.alphas if palette.alphas is not None else b""
    if len(palette.colors) != 3 * count or not 0 < count <= 256 or len(alphas) > count or 255 in alphas:
        raise ScrubCheckFailed
    if palette.alphas == b"" or depth != next(bits for bits in (1, 2, 4, 8) if count <= 2**bits):
        raise ScrubCheckFailed
    padded = alphas + b"\xff" * (count - len(alphas))
    entries = [(padded[at], *palette.colors[3 * at : 3 * at + 3]) for at in range(count)]
    if sorted(set(entries)) != entries or (entries[0][0] == 0 and any(entries[0])) or (count > 1 and not padded[1]):
        raise ScrubCheckFailed


def _rows(payloads: Iterable[bytes], height: int, row_bytes: int) -> Iterator[NDArray[np.uint8]]:
    """(K, bytes) rows with their filter bytes, some at a time."""
    pending = bytearray()
    for piece in _inflated(payloads, height * row_bytes):
        pending += piece
        count = len(pending) // row_bytes
        if count:
            yield np.frombuffer(bytes(pending[: count * row_bytes]), np.uint8).reshape(count, row_bytes)
            del pending[: count * row_bytes]


def _inflated(payloads: Iterable[bytes], expected_bytes: int) -> Iterator[bytes]:
    """One zlib stream that inflates to exactly so many bytes, and ends with the last payload."""
    stream = zlib.decompressobj()
    missing = expected_bytes
    for payload in payloads:
        pending = payload
        if stream.eof or not payload:
            raise ScrubCheckFailed
        while pending:
            # One byte more than may come, so that a surplus shows.
            piece = stream.decompress(pending, min(missing + 1, _PIECE_BYTES))
            pending = stream.unconsumed_tail
            missing -= len(piece)
            if missing < 0 or stream.unused_data:
                raise ScrubCheckFailed
            yield piece
    while not stream.eof:
        piece = stream.decompress(b"", min(missing + 1, _PIECE_BYTES))
        missing -= len(piece)
        if not piece or missing < 0:
            raise ScrubCheckFailed
        yield piece
    if missing:
        raise ScrubCheckFailed
