"""Headers of a JPEG XL codestream: of the picture and of its frames (ISO/IEC 18181-1, annexes D to F), by own code.

What a picture of ours never has is not read but refused: names, extensions, crops, frames that are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.metadata.jxl.bits import Bits

_SIDE = ((1, 9), (1, 13), (1, 18), (1, 30))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_NAME = ((0, 0), (0, 4), (16, 5), (48, 10))
_CUSTOM = ((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
_TICKS, _UNDER = ((100, 0), (1000, 0), (1, 10), (1, 30)), ((1, 0), (1001, 0), (1, 8), (1, 10))
_LOOP = ((0, 0), (0, 3), (0, 16), (0, 32))
_SECTION = ((0, 10), (1_024, 14), (17_408, 22), (4_211_712, 30))
_DURATION = ((0, 0), (1, 0), (0, 8), (0, 32))
_SHIFTED = ((1, 0), (2, 0), (4, 0), (8, 0))

_ALPHA, _GRAY, _XYB, _MODULAR = 0, 1, 2, 1
_SPOT, _CFA = 2, 5
_CODING_FLAGS = 0x80
"""Of a frame: that DC is not smoothed. Noise, patches, splines and a frame of DC are never ours."""
_GROUP = 256


@dataclass(slots=True)
class Header:
    """What the picture's header says.

    Attributes:
        width: As stored.
        height: As stored.
        orientation: EXIF's numbers.
        intrinsic: Another size at which it shall be shown is given.
        preview: There is one.
        moving: It is an animation.
        timecodes: Its frames have times of the clock.
        depth: Bits of a sample; 0 = float.
        channels: Types of the channels beside the colours.
        named: One of these has a name.
        plain_alpha: The channels are nothing but alpha of the picture's own depth, straight.
        xyb: Colours are coded in the space that is made for loss.
        profile: An ICC profile follows.
        colors: What the colours are, as the numbers that stand there; without a profile.
        plain: No tone mapping, extension or transform of its own.
    """

    width: int = 0
    height: int = 0
    orientation: int = 1
    intrinsic: bool = False
    preview: bool = False
    moving: bool = False
    timecodes: bool = False
    depth: int = 8
    channels: tuple[int, ...] = ()
    named: bool = False
    plain_alpha: bool = True
    xyb: bool = True
    profile: bool = False
    colors: tuple[int, ...] = ()
    plain: bool = True


def read_header(bits: Bits) -> Header:
    """Reads the header behind the signature, up to an ICC profile or the first frame.

    Raises:
        ValueError: It is cut short.
    """
    header = Header()
    header.width, header.height = _size(bits)
    if not bits.flag():
        _image_metadata(bits, header)
    header.plain = bits.flag() and header.plain
    return header


def _image_metadata(bits: Bits, header: Header) -> None:
    more = bits.flag()
    if more:
        header.orientation = 1 + bits.read(3)
        header.intrinsic = bits.flag()
        if header.intrinsic:
            _size(bits)
        header.preview = bits.flag()
        if header.preview:
            _preview(bits)
        header.moving = bits.flag()
        if header.moving:
            bits.choice(*_TICKS)
            bits.choice(*_UNDER)
            bits.choice(*_LOOP)
            header.timecodes = bits.flag()
    header.depth = _depth(bits)
    bits.flag()  # Buffers of 16 bit are wide enough.
    count = bits.choice((0, 0), (1, 0), (2, 4), (1, 12))
    header.channels = tuple(_channel(bits, header) for _ in range(count))
    header.xyb = bits.flag()
    header.profile, header.colors = _colors(bits)
    tones = not more or bits.flag()
    # What follows in another case is not read: nobody needs it who refuses the file.
    header.plain = tones and bits.wide() == 0


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.flag()
    height = 8 * (1 + bits.read(5)) if small else bits.choice(*_SIDE)
    ratio = bits.read(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height * over // under, height
    return 8 * (1 + bits.read(5)) if small else bits.choice(*_SIDE), height


def _preview(bits: Bits) -> None:
    by_eight = bits.flag()
    side = ((16, 0), (32, 0), (1, 5), (33, 9)) if by_eight else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choice(*side)
    if not bits.read(3):
        bits.choice(*side)


def _depth(bits: Bits) -> int:
    if not bits.flag():
        return bits.choice((8, 0), (10, 0), (12, 0), (1, 6))
    bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
    bits.read(4)
    return 0


def _channel(bits: Bits, header: Header) -> int:
    if bits.flag():
        header.plain_alpha = header.plain_alpha and header.depth == 8
        return _ALPHA
    kind, depth, shift = bits.enum(), _depth(bits), bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    name = bits.choice(*_NAME)
    bits.read(8 * name)
    header.named = header.named or name > 0
    premultiplied = kind == _ALPHA and bits.flag()
    if kind == _SPOT:
        bits.read(4 * 16)
    elif kind == _CFA:
        bits.choice((1, 0), (0, 2), (3, 4), (19, 8))
    plain = kind == _ALPHA and depth == header.depth and not shift and not premultiplied
    header.plain_alpha = header.plain_alpha and plain
    return kind


def _colors(bits: Bits) -> tuple[bool, tuple[int, ...]]:
    """Whether a profile follows, and else: kind, white point, primaries, curve, rendering intent."""
    if bits.flag():
        return False, ()
    profile, kind = bits.flag(), bits.enum()
    if profile:
        return True, (kind,)
    numbers = [kind]
    if kind != _XYB:
        numbers += _point(bits, 1)
        if kind != _GRAY:
            numbers += _point(bits, 3)
        gamma = bits.flag()
        numbers += (int(gamma), bits.read(24) if gamma else bits.enum())
    return False, (*numbers, bits.enum())


def _point(bits: Bits, count: int) -> list[int]:
    """A white point or primaries: a number, and of the custom ones the coordinates."""
    kind = bits.enum()
    return [kind, *((bits.choice(*_CUSTOM) for _ in range(2 * count)) if kind == 2 else ())]


def pass_frame(bits: Bits, header: Header) -> bool:
    """Passes over a frame as we write it: shown, whole, without a name, its parts in their order.

    Returns:
        Whether it is the last one.

    Raises:
        ScrubCheckFailed: It is another one.
        ValueError: It is cut short.
    """
    last, group = _frame_header(bits, header)
    groups, coarse = (_parts(header.width, side) * _parts(header.height, side) for side in (group, 8 * group))
    sections = 2 + groups + coarse if groups > 1 else 1
    _demand(not bits.flag())  # In their order.
    _demand(bits.pad())
    sizes = [bits.choice(*_SECTION) for _ in range(sections)]
    _demand(bits.pad())
    bits.skip(sum(sizes))
    return last


def _parts(whole: int, part: int) -> int:
    return -(-whole // part)


def _frame_header(bits: Bits, header: Header) -> tuple[bool, int]:
    """Whether it is the last frame, and the side of a group; there is one pass."""
    if bits.flag():
        _demand(header.xyb and not header.moving and not header.channels)
        return True, _GROUP
    kind, coding = bits.read(2), bits.read(1)
    _demand(kind == 0 and not bits.wide() & ~_CODING_FLAGS)
    if not header.xyb and bits.flag():
        bits.read(3 * 2)  # How the components of a JPEG are subsampled.
    for _ in range(1 + len(header.channels)):
        _demand(bits.choice(*_SHIFTED) == 1)
    group = _GROUP
    if coding == _MODULAR:
        group = 128 << bits.read(2)
    elif header.xyb:
        bits.read(3 + 3)  # Steps of two channels.
    _demand(bits.choice((1, 0), (2, 0), (3, 0), (4, 3)) == 1)  # Passes.
    _demand(not bits.flag())  # Its size is the picture's.
    for _ in range(1 + len(header.channels)):
        _demand(bits.choice((0, 0), (1, 0), (2, 0), (3, 2)) == 0)  # It takes the place of what was before.
    duration = bits.choice(*_DURATION) if header.moving else 0
    last = bits.flag()
    if not last:
        reference = bits.read(2)
        if not duration or reference:
            bits.flag()  # Whether it is kept for later frames before its colours are made.
    _demand(bits.choice(*_NAME) == 0)
    _demand_plain_filters(bits, coding)
    _demand(bits.wide() == 0)
    return last, group


def _demand_plain_filters(bits: Bits, coding: int) -> None:
    """Smoothing of the decoder, without weights of its own."""
    if bits.flag():
        return
    _demand(not (bits.flag() and bits.flag()))
    if bits.read(2):
        _demand(coding != _MODULAR and not bits.flag() and not bits.flag() and not bits.flag())
    _demand(bits.wide() == 0)


def _demand(right: bool) -> None:
    if not right:
        raise ScrubCheckFailed
