"""A face that hardly shows as the samples are, and that "auto levels" brings out: found by the real detector, and gone.

Another detector looks at what was published, stretched from its least to its greatest sample.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from itertools import product
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from anonymizer import AnonymizedImage, Anonymizer
from anonymizer.records import Pixels

Samples = NDArray[Any]


def _face() -> Samples:
    """(256, 256, 3) shares of light as sRGB has them, with one face."""
    return np.asarray(data.astronaut()[:256, 96:352] / 255)


def _gray(shares: Samples) -> Samples:
    return np.asarray(shares @ np.array([0.299, 0.587, 0.114]))


def _linear(shares: Samples) -> Samples:
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def _of_bits(shares: Samples, bits: int) -> Samples:
    """Samples of 16 bit that use only the lowest of them."""
    return np.asarray(np.rint(shares * (2**bits - 1)).astype(np.uint16))


def _file(samples: Samples, kind: str, *wishes: int) -> bytes:
    """RGB or gray, with alpha or without."""
    if samples.ndim == 3:
        samples = samples[..., [2, 1, 0, 3][: samples.shape[2]]]
    done, encoded = cv2.imencode(f".{kind}", np.ascontiguousarray(samples), list(wishes))
    assert done
    return encoded.tobytes()


def _read(file: bytes) -> Samples:
    decoded = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded if decoded.ndim == 2 else decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]


def _stretched(samples: Samples, exponent: float = 1.0) -> Pixels:
    light = samples.astype(np.float64)
    low, high = np.percentile(light, (0.5, 99.5))
    shares = np.clip((light - low) / (high - low), 0, 1) ** exponent
    return np.asarray(np.rint(255 * shares).astype(np.uint8))


def _middle(image: AnonymizedImage) -> tuple[int, int]:
    """Row and column in the middle of the only redacted face, which has to lie where the face is."""
    assert image.status == "anonymized"
    (face,) = [one for one in image.faces if one.w * one.h > 2500]
    row, column = int(face.y + face.h / 2), int(face.x + face.w / 2)
    assert abs(row - 140) < 40
    assert abs(column - 130) < 40
    return row, column


#: 24 pictures, bits 8 to 16.
KINDS = [
    (8 + number % 9, *layout)
    for number, (*layout, _) in enumerate(product(("gray", "rgb"), ("png", "tiff"), ("gamma", "linear"), range(3)))
]


@pytest.mark.parametrize(("bits", "colour", "kind", "light"), KINDS)
def test_few_bits_in_samples_of_sixteen(
    bits: int, colour: str, kind: str, light: str, anonymizer: Anonymizer, haar: Callable[[Pixels], int]
) -> None:
    shares = _face() if colour == "rgb" else _gray(_face())
    samples = _of_bits(shares if light == "gamma" else _linear(shares), bits)
    exponent = 1.0 if light == "gamma" else 1 / 2.4
    assert haar(_stretched(samples, exponent)) == 1
    image = anonymizer(_file(samples, kind))
    _middle(image)
    published = _read(image.data)
    assert published.dtype == np.uint16
    assert (published.shape, image.encoding) == (samples.shape, "exact")
    assert haar(_stretched(published, exponent)) == 0
    np.testing.assert_array_equal(published[:20], samples[:20])


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_fill_is_neither_a_hole_nor_a_lamp(bits: int) -> None:
    samples = _of_bits(_face(), bits)
    image = Anonymizer({})(_png(np.dstack([samples, np.full((256, 256), 40_000, np.uint16)])))
    row, column = _middle(image)
    published = _read(image.data)[row - 5 : row + 5, column - 5 : column + 5]
    assert (published[..., 3] == 65535).all()
    assert 0.25 < float(published[..., :3].mean()) / 2**bits < 0.9


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def test_significant_bits_in_the_upper_and_in_the_lower_ones(anonymizer: Anonymizer) -> None:
    """PNG's sBIT says how many there are. Writers that know it shift them up, the others are read as they are."""
    for samples in (_of_bits(_face(), 10), _of_bits(_face(), 10) << 6):
        plain = _file(samples, "png")
        _middle(anonymizer(plain[:33] + _chunk(b"sBIT", b"\x0a\x0a\x0a") + plain[33:]))


