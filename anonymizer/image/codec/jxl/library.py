"""libjxl, as a shared library: its C interface of version 0.11 (`jxl/decode.h`, `jxl/encode.h`), what we use of it.

It comes in the wheel `imagecodecs` (Linux, macOS) or from the system; the wheel's Python module is not used: it cannot
say how many frames there are before it makes room for them, nor bound what the decoder takes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib
import importlib.metadata
import re
from collections.abc import Callable, Iterator

_OLDEST = 11_000
"""0.11.0, in the library's way of numbering: before it, planes were taken from elsewhere than the memory manager."""

_WHEEL_FILE = re.compile(r"libjxl[-.][^_]*")


class PixelFormat(ctypes.Structure):
    """How samples lie in memory; `data_type` 2 = uint8, 3 = uint16."""

    _fields_ = (
        ("num_channels", ctypes.c_uint32),
        ("data_type", ctypes.c_int),
        ("endianness", ctypes.c_int),
        ("align", ctypes.c_size_t),
    )


class BasicInfo(ctypes.Structure):
    """`JxlBasicInfo`: what the codestream's header says of the picture."""

    _fields_ = (
        ("have_container", ctypes.c_int),
        ("xsize", ctypes.c_uint32),
        ("ysize", ctypes.c_uint32),
        ("bits_per_sample", ctypes.c_uint32),
        ("exponent_bits_per_sample", ctypes.c_uint32),
        ("intensity_target", ctypes.c_float),
        ("min_nits", ctypes.c_float),
        ("relative_to_max_display", ctypes.c_int),
        ("linear_below", ctypes.c_float),
        ("uses_original_profile", ctypes.c_int),
        ("have_preview", ctypes.c_int),
        ("have_animation", ctypes.c_int),
        ("orientation", ctypes.c_int),
        ("num_color_channels", ctypes.c_uint32),
        ("num_extra_channels", ctypes.c_uint32),
        ("alpha_bits", ctypes.c_uint32),
        ("alpha_exponent_bits", ctypes.c_uint32),
        ("alpha_premultiplied", ctypes.c_int),
        ("preview", ctypes.c_uint32 * 2),
        ("tps_numerator", ctypes.c_uint32),
        ("tps_denominator", ctypes.c_uint32),
        ("num_loops", ctypes.c_uint32),
        ("have_timecodes", ctypes.c_int),
        ("intrinsic", ctypes.c_uint32 * 2),
        ("padding", ctypes.c_uint8 * 100),
    )


class ExtraChannelInfo(ctypes.Structure):
    """`JxlExtraChannelInfo`; `type` 0 = alpha, 4 = black of CMYK."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("bits_per_sample", ctypes.c_uint32),
        ("exponent_bits_per_sample", ctypes.c_uint32),
        ("dim_shift", ctypes.c_uint32),
        ("name_length", ctypes.c_uint32),
        ("alpha_premultiplied", ctypes.c_int),
        ("spot_color", ctypes.c_float * 4),
        ("cfa_channel", ctypes.c_uint32),
    )


class FrameHeader(ctypes.Structure):
    """`JxlFrameHeader`, its layer's fields in a row."""

    _fields_ = (
        ("duration", ctypes.c_uint32),
        ("timecode", ctypes.c_uint32),
        ("name_length", ctypes.c_uint32),
        ("is_last", ctypes.c_int),
        ("have_crop", ctypes.c_int),
        ("crop", ctypes.c_int32 * 2),
        ("size", ctypes.c_uint32 * 2),
        ("blend_mode", ctypes.c_int),
        ("blend_source", ctypes.c_uint32),
        ("blend_alpha", ctypes.c_uint32),
        ("blend_clamp", ctypes.c_int),
        ("save_as_reference", ctypes.c_uint32),
    )


class BitDepth(ctypes.Structure):
    """`JxlBitDepth`; `type` 1 = samples in memory have as many bits as in the codestream."""

    _fields_ = (("type", ctypes.c_int), ("bits", ctypes.c_uint32), ("exponent_bits", ctypes.c_uint32))


class ColorEncoding(ctypes.Structure):
    """`JxlColorEncoding`; the numbers are those of ITU-T H.273 where it has them, 2 = custom, 65535 = gamma."""

    _fields_ = (
        ("color_space", ctypes.c_int),
        ("white_point", ctypes.c_int),
        ("white_point_xy", ctypes.c_double * 2),
        ("primaries", ctypes.c_int),
        ("primaries_xy", ctypes.c_double * 6),
        ("transfer_function", ctypes.c_int),
        ("gamma", ctypes.c_double),
        ("rendering_intent", ctypes.c_int),
    )


_Alloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_Free = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class _Manager(ctypes.Structure):
    _fields_ = (("opaque", ctypes.c_void_p), ("alloc", _Alloc), ("free", _Free))


class Memory:
    """What one decoder may take: the library asks here, and gets nothing beyond the limit.

    Args:
        limit: Bytes at a time.
    """

    def __init__(self, limit: int) -> None:
        self.peak = self._taken = 0
        self._limit = limit
        self._sizes: dict[int, int] = {}
        self._heap = _heap()
        self.manager = _Manager(None, _Alloc(self._alloc), _Free(self._free))

    def _alloc(self, _: object, size: int) -> int | None:
        if self._taken + size > self._limit:
            return None
        address = self._heap.malloc(size)
        if address:
            self._sizes[address] = size
            self._taken += size
            self.peak = max(self.peak, self._taken)
        return int(address) if address else None

    def _free(self, _: object, address: int | None) -> None:
        if address:
            self._taken -= self._sizes.pop(address)
            self._heap.free(address)


