"""The blocks of a GIF file (GIF89a specification, CompuServe 1990), read from a source and written afresh."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from anonymizer.errors import DecodeError, ImageTooLarge
from anonymizer.records import Pixels

# Each frame costs time, however small: no film that people made has as many.
_MAX_FRAMES = 10_000
_MAX_STEPS = 4_000_000

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_INTERLACED, _LOCAL_PALETTE, _GLOBAL_PALETTE = 0x40, 0x80, 0x80

# Every frame has a palette of its own. This one is for readers that look for a background: two black entries.
_SCREEN = struct.pack("<BBB6x", 0xF0, 0, 0)
_CODE_BITS = 8
_GRAY_RAMP = bytes(level for level in range(256) for _ in range(3))


@dataclass(frozen=True, slots=True)
class Control:
    """What a graphic control extension says about the image behind it (section 23).

    Attributes:
        delay_cs: Hundredths of a second until the next frame.
        disposal: 0 or 1 = leave, 2 = clear, 3 = back to what was before.
        transparent: Index that leaves the pixel as it was.
    """

    delay_cs: int = 0
    disposal: int = 0
    transparent: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One image with its place on the canvas.

    Attributes:
        palette: (N, 3) RGB that its indices mean; None = the file has none for it.
        packed: LZW code size and sub-blocks, terminator included.
    """

    left: int
    top: int
    width: int
    height: int
    control: Control
    palette: Pixels | None
    packed: bytes
    interlaced: bool = False


@dataclass(slots=True)
class Stream:
    """A whole file; `loop` is the number in its looping extension, None if there is none."""

    width: int
    height: int
    loop: int | None = None
    blocks: list[Block] = field(default_factory=list)


class _Cursor:
    """A place in the file, and how much further walking is allowed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.steps = 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise DecodeError
        self.at += size
        return piece

    def chain(self) -> list[bytes]:
        """Payloads of the sub-blocks up to their terminator."""
        payloads = []
        while size := self.take(1)[0]:
            self.steps += 1
            if self.steps > _MAX_STEPS:
                raise DecodeError
            payloads.append(self.take(size))
        return payloads

    def palette(self, flags: int) -> Pixels:
        return np.frombuffer(self.take(3 << (flags & 7) + 1), np.uint8).reshape(-1, 3)


def read(data: bytes) -> Stream:
    """The images of a file and how they follow each other; everything else is left behind.

    Raises:
        DecodeError: The file ends before its trailer, or holds something that is no block.
        ImageTooLarge: It has more frames than are handled.
    """
    cursor = _Cursor(data)
    width, height, flags = struct.unpack("<6xHHBxx", cursor.take(13))
    common = cursor.palette(flags) if flags & _GLOBAL_PALETTE else None
    stream, control = Stream(width, height), Control()
    while (kind := cursor.take(1)[0]) != _TRAILER:
        cursor.steps += 1
        if kind == _IMAGE:
            if len(stream.blocks) >= _MAX_FRAMES:
                raise ImageTooLarge
            stream.blocks.append(_image(cursor, control, common))
            control = Control()
        elif kind == _EXTENSION:
            label = cursor.take(1)[0]
            payloads = cursor.chain()
            if label == _GRAPHIC_CONTROL and payloads:
                control = _control(payloads[0])
            elif label == _APPLICATION and _tells_loop(payloads):
                (stream.loop,) = struct.unpack_from("<H", payloads[1], 1)
        elif kind != 0 or cursor.steps > _MAX_STEPS:
            # Some writers leave an empty sub-block too many behind.
            raise DecodeError
    return stream


def unpacked(block: Block) -> Pixels:
    """(H, W) indices of an image.

    Raises:
        OSError: The data are broken or end early.
    """
    # A file of its own with a palette that changes nothing: Pillow then shows the indices as gray.
    header = struct.pack("<6sHHBBB", b"GIF89a", block.width, block.height, 0xF7, 0, 0) + _GRAY_RAMP
    place = struct.pack("<BHHHHB", _IMAGE, 0, 0, block.width, block.height, _INTERLACED if block.interlaced else 0)
    image = GifImageFile(BytesIO(b"".join((header, place, block.packed, bytes([_TRAILER])))))
    image.load()
    return np.asarray(image)


def packed(indices: Pixels) -> bytes:
    """LZW code size and sub-blocks of (H, W) indices."""
    output = BytesIO()
    Image.fromarray(indices).save(output, "GIF", optimize=False, interlace=0)
    return read(output.getvalue()).blocks[0].packed


def write(stream: Stream) -> bytes:
    """A file of these images and nothing else; each has its own palette, unused entries are 0."""
    parts = [struct.pack("<6sHH", b"GIF89a", stream.width, stream.height), _SCREEN]
    if stream.loop is not None:
        parts.append(b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, stream.loop, 0))
    for block in stream.blocks:
        parts.append(_control_bytes(block.control))
        parts.append(_image_bytes(block))
    return b"".join((*parts, bytes([_TRAILER])))


def delayed(block: Block, delay_cs: int) -> Block:
    """The same block with another delay."""
    return replace(block, control=replace(block.control, delay_cs=delay_cs))


def _image(cursor: _Cursor, control: Control, common: Pixels | None) -> Block:
    left, top, width, height, flags = struct.unpack("<HHHHB", cursor.take(9))
    palette = cursor.palette(flags) if flags & _LOCAL_PALETTE else common
    if not width or not height:
        raise DecodeError
    start = cursor.at
    if cursor.take(1)[0] > _CODE_BITS:
        raise DecodeError
    cursor.chain()
    content = cursor.data[start : cursor.at]
    return Block(left, top, width, height, control, palette, content, bool(flags & _INTERLACED))


def _control(payload: bytes) -> Control:
    flags, delay_cs, transparent = struct.unpack_from("<BHB", payload)
    # Browsers take 4 for 3, since some specifications count the bits so, and 5 to 7 for nothing.
    disposal = {2: 2, 3: 3, 4: 3, 1: 1}.get(flags >> 2 & 7, 0)
    return Control(delay_cs, disposal, transparent if flags & 1 else None)


def _tells_loop(payloads: list[bytes]) -> bool:
    return len(payloads) > 1 and payloads[0] in _LOOPING and len(payloads[1]) >= 3 and payloads[1][0] & 7 == 1


def _control_bytes(control: Control) -> bytes:
    flags = control.disposal << 2 | (control.transparent is not None)
    return b"!\xf9" + struct.pack("<BBHBB", 4, flags, control.delay_cs, control.transparent or 0, 0)


def _image_bytes(block: Block) -> bytes:
    palette = b"" if block.palette is None else block.palette.tobytes()
    bits = max(1, (len(palette) // 3 - 1).bit_length())
    place = struct.pack("<BHHHHB", _IMAGE, block.left, block.top, block.width, block.height, _LOCAL_PALETTE | bits - 1)
    return b"".join((place, palette.ljust(3 << bits, b"\0"), block.packed))
