"""The units of an AV1 bitstream (AV1 Bitstream & Decoding Process Specification, 5.3 to 5.5)."""

from __future__ import annotations

from collections.abc import Iterator

from anonymizer.errors import ScrubCheckFailed

_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _FRAME_HEADER, _TILE_GROUP, _FRAME = 1, 2, 3, 4, 6
_OF_A_PICTURE = frozenset((_SEQUENCE_HEADER, _TEMPORAL_DELIMITER, _FRAME_HEADER, _TILE_GROUP, _FRAME))
_MAX_LEB128_BYTES = 8


def is_bare(sample: bytes) -> bool:
    """Whether a sample holds only units that make a picture: no metadata, no padding, no layer, no byte behind."""
    kinds = [kind for kind, _ in _units(sample)]
    return not {_FRAME_HEADER, _FRAME}.isdisjoint(kinds) and _OF_A_PICTURE.issuperset(kinds)


def frame_size(sample: bytes) -> tuple[int, int] | None:
    """Greatest width and height as the first sequence header tells them; None without one (5.5.1).

    Raises:
        ScrubCheckFailed: It holds timing, which a picture has no use for.
    """
    payload = next((payload for kind, payload in _units(sample) if kind == _SEQUENCE_HEADER), None)
    if payload is None:
        return None
    bits = _Bits(payload)
    bits.take(4)  # seq_profile, still_picture
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        if bits.take(2):  # timing_info_present_flag, initial_display_delay_present_flag
            raise ScrubCheckFailed
        for _ in range(bits.take(5) + 1):
            bits.take(12)  # operating_point_idc
            if bits.take(5) > 7:  # seq_level_idx
                bits.take(1)  # seq_tier
    lengths = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(lengths[0]) + 1, bits.take(lengths[1]) + 1


class _Bits:
    """Reads from the most significant bit on; it holds the place."""

    def __init__(self, payload: bytes) -> None:
        # The header's part that is read is no longer than that.
        self._left = 8 * min(len(payload), 256)
        self._value = int.from_bytes(payload[:256], "big")

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ScrubCheckFailed
        return self._value >> self._left & (1 << count) - 1


def _units(sample: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, payload) of every unit; each has a size and no extension.

    Raises:
        ScrubCheckFailed: They do not fill the sample.
    """
    at = 0
    while at < len(sample):
        header = sample[at]
        if header & 0x87 != 0x02:  # forbidden bit, extension, size present, reserved bit
            raise ScrubCheckFailed
        size, at = _leb128(sample, at + 1)
        if at + size > len(sample):
            raise ScrubCheckFailed
        yield header >> 3, sample[at : at + size]
        at += size


def _leb128(sample: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_LEB128_BYTES):
        byte = sample[at + index]
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, at + index + 1
    raise ScrubCheckFailed
