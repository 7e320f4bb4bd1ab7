from __future__ import annotations

import struct

import numpy as np
import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from anonymizer.image.codec import gif
from anonymizer.image.codec.gif import blocks as gif_blocks
from anonymizer.image.codec.gif.blocks import Block, Control, Stream
from anonymizer.records import Animation, Frame, Picture
from tests.image.codec.samples import CONFIG, MARKER, photo

SCREEN_BYTES = 19
TRAILER = b";"


def pictures(count: int = 1, loop: int | None = None) -> Picture:
    frames = [Frame((photo() // (50 + number) * 50).astype(np.uint8)) for number in range(count)]
    return Picture("gif", tuple(frames), animation=Animation((50.0,) * count, loop))


def encoded(count: int = 1, loop: int | None = None) -> bytes:
    return gif.encode(pictures(count, loop)).data


def extension(label: int, *payloads: bytes) -> bytes:
    blocks = b"".join(bytes([len(payload)]) + payload for payload in payloads)
    return b"!" + bytes([label]) + blocks + b"\0"


def planted(block: bytes, count: int = 1) -> bytes:
    """A file with a block more, right behind its screen."""
    data = encoded(count)
    return data[:SCREEN_BYTES] + block + data[SCREEN_BYTES:]


def xmp() -> bytes:
    """A packet without sub-blocks, and the bytes that lead a reader out of it (XMP specification, part 3)."""
    packet = b"<x:xmpmeta exif:GPSLatitude='1' GImage:Data='" + MARKER + b"'/>"
    return b"!\xff\x0bXMP DataXMP" + packet + b"\x01" + bytes(range(255, -1, -1)) + b"\0"


PLANTED: dict[str, tuple[bytes, set[str]]] = {
    "comment": (planted(extension(0xFE, MARKER)), {"comment"}),
    "comment behind the frames": (encoded()[:-1] + extension(0xFE, MARKER) + TRAILER, {"comment"}),
    "XMP": (planted(xmp()), {"xmp", "xmp.gimage", "xmp.gps"}),
    "ICC": (planted(extension(0xFF, b"ICCRGBG1012", MARKER)), {"icc"}),
    "C2PA": (planted(extension(0xFF, b"C2PA_GIF\1\0\0", MARKER)), {"c2pa"}),
    "application": (planted(extension(0xFF, b"ImageMagick", b"gamma=", MARKER)), {"gif.application"}),
    "plain text": (planted(extension(0x01, bytes(12), MARKER)), {"gif.text"}),
    "unknown extension": (planted(extension(0x42, MARKER)), {"chunk.other"}),
    "loop of a still": (planted(extension(0xFF, b"NETSCAPE2.0", b"\1\0\0")), {"animation"}),
    "trailer": (encoded() + MARKER, {"trailer"}),
    "empty block": (planted(b"\0"), {"gap"}),
}
TABLE = pytest.mark.parametrize("dirt", PLANTED)


def refuses(data: bytes, count: int = 1, width: int = 64, height: int = 48) -> bool:
    try:
        metadata.check(data, "gif", width, height, count)
    except ScrubCheckFailed:
        return True
    return False


@TABLE
def test_what_it_carries_is_seen(dirt: str) -> None:
    data, names = PLANTED[dirt]
    assert set(metadata.inventory(data, "gif")) == names
    assert names <= set(metadata.NAMES)
    assert refuses(data)


@TABLE
def test_what_we_write_is_clean(dirt: str) -> None:
    data, _ = PLANTED[dirt]
    output = gif.encode(gif.decode(data, CONFIG)).data
    assert MARKER not in output
    assert output == encoded()
    assert metadata.inventory(output, "gif") == ()
    assert not refuses(output)


@pytest.mark.parametrize(("count", "loop"), [(1, None), (2, None), (3, 0), (3, 7)])
def test_what_we_write_passes(count: int, loop: int | None) -> None:
    data = encoded(count, loop)
    assert not refuses(data, count)
    assert metadata.inventory(data, "gif") == ()
    assert refuses(data, count + 1)
    assert refuses(data, max(0, count - 1))
    assert refuses(data, count, width=63)


@pytest.mark.parametrize("count", [1, 3])
def test_no_bit_of_the_structure_can_be_another(count: int) -> None:
    """Every bit in front of the first image, but the loop's and the delay's number, and every one of the trailer."""
    data = encoded(count, 5 if count > 1 else None)
    free = range(SCREEN_BYTES + 16, SCREEN_BYTES + 18) if count > 1 else range(0)
    control = SCREEN_BYTES + (19 if count > 1 else 0)
    delay = range(control + 4, control + 6) if count > 1 else range(0)
    for at in [*range(control + 18), len(data) - 2, len(data) - 1]:
        if at in free or at in delay:
            continue
        for bit in range(8):
            other = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            # Disposals 0 to 3 are all ours.
            if not (count > 1 and at == control + 3 and bit in (2, 3)):
                assert refuses(other, count), (at, bit)


@pytest.mark.parametrize("cut", [0, 5, 18, 30, 60, -1])
def test_a_file_that_ends_early_is_refused_and_says_so(cut: int) -> None:
    assert refuses(encoded()[:cut])
    assert "unreadable" in metadata.inventory(encoded()[:cut], "gif")


def _with(block: Block) -> bytes:
    return gif_blocks.write(Stream(4, 4, None, [block]))


def _images() -> dict[str, bytes]:
    colors = np.array([[9, 9, 9], [5, 5, 5], [1, 1, 1], [0, 0, 0]], np.uint8)
    indices = np.array([[0, 1, 2, 1]] * 4, np.uint8)
    packed = gif_blocks.packed(indices)
    size = packed[1]

    def image(palette: np.ndarray = colors[:3], data: bytes = packed, transparent: int | None = None) -> bytes:
        return _with(Block(0, 0, 4, 4, Control(0, 0, transparent), palette.astype(np.uint8), data))

    return {
        "fine": image(),
        "spare index": image(transparent=3),
        "transparent index that is a colour": image(transparent=1),
        "transparent index too far": image(np.concatenate((colors, colors * 0)), transparent=5),
        "unused entry": image(np.array([[9, 9, 9], [5, 5, 5], [1, 1, 1], [0, 0, 1]])),
        "ascending colours": image(colors[2::-1]),
        "colour twice": image(colors[[0, 1, 1]]),
        "table too large": image(np.concatenate((colors, colors * 0))),
        "table too small": image(colors[:2]),
        "bits behind the end": image(data=packed[:-2] + bytes([packed[-2] | 0x80]) + b"\0"),
        "bytes behind the end": image(data=bytes([8, size + 4]) + packed[2:-1] + b"text\0"),
        "a further sub-block": image(data=packed[:-1] + b"\4text\0"),
        "no end": image(data=bytes([8, size - 1]) + packed[2:-2] + b"\0"),
        "no pixels": image(data=b"\x08\0"),
        "more pixels": image(data=gif_blocks.packed(np.concatenate((indices, indices)))),
        "fewer pixels": image(data=gif_blocks.packed(indices[:3])),
        "other code size": image(data=b"\x07" + packed[1:]),
        "interlaced": image().replace(struct.pack("<BHHHHB", 0x2C, 0, 0, 4, 4, 0x81), b",\0\0\0\0\4\0\4\0\xc1"),
        "global palette used": image().replace(struct.pack("<BHHHHB", 0x2C, 0, 0, 4, 4, 0x81), b",\0\0\0\0\4\0\4\0\1"),
        "beyond the canvas": _with(Block(1, 0, 4, 4, Control(), colors[:3], packed)),
        "delay of a still": _with(Block(0, 0, 4, 4, Control(4), colors[:3], packed)),
        "disposal of a still": _with(Block(0, 0, 4, 4, Control(0, 2), colors[:3], packed)),
        "two frames": gif_blocks.write(Stream(4, 4, None, [Block(0, 0, 4, 4, Control(), colors[:3], packed)] * 2)),
    }


@pytest.mark.parametrize("kind", _images())
def test_images_are_looked_into(kind: str) -> None:
    assert refuses(_images()[kind], 1, 4, 4) == (kind not in ("fine", "spare index"))


def test_many_parts_are_not_walked_without_end() -> None:
    assert "unreadable" in metadata.inventory(planted(b"\0" * 5_000_000), "gif")
