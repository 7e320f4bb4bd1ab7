"""JPEG beyond eight bits of DCT: lossless pictures and DCT of 12 bit (ITU-T T.81, processes 14 and 4), by TurboJPEG.

libjpeg-turbo reads and writes lossless samples of exactly 8, 12 and 16 bit; 12-bit DCT is written with its own tables.
"""

from __future__ import annotations

import ctypes

import numpy as np

from anonymizer.errors import DecodeError, EncodeError, UnsupportedFormat
from anonymizer.image.codec.depth import narrowed, spread
from anonymizer.image.codec.jpeg import turbo
from anonymizer.image.codec.jpeg.layout import Layout, Model
from anonymizer.records import Samples

# Names of `turbojpeg.h`, API version 3: TJINIT, TJPARAM, TJCS, TJPF and TJSAMP.
_INIT_COMPRESS, _INIT_DECOMPRESS = 0, 1
_PARAM_STOP_ON_WARNING, _PARAM_QUALITY, _PARAM_SUBSAMPLING, _PARAM_WIDTH, _PARAM_HEIGHT = 0, 3, 4, 5, 6
_PARAM_PRECISION, _PARAM_COLORS, _PARAM_SCAN_LIMIT, _PARAM_LOSSLESS, _PARAM_PREDICTOR = 7, 8, 13, 15, 16
_SPACES: dict[Model, int] = {"rgb": 0, "ycbcr": 1, "gray": 2}
_RGB, _GRAY = 0, 6
_444, _SINGLE = 0, 3

_QUALITY = 95

_LOSSLESS_BITS, _DCT_BITS = (8, 12, 16), (12,)


def check(layout: Layout) -> None:
    """Raises UnsupportedFormat where the library reads no such picture, or is not there."""
    sampled_alike = all((part.horizontal, part.vertical) == (1, 1) for part in layout.components)
    if layout.predictor:
        readable = layout.bits in _LOSSLESS_BITS and layout.model in ("gray", "rgb") and sampled_alike
    else:
        readable = layout.bits in _DCT_BITS and layout.model in _SPACES
    if not readable or turbo.library() is None:
        raise UnsupportedFormat


def decompress(data: bytes, layout: Layout, *, scan_limit: int) -> Samples:
    """Reads a picture that `check` has let pass.

    Args:
        data: A whole JPEG file, not trusted.
        layout: What its header says.
        scan_limit: More scans than this are refused.

    Returns:
        (height, width) gray or (height, width, 3) RGB; uint8 for 8 bit, else uint16, spread over its whole range.

    Raises:
        DecodeError: The library refuses, warns, or reads another header.
    """
    library = turbo.library()
    handle = library.tj3Init(_INIT_DECOMPRESS) if library is not None else None
    if library is None or not handle:
        raise DecodeError
    try:
        _set(library, handle, {_PARAM_STOP_ON_WARNING: 1, _PARAM_SCAN_LIMIT: scan_limit})
        wanted = {
            _PARAM_WIDTH: layout.width,
            _PARAM_HEIGHT: layout.height,
            _PARAM_PRECISION: layout.bits,
            _PARAM_COLORS: _SPACES[layout.model],
            _PARAM_LOSSLESS: int(layout.predictor > 0),
        }
        read = library.tj3DecompressHeader(handle, data, len(data)) == 0
        if not read or any(library.tj3Get(handle, name) != value for name, value in wanted.items()):
            raise DecodeError
        gray = layout.model == "gray"
        shape = (layout.height, layout.width) if gray else (layout.height, layout.width, 3)
        samples: Samples = np.empty(shape, np.uint8 if layout.bits == 8 else np.uint16)
        given = (data, len(data), samples.ctypes.data_as(ctypes.c_void_p), 0, _GRAY if gray else _RGB)
        if _of_bits(library, "tj3Decompress", layout.bits)(handle, *given):
            raise DecodeError
    finally:
        library.tj3Destroy(handle)
    return samples if layout.bits == 8 else spread(samples, layout.bits)


def compress(samples: Samples, bits: int, predictor: int) -> bytes:
    """Writes samples: lossless with a predictor; without one as DCT of quality 95, 4:4:4.

    Args:
        samples: (H, W) gray or (H, W, 3) RGB, as `decompress` gives them.
        bits: 8, 12 or 16.
        predictor: 1 to 7 (T.81, table H.1); 0 = DCT.

    Raises:
        EncodeError: There is no library, or it refuses.
    """
    library = turbo.library()
    handle = library.tj3Init(_INIT_COMPRESS) if library is not None else None
    if library is None or not handle:
        raise EncodeError
    stored = np.ascontiguousarray(samples if bits == 8 else narrowed(samples, bits))
    gray = stored.ndim == 2
    output, size = ctypes.c_void_p(), ctypes.c_size_t()
    try:
        _set(library, handle, {_PARAM_SUBSAMPLING: _SINGLE if gray else _444})
        lossless = {_PARAM_LOSSLESS: 1, _PARAM_PREDICTOR: predictor}
        _set(library, handle, lossless if predictor else {_PARAM_QUALITY: _QUALITY})
        address, form = stored.ctypes.data_as(ctypes.c_void_p), _GRAY if gray else _RGB
        given = (address, stored.shape[1], 0, stored.shape[0], form, ctypes.byref(output), ctypes.byref(size))
        if _of_bits(library, "tj3Compress", bits)(handle, *given) or not output.value:
            raise EncodeError
        return ctypes.string_at(output.value, size.value)
    finally:
        library.tj3Free(output)
        library.tj3Destroy(handle)


def _set(library: ctypes.CDLL, handle: int, settings: dict[int, int]) -> None:
    if any(library.tj3Set(handle, *setting) for setting in settings.items()):
        raise EncodeError


def _of_bits(library: ctypes.CDLL, name: str, bits: int) -> ctypes._NamedFuncPointer:
    function = library[f"{name}{bits}"]
    last = (ctypes.c_int, ctypes.c_int)
    if name == "tj3Decompress":
        function.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, *last)
    else:
        ends = (ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t))
        function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, *last, *ends)
    return function