_NUMBER, _SIZE, _POINTER, _BYTES = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p

_SIGNATURES: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "JxlDecoderVersion": (ctypes.c_uint32, ()),
    "JxlDecoderCreate": (_POINTER, (_POINTER,)),
    "JxlDecoderDestroy": (None, (_POINTER,)),
    "JxlDecoderSubscribeEvents": (_NUMBER, (_POINTER, _NUMBER)),
    "JxlDecoderSetKeepOrientation": (_NUMBER, (_POINTER, _NUMBER)),
    "JxlDecoderSetUnpremultiplyAlpha": (_NUMBER, (_POINTER, _NUMBER)),
    "JxlDecoderSetInput": (_NUMBER, (_POINTER, _BYTES, _SIZE)),
    "JxlDecoderCloseInput": (None, (_POINTER,)),
    "JxlDecoderProcessInput": (_NUMBER, (_POINTER,)),
    "JxlDecoderGetBasicInfo": (_NUMBER, (_POINTER, _POINTER)),
    "JxlDecoderGetExtraChannelInfo": (_NUMBER, (_POINTER, _SIZE, _POINTER)),
    "JxlDecoderGetFrameHeader": (_NUMBER, (_POINTER, _POINTER)),
    "JxlDecoderGetColorAsEncodedProfile": (_NUMBER, (_POINTER, _NUMBER, _POINTER)),
    "JxlDecoderGetICCProfileSize": (_NUMBER, (_POINTER, _NUMBER, _POINTER)),
    "JxlDecoderGetColorAsICCProfile": (_NUMBER, (_POINTER, _NUMBER, _POINTER, _SIZE)),
    "JxlDecoderImageOutBufferSize": (_NUMBER, (_POINTER, _POINTER, _POINTER)),
    "JxlDecoderSetImageOutBuffer": (_NUMBER, (_POINTER, _POINTER, _POINTER, _SIZE)),
    "JxlDecoderSetImageOutBitDepth": (_NUMBER, (_POINTER, _POINTER)),
    "JxlDecoderSetJPEGBuffer": (_NUMBER, (_POINTER, _POINTER, _SIZE)),
    "JxlDecoderReleaseJPEGBuffer": (_SIZE, (_POINTER,)),
    "JxlEncoderCreate": (_POINTER, (_POINTER,)),
    "JxlEncoderDestroy": (None, (_POINTER,)),
    "JxlEncoderInitBasicInfo": (None, (_POINTER,)),
    "JxlEncoderInitExtraChannelInfo": (None, (_NUMBER, _POINTER)),
    "JxlEncoderInitFrameHeader": (None, (_POINTER,)),
    "JxlEncoderSetBasicInfo": (_NUMBER, (_POINTER, _POINTER)),
    "JxlEncoderSetExtraChannelInfo": (_NUMBER, (_POINTER, _SIZE, _POINTER)),
    "JxlEncoderSetColorEncoding": (_NUMBER, (_POINTER, _POINTER)),
    "JxlEncoderFrameSettingsCreate": (_POINTER, (_POINTER, _POINTER)),
    "JxlEncoderFrameSettingsSetOption": (_NUMBER, (_POINTER, _NUMBER, ctypes.c_int64)),
    "JxlEncoderSetFrameHeader": (_NUMBER, (_POINTER, _POINTER)),
    "JxlEncoderSetFrameLossless": (_NUMBER, (_POINTER, _NUMBER)),
    "JxlEncoderSetFrameDistance": (_NUMBER, (_POINTER, ctypes.c_float)),
    "JxlEncoderSetExtraChannelDistance": (_NUMBER, (_POINTER, _SIZE, ctypes.c_float)),
    "JxlEncoderSetFrameBitDepth": (_NUMBER, (_POINTER, _POINTER)),
    "JxlEncoderAddImageFrame": (_NUMBER, (_POINTER, _POINTER, _POINTER, _SIZE)),
    "JxlEncoderAddJPEGFrame": (_NUMBER, (_POINTER, _BYTES, _SIZE)),
    "JxlEncoderCloseInput": (None, (_POINTER,)),
    "JxlEncoderProcessOutput": (_NUMBER, (_POINTER, _POINTER, _POINTER)),
}


@functools.cache
def load() -> ctypes.CDLL | None:
    """The library; None where there is none, or one that is too old."""
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError):
            continue
        if library.JxlDecoderVersion() >= _OLDEST:
            return library
    return None


def _candidates() -> Iterator[str]:
    """Where it may lie: in the wheel, else where the system's loader looks."""
    try:
        # Loads the libraries that this one needs, which the loader alone does not find.
        importlib.import_module("imagecodecs._jpegxl")
        files = importlib.metadata.files("imagecodecs") or []
    except ImportError:
        files = []
    yield from (str(path.locate()) for path in files if _WHEEL_FILE.fullmatch(path.name))
    find: Callable[[str], str | None] = ctypes.util.find_library
    found = find("jxl")
    if found is not None:
        yield found


@functools.cache
def _heap() -> ctypes.CDLL:
    """The C library's heap, of which the process has one."""
    heap = ctypes.CDLL(None)
    heap.malloc.argtypes, heap.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    heap.free.argtypes, heap.free.restype = (ctypes.c_void_p,), None
    return heap
