from __future__ import annotations

import struct

import numpy as np
import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import metadata
from anonymizer.image.codec import webp
from anonymizer.image.codec.webp import chunks as webp_chunks
from anonymizer.image.codec.webp.chunks import Part
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Frame, Picture
from tests.image.codec.samples import MARKER, encoded, photo, riff_chunk, saved, webp_of

ALPHA = photo()[..., 0]
P3 = PROFILES["display-p3"]
ANIMATED, WITH_PROFILE = 0x02, 0x20


def film(count: int = 3, *, lossless: bool = True, profile: str | None = None) -> bytes:
    """As we write it."""
    frames = tuple(Frame(np.roll(photo(), number, 0), np.roll(ALPHA, number, 1)) for number in range(count))
    animation = Animation((10.0,) * count, 2)
    kinds = webp.Kinds((lossless,) * count)
    return webp.encode(Picture("webp", frames, profile=profile, animation=animation, encoder=kinds)).data


def part(*, lossless: bool = True) -> Part:
    return webp_chunks.read(saved(np.dstack((photo(), ALPHA)), "webp", lossless=lossless)).parts[0]


def canvas(flags: int) -> bytes:
    return riff_chunk(b"VP8X", struct.pack("<I", flags) + b"\x3f\0\0\x2f\0\0")


def frame(header: bytes, *chunks: bytes) -> bytes:
    return riff_chunk(b"ANMF", header + b"".join(chunks))


def refuses(data: bytes, count: int = 1) -> bool:
    try:
        metadata.check(data, "webp", 64, 48, count)
    except ScrubCheckFailed:
        return True
    return False


@pytest.mark.parametrize("profile", [None, "display-p3"])
@pytest.mark.parametrize("lossless", [False, True])
def test_what_we_write_passes(lossless: bool, profile: str | None) -> None:
    data = film(3, lossless=lossless, profile=profile)
    assert not refuses(data, 3)
    assert refuses(data, 2)
    assert refuses(data, 4)
    assert metadata.inventory(data, "webp") == ()


def test_no_bit_of_the_structure_can_be_another() -> None:
    data = film()
    frame_at = data.index(b"ANMF")
    loop = range(frame_at - 2, frame_at)
    header = frame_at + 8
    duration = range(header + 12, header + 15)
    for at in range(header + 16 + 8 + 5):
        for bit in range(8):
            other = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            # Any one of the frames can have alpha for the canvas to have it.
            alpha_of_one = at == header + 28 and bit == 4
            if at not in loop and at not in duration and not alpha_of_one:
                assert refuses(other, 3), (at, bit)