def _as_tiff(samples: Samples, photometric: int) -> bytes:
    """One strip of gray of 16 bit."""
    height, width = samples.shape
    tags = [
        (256, width), (257, height), (258, 16), (259, 1), (262, photometric), (273, 8), (277, 1), (278, height),
        (279, samples.nbytes),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    pixels = samples.astype("<u2").tobytes()
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    return b"".join((head, pixels, struct.pack("<H", len(tags)), entries, bytes(4)))


def _cmyk(shares: Samples) -> Samples:
    """White paper all over, but for a hint of ink."""
    return np.dstack([np.rint(20 * (1 - shares)), np.zeros(shares.shape[:2])]).astype(np.uint8)


def _saved(image: Image.Image, format_name: str, **settings: Any) -> bytes:
    output = BytesIO()
    image.save(output, format_name, **settings)
    return output.getvalue()


def _with_lamp(samples: Samples, white: int) -> Samples:
    lit = samples.copy()
    lit[:50, :60] = white
    return lit


def _tinted(gain: float) -> Samples:
    return np.asarray(np.rint(_face() * np.array([gain, gain / 4, gain / 8])).astype(np.uint8))


def _png(samples: Samples) -> bytes:
    return _file(samples, "png")


def _eight(shares: Samples, low: float, high: float) -> Samples:
    return np.rint(low + shares * (high - low)).astype(np.uint8)


CASES: dict[str, Callable[[], bytes]] = {
    "very dark": lambda: _png(_eight(_face(), 0, 9)),
    "very bright": lambda: _png(_eight(_face(), 245, 255)),
    "fog": lambda: _png(_eight(_face(), 120, 132)),
    "dark and red": lambda: _png(_tinted(14)),
    "dark, jpeg": lambda: _saved(Image.fromarray(_eight(_face(), 0, 20)), "JPEG", quality=97),
    "dark, webp": lambda: _saved(Image.fromarray(_eight(_face(), 0, 12)), "WEBP", lossless=True),
    "dark, palette": lambda: _saved(Image.fromarray(_eight(_gray(_face()), 0, 15)).convert("P"), "PNG"),
    "dark with a lamp": lambda: _png(_with_lamp(_eight(_face(), 0, 12), 255)),
    "glaring with a black corner": lambda: _png(_with_lamp(_eight(_face(), 243, 255), 0)),
    "ten bits with a lamp": lambda: _png(_with_lamp(_of_bits(_face(), 10), 65535)),
    "linear light with a lamp": lambda: _png(_with_lamp(_of_bits(_linear(_face()), 12), 65535)),
    "eight bits in sixteen, gray with alpha": lambda: _png(
        np.dstack([_of_bits(_gray(_face()), 8)] * 3 + [np.full((256, 256), 65535, np.uint16)])
    ),
    "a light face on what is invisible": lambda: _png(
        np.dstack([_eight(_face(), 225, 240), 255 * (np.indices((256, 256))[1] > 40).astype(np.uint8)])
    ),
    "hardly there in alpha": lambda: _png(
        np.dstack([np.full((256, 256, 3), 90, np.uint8), _eight(_gray(_face()), 246, 255)])
    ),
    "hardly any ink": lambda: _saved(Image.fromarray(_cmyk(_face()), "CMYK"), "TIFF"),
    "ten bits, white is zero": lambda: _as_tiff(65535 - _of_bits(_gray(_face()), 10), 0),
    "ten bits, said to be white is zero": lambda: _as_tiff(_of_bits(_gray(_face()), 10), 0),
    "dark, avif of ten bits": lambda: _file(_of_bits(_face(), 7), "avif", cv2.IMWRITE_AVIF_DEPTH, 10),
    "ten bits in sixteen, jpeg 2000": lambda: _file(_of_bits(_face(), 10), "jp2"),
    "negative, gray": lambda: _png(_eight(1 - _gray(_face()), 0, 255)),
    "negative of ten bits": lambda: _png(_of_bits(1 - _gray(_face()), 10)),
    "negative with an orange mask": lambda: _png(
        np.rint((1 - _face()) * np.array([210, 120, 70]) + np.array([30, 20, 10])).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_auto_levels_brings_out(case: str, anonymizer: Anonymizer) -> None:
    file = CASES[case]()
    image = anonymizer(file)
    _middle(image)
    # Nobody is found in it any more, by the detector that found somebody before.
    again = anonymizer(image.data)
    assert not [one for one in again.faces if one.w * one.h > 2500 and one.score > 0.5]


def test_a_dark_frame_of_an_animation(anonymizer: Anonymizer) -> None:
    dark = Image.fromarray(_eight(_face(), 0, 10))
    empty = [Image.fromarray(np.full((256, 256, 3), level, np.uint8)) for level in (40, 90)]
    image = anonymizer(_saved(empty[0], "PNG", save_all=True, append_images=[dark, empty[1]], duration=100))
    assert {face.frame for face in image.faces} == {1}


def test_what_shows_nobody_stays_bit_for_bit(anonymizer: Anonymizer) -> None:
    wall = data.brick()[:256, :256] / 255
    for samples in (_of_bits(wall, 10), _eight(wall, 0, 14), _eight(wall, 240, 255), _of_bits(wall, 10) + 30_000):
        image = anonymizer(_png(samples))
        assert (image.status, image.encoding) == ("no_face", "exact")
        np.testing.assert_array_equal(_read(image.data), samples)
