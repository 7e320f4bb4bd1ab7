"""How much work a HEIF or AVIF file is, found out before a decoder sees it: what lies about its size is refused.

Containers announce a size, and the coded pictures in them another one. Decoders believe the coded one first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from anonymizer.codec.isobmff import av1, hevc
from anonymizer.codec.isobmff.boxes import Box, Track, descend, primary_item, tracks, whole
from anonymizer.codec.isobmff.items import Items, items_of, payload_of, property_of
from anonymizer.codec.pixels import check_size
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, ImageTooLarge

_LARGEST_BLOCK = 128
"""Coded pictures may be greater than what is shown of them by part of a block."""

_MAX_DEPTH = 4
"""Of pictures that are put together from others."""

_MAX_WORK = 4
"""Coded pixels for each pixel shown: tiles that reach over the edge, layers, and alpha."""

_LEAST_FRAME = 64 * 64
"""A frame counts at least for so many pixels: the effort for one without any is not less."""

_MAX_LAYERS = 8
"""Pictures that an item or a sample may hold: layers, and those that are never shown."""

_CODED: dict[bytes, bytes] = {b"hvc1": b"hvcC", b"hev1": b"hvcC", b"av01": b"av1C"}
_DERIVED = frozenset((b"grid", b"iden", b"iovl", b"sato"))


def check_still(data: bytes, config: CodecConfig) -> None:
    """Holds the primary picture, and all that it is made from, against what is announced and against the limit.

    Raises:
        DecodeError: The file contradicts itself, or is put together in a way that makes no sense.
        ImageTooLarge: More pixels than `config.max_pixels`.
    """
    meta = descend(data, whole(data), b"meta")
    primary = None if meta is None else primary_item(data, meta)
    if meta is None or primary is None:
        raise DecodeError
    tree = _Tree(data, items_of(data, meta), config)
    shown = tree.size(primary)
    if tree.work(primary, 0) > _MAX_WORK * (shown[0] * shown[1] + 4 * _LEAST_FRAME):
        raise DecodeError


class _Tree:
    """The pictures below a primary one; it remembers what it has counted."""

    def __init__(self, data: bytes, items: Items, config: CodecConfig) -> None:
        self._data, self._items, self._config = data, items, config
        self._known: dict[int, int] = {}

    def size(self, number: int) -> tuple[int, int]:
        """Of an item, as it is announced; a coded one without a property, as it is coded."""
        told = property_of(self._data, self._items, number, b"ispe")
        size = self._coded(number)[:2] if told is None else struct.unpack_from(">II", told, 4)
        check_size(*size, self._config)
        return size

    def work(self, number: int, depth: int) -> int:
        """Pixels to be decoded for an item, its alpha included, each part counted as often as it is used."""
        if depth > _MAX_DEPTH:
            raise DecodeError
        if number not in self._known:
            kind = self._items.kinds.get(number)
            pixels = self._of_coded(number) if kind in _CODED else self._of_derived(number, depth)
            extra = sum(self.work(other, depth + 1) for other in self._items.auxiliaries.get(number, ()))
            self._known[number] = pixels + extra
        return self._known[number]

    def _coded(self, number: int) -> tuple[int, int, int]:
        """Greatest width and height, and number of the pictures in a coded item."""
        name = _CODED.get(self._items.kinds.get(number, b""))
        config = None if name is None else property_of(self._data, self._items, number, name)
        if config is None:
            raise DecodeError
        payload = payload_of(self._data, self._items, number)
        return (*hevc.greatest_size(config, payload), 1) if name == b"hvcC" else av1.greatest_size(config, [payload])

    def _of_coded(self, number: int) -> int:
        width, height, count = self._coded(number)
        _same_but_for_a_block((width, height), self.size(number))
        if count > _MAX_LAYERS:
            raise DecodeError
        return width * height

    def _of_derived(self, number: int, depth: int) -> int:
        if self._items.kinds.get(number) not in _DERIVED:
            raise DecodeError
        parts = self._items.parts.get(number, [])
        if self._items.kinds[number] == b"grid":
            self._check_grid(number, parts)
        return sum(self.work(part, depth + 1) for part in parts)

    def _check_grid(self, number: int, tiles: list[int]) -> None:
        """The tiles are of one size and just cover what is announced (ISO/IEC 23008-12, 6.6.2.3)."""
        payload = payload_of(self._data, self._items, number)
        rows, columns = payload[2] + 1, payload[3] + 1
        size = struct.unpack_from(">II" if payload[1] & 1 else ">HH", payload, 4)
        sizes = {self.size(tile) for tile in set(tiles)}
        if size != self.size(number) or len(tiles) != rows * columns or len(sizes) != 1:
            raise DecodeError
        width, height = sizes.pop()
        if not (columns - 1) * width < size[0] <= columns * width or not (rows - 1) * height < size[1] <= rows * height:
            raise DecodeError


def check_film(data: bytes, config: CodecConfig) -> None:
    """Holds the tracks of a sequence against what they announce and against the limit; nothing if there is none.

    Raises:
        DecodeError: The file contradicts itself.
        ImageTooLarge: More pixels than `config.max_pixels`, all frames together.
    """
    for track in tracks(data):
        samples = samples_of(data, track.table, config.max_pixels // _LEAST_FRAME)
        width, height = struct.unpack_from(">HH", data, track.entry.start + 24)
        check_size(width, height, config, max(1, len(samples)))
        setup = descend(data, track.entry, b"av1C")
        if setup is None:
            raise DecodeError
        coded = (data[start : start + size] for start, size in samples)
        *size, count = av1.greatest_size(data[setup.start : setup.end], coded)
        _same_but_for_a_block((size[0], size[1]), (width, height))
        if count > _MAX_LAYERS + 4 * len(samples):
            raise DecodeError


def _same_but_for_a_block(coded: tuple[int, int], announced: tuple[int, int]) -> None:
    if any(not 0 <= one - other < _LARGEST_BLOCK for one, other in zip(coded, announced, strict=True)):
        raise DecodeError