def _dirty() -> dict[str, tuple[bytes, int]]:
    lossless, lossy = part(), part(lossless=False)
    coded = b"".join(riff_chunk(*item) for item in lossless.chunks)
    lossy_chunks = [riff_chunk(*item) for item in lossy.chunks]
    plain = riff_chunk(*lossy.chunks[1])
    header = bytes(6) + b"\x3f\0\0\x2f\0\0" + bytes(3) + b"\x02"
    anim, ours = riff_chunk(b"ANIM", bytes(6)), frame(header, coded)
    alpha_byte = lossy.chunks[0][1]
    profile = riff_chunk(b"ICCP", P3)
    return {
        "fine": (webp_of(canvas(0x12), anim, ours, ours), 2),
        "fine lossy": (webp_of(canvas(0x12), anim, frame(header, *lossy_chunks), ours), 2),
        "fine profile": (webp_of(canvas(0x30), profile, coded), 1),
        "background": (webp_of(canvas(0x12), riff_chunk(b"ANIM", b"\1" + bytes(5)), ours, ours), 2),
        "longer loop": (webp_of(canvas(0x12), riff_chunk(b"ANIM", bytes(8)), ours, ours), 2),
        "no loop": (webp_of(canvas(0x12), ours, ours), 2),
        "film of one": (webp_of(canvas(0x12), anim, ours), 1),
        "blended": (webp_of(canvas(0x12), anim, ours, frame(header[:-1] + b"\0", coded)), 2),
        "disposed": (webp_of(canvas(0x12), anim, ours, frame(header[:-1] + b"\3", coded)), 2),
        "moved out": (webp_of(canvas(0x12), anim, ours, frame(b"\1" + header[1:], coded)), 2),
        "still behind the film": (webp_of(canvas(0x12), anim, ours, ours, coded), 2),
        "alpha not announced": (webp_of(canvas(0x02), anim, ours, ours), 2),
        "alpha announced": (webp_of(canvas(0x12), anim, frame(header, plain), frame(header, plain)), 2),
        "chunk in a frame": (webp_of(canvas(0x12), anim, ours, frame(header, coded, riff_chunk(b"SECR", MARKER))), 2),
        "bytes in a frame": (webp_of(canvas(0x12), anim, ours, frame(header, coded, MARKER[:4])), 2),
        "two pictures in a frame": (webp_of(canvas(0x12), anim, ours, frame(header, coded, coded)), 2),
        "empty frame": (webp_of(canvas(0x12), anim, ours, frame(header)), 2),
        "chunk between frames": (webp_of(canvas(0x12), anim, ours, riff_chunk(b"SECR", MARKER), ours), 2),
        "another profile": (webp_of(canvas(0x30), riff_chunk(b"ICCP", P3[:-1] + b"x"), coded), 1),
        "longer profile": (webp_of(canvas(0x30), riff_chunk(b"ICCP", P3 + b"\0\0"), coded), 1),
        "profile twice": (webp_of(canvas(0x30), profile, profile, coded), 1),
        "profile behind": (webp_of(canvas(0x30), coded, profile), 1),
        "profile without header": (webp_of(profile, coded), 1),
        "profile not announced": (webp_of(canvas(0x10), profile, coded), 1),
        "header without need": (webp_of(canvas(0x10), coded), 1),
        "header alone": (webp_of(canvas(0x10)), 1),
        "reserved bits of alpha": (
            webp_of(canvas(0x10), riff_chunk(b"ALPH", bytes([alpha_byte[0] | 0x40]) + alpha_byte[1:]), plain),
            1,
        ),
        "raw alpha that is too long": (webp_of(canvas(0x10), riff_chunk(b"ALPH", bytes(64 * 48 + 3)), plain), 1),
        "a frame that is not shown": (
            webp_of(riff_chunk(b"VP8 ", bytes([lossy.chunks[1][1][0] & 0xEF]) + lossy.chunks[1][1][1:])),
            1,
        ),
    }


@pytest.mark.parametrize("kind", _dirty())
def test_only_what_we_write_passes(kind: str) -> None:
    data, count = _dirty()[kind]
    assert refuses(data, count) == (not kind.startswith("fine"))


def test_names_of_what_a_source_carries() -> None:
    still = encoded("webp")[12:]
    header = bytes(6) + b"\x3f\0\0\x2f\0\0" + bytes(3) + b"\x02"
    secret = frame(header, still, riff_chunk(b"SECR", MARKER))
    anim = riff_chunk(b"ANIM", bytes(6))
    padded = riff_chunk(b"SECR", MARKER + b"x")[:-1] + b"x"
    assert metadata.inventory(webp_of(canvas(ANIMATED), anim, secret, secret), "webp") == ("chunk.other",)
    assert metadata.inventory(webp_of(canvas(ANIMATED), anim, frame(header, still)), "webp") == ("animation",)
    assert metadata.inventory(webp_of(still, anim), "webp") == ("animation",)
    assert metadata.inventory(webp_of(still, padded), "webp") == ("chunk.other", "gap")
    assert metadata.inventory(webp_of(canvas(WITH_PROFILE), riff_chunk(b"ICCP", P3), still), "webp") == ()
    assert metadata.inventory(webp_of(riff_chunk(b"VP8X", b""), anim, frame(header), frame(header)), "webp") == (
        "unreadable",
    )
