"""What an AV1 bitstream itself says about its colours (AV1 Bitstream & Decoding Process Specification, 5.5)."""

from __future__ import annotations

_SEQUENCE_HEADER = 1
_MAX_BYTES = 512


def code_points(stream: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer (ITU-T H.273) of the first sequence header.

    Args:
        stream: Units of a bitstream; the end may be missing.

    Returns:
        None where nothing is said, or no header is among the first bytes.
    """
    try:
        payload = _first(stream[:_MAX_BYTES])
        return None if payload is None else _points(_Bits(payload))
    except (IndexError, ValueError):
        return None


class _Bits:
    """Reads from the most significant bit on; it holds the place."""

    def __init__(self, payload: bytes) -> None:
        self._left = 8 * len(payload)
        self._value = int.from_bytes(payload, "big")

    def take(self, count: int = 1) -> int:
        """The next bits as a number.

        Raises:
            ValueError: There are not so many.
        """
        self._left -= count
        return self._value >> self._left & (1 << count) - 1


def _first(stream: bytes) -> bytes | None:
    """Payload of the first sequence header, as far as it is there (5.3)."""
    at = 0
    while at < len(stream):
        head, size = stream[at], len(stream)
        at += 2 if head & 4 else 1
        if head & 2:
            size, shift = 0, 0
            while True:
                size |= (stream[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not stream[at - 1] & 0x80:
                    break
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            return stream[at : at + size]
        at += size
    return None


def _points(bits: _Bits) -> tuple[int, int] | None:
    profile = bits.take(3)
    bits.take()  # still_picture
    reduced = bits.take()
    if reduced:
        bits.take(5)
    else:
        _pass_operating_points(bits)
    sides = bits.take(4) + 1, bits.take(4) + 1
    bits.take(sum(sides))
    if not reduced and bits.take():  # frame_id_numbers_present_flag
        bits.take(7)
    bits.take(3)
    if not reduced:
        _pass_tools(bits)
    bits.take(3)
    if bits.take() and profile == 2:  # high_bitdepth
        bits.take()
    if profile != 1:
        bits.take()  # mono_chrome
    return (bits.take(8), bits.take(8)) if bits.take() else None  # color_description_present_flag


def _pass_operating_points(bits: _Bits) -> None:
    delay = 0
    if bits.take():  # timing_info_present_flag
        bits.take(64)
        if bits.take():  # equal_picture_interval, and a number in front of which stand as many zeros as it has bits
            zeros = 0
            while not bits.take():
                zeros += 1
            bits.take(zeros)
        if bits.take():  # decoder_model_info_present_flag
            delay = bits.take(5) + 1
            bits.take(42)
    shown_late = bits.take()  # initial_display_delay_present_flag
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take()
        if delay and bits.take():
            bits.take(2 * delay + 1)
        if shown_late and bits.take():
            bits.take(4)


def _pass_tools(bits: _Bits) -> None:
    bits.take(4)
    ordered = bits.take()  # enable_order_hint
    if ordered:
        bits.take(2)
    # seq_choose_screen_content_tools, seq_force_screen_content_tools, seq_choose_integer_mv
    if (bits.take() or bits.take()) and not bits.take():
        bits.take()
    if ordered:
        bits.take(3)
