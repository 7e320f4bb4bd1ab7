"""JPEG beyond eight bits of DCT: lossless files written here from the standard alone, 12-bit ones by TurboJPEG."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from tests.image.codec.samples import segment

Samples = NDArray[Any]

_HALF, _CATEGORIES = 0x8000, 17


def lossless(
    samples: Samples,
    bits: int,
    predictor: int = 1,
    *,
    shift: int = 0,
    names: bytes = b"\1\2\3",
    before: bytes = b"",
    factors: Sequence[int] = (0x11, 0x11, 0x11),
    eoi: bool = True,
) -> bytes:
    """A file of ITU-T T.81, process 14: one interleaved scan, every category of differences a code of five bits.

    Args:
        samples: (H, W) or (H, W, 3), of `bits` bits.
        bits: 2 to 16.
        predictor: 1 to 7 (table H.1).
        shift: Point transform: so many low bits are left out (H.1.2.1).
        names: Of the components.
        before: Segments before the frame.
        factors: Of the components.
        eoi: It ends as it should.
    """
    planes = (samples[..., None] if samples.ndim == 2 else samples).astype(np.int64) >> shift
    height, width, count = planes.shape
    parts = zip(names, factors, range(count), strict=False)
    frame = struct.pack(">BHHB", bits, height, width, count) + b"".join(bytes([n, f, 0]) for n, f, _ in parts)
    counts = bytes([0, 0, 0, 0, _CATEGORIES, *[0] * 11])
    table = b"\0" + counts + bytes(range(_CATEGORIES))
    scan = bytes([count]) + b"".join(bytes([name, 0]) for name in names[:count]) + bytes([predictor, 0, shift])
    differences = (planes - _foretold(planes, bits - shift, predictor) + _HALF) % 65536 - _HALF
    text = "".join(_codes(differences.reshape(-1)))
    text += "1" * (-len(text) % 8)
    coded = int(text, 2).to_bytes(len(text) // 8).replace(b"\xff", b"\xff\0")
    head = b"\xff\xd8" + before + segment(0xC3, frame) + segment(0xC4, table) + segment(0xDA, scan)
    return head + coded + (b"\xff\xd9" if eoi else b"")


def _foretold(planes: NDArray[np.int64], bits: int, predictor: int) -> NDArray[np.int64]:
    """From the neighbours to the left (a), above (b) and above to the left (c); at a border from the one there is."""
    a, b, c = (np.zeros_like(planes) for _ in range(3))
    a[:, 1:], b[1:], c[1:, 1:] = planes[:, :-1], planes[:-1], planes[:-1, :-1]
    formulas = {1: a, 2: b, 3: c, 4: a + b - c, 5: a + ((b - c) >> 1), 6: b + ((a - c) >> 1), 7: (a + b) >> 1}
    found: NDArray[np.int64] = formulas[predictor].copy()
    found[0] = a[0]
    found[1:, 0] = b[1:, 0]
    found[0, 0] = 1 << (bits - 1)
    return found


def _codes(differences: NDArray[np.int64]) -> Iterator[str]:
    for difference in differences.tolist():
        category = 16 if difference == -_HALF else abs(difference).bit_length()
        yield format(category, "05b")
        if 0 < category < 16:
            yield format(difference if difference > 0 else difference + (1 << category) - 1, f"0{category}b")


def twelve_bit(samples: Samples, **settings: int) -> bytes:
    """DCT of 12 bit as TurboJPEG writes it.

    Args:
        samples: (H, W) or (H, W, 3) uint16 of 0 to 4095.
        settings: `subsampling`, `progressive`, `arithmetic`, `restart_rows` of `turbojpeg.h`.
    """
    library = jpeg_turbo.library()
    assert library is not None
    numbers = {"quality": 3, "subsampling": 4, "progressive": 12, "arithmetic": 14, "restart_rows": 19}
    gray = samples.ndim == 2
    handle, output, size = library.tj3Init(0), ctypes.c_void_p(), ctypes.c_size_t()
    for name, value in ({"quality": 90, "subsampling": 3 if gray else 0} | settings).items():
        assert library.tj3Set(handle, numbers[name], value) == 0
    write = library["tj3Compress12"]
    write.argtypes = (ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 4, ctypes.c_void_p, ctypes.c_void_p)
    stored = np.ascontiguousarray(samples)
    height, width = stored.shape[:2]
    form = 6 if gray else 0
    assert not write(handle, stored.ctypes.data, width, 0, height, form, ctypes.byref(output), ctypes.byref(size))
    data = ctypes.string_at(output.value or 0, size.value)
    library.tj3Free(output)
    library.tj3Destroy(handle)
    return data
