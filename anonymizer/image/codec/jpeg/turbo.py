"""TurboJPEG's lossless transform through ctypes: JPEG coefficients to JPEG coefficients, in memory.

The library comes in the wheel `turbojpeg`, whose Python module is not used: it hides the transform's filter; or from
the system (`turbo_library`). Constants and structures are those of `turbojpeg.h`, API version 3.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.jpeg import turbo_library
from anonymizer.image.codec.jpeg.layout import Codes, Layout, Model
from anonymizer.records import Pixels

_INIT_DECOMPRESS, _INIT_TRANSFORM = 1, 2
_PARAM_STOP_ON_WARNING, _PARAM_WIDTH, _PARAM_HEIGHT, _PARAM_COLORS, _PARAM_SCAN_LIMIT = 0, 5, 6, 8, 13
_COLORS: dict[Model, tuple[int, int, int]] = {"ycbcr": (1, 0, 3), "gray": (2, 6, 1)}
"""How a file codes colours to the library's name for it (TJCS), its name for the samples (TJPF), and their number."""
_OPTION_PERFECT, _OPTION_PROGRESSIVE, _OPTION_COPY_NONE, _OPTION_OPTIMIZE = 1, 32, 64, 256

_OPERATIONS = {1: 0, 2: 1, 3: 6, 4: 2, 5: 3, 6: 5, 7: 4, 8: 7}
"""EXIF orientation to the operation (TJXOP) that turns such a picture upright."""

_CODES: dict[Codes, int] = {"standard": 0, "optimized": _OPTION_OPTIMIZE, "progressive": _OPTION_PROGRESSIVE}

_BLOCK = 64


class _Region(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int), ("w", ctypes.c_int), ("h", ctypes.c_int))


class _Scale(ctypes.Structure):
    _fields_ = (("num", ctypes.c_int), ("denom", ctypes.c_int))


_Coefficients = ctypes.POINTER(ctypes.c_int16)
_FILTER = ctypes.CFUNCTYPE(ctypes.c_int, _Coefficients, _Region, _Region, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class _Transform(ctypes.Structure):
    _fields_ = (
        ("r", _Region),
        ("op", ctypes.c_int),
        ("options", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("filter", _FILTER),
    )


@dataclass(frozen=True, slots=True)
class Patch:
    """Blocks of one component that are to be overwritten.

    Attributes:
        rows: (N,) row of each block within its component, upright, ascending.
        columns: (N,) its column.
        coefficients: (N, 64) int16, quantized, row after row (natural, not zigzag order).
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    coefficients: NDArray[np.int16]


class TransformRefused(Exception):
    """The library could not do it, or not without a warning."""


def decompress(data: bytes, layout: Layout, *, scan_limit: int, factor: int = 1) -> Pixels | None:
    """Reads a picture's samples, as libjpeg's defaults have it (slow integer DCT, fancy upsampling).

    The same samples as Pillow's, for less: nothing is copied.

    Args:
        data: A whole JPEG file, not trusted.
        layout: What its header says.
        scan_limit: More scans than this are refused.
        factor: 1, 2 or 4: the picture is made so many times smaller, from the low frequencies of each block. All of the
            file is read all the same.

    Returns:
        (height, width) gray or (height, width, 3) RGB, sides divided by `factor` and rounded up; None where the library
        is missing, refuses, warns, or reads another header.
    """
    library, colors = _library(), _COLORS.get(layout.model)
    if library is None or colors is None:
        return None
    coded_as, given_as, channels = colors
    with _handle(library, _INIT_DECOMPRESS, scan_limit) as handle:
        if not handle or library.tj3DecompressHeader(handle, data, len(data)):
            return None
        wanted = {_PARAM_WIDTH: layout.width, _PARAM_HEIGHT: layout.height, _PARAM_COLORS: coded_as}
        if any(library.tj3Get(handle, name) != value for name, value in wanted.items()):
            return None
        if library.tj3SetScalingFactor(handle, _Scale(1, factor)):
            return None
        height, width = -(-layout.height // factor), -(-layout.width // factor)
        pixels = np.empty((height, width, *((channels,) if channels > 1 else ())), np.uint8)
        address = pixels.ctypes.data_as(ctypes.c_void_p)
        return None if library.tj3Decompress8(handle, data, len(data), address, 0, given_as) else pixels


def transform(data: bytes, orientation: int, codes: Codes, *, scan_limit: int, patches: Mapping[int, Patch]) -> bytes:
    """Reads a JPEG's coefficients, turns them, overwrites some, and writes them afresh.

    Args:
        data: A whole JPEG file, not trusted.
        orientation: EXIF's, 1 to 8: what has to be undone.
        codes: How coefficients are written.
        scan_limit: More scans than this are refused.
        patches: Number of a component to its new blocks, in upright places.

    Returns:
        A JPEG with the library's own choice of markers before its first table.

    Raises:
        TransformRefused: There is no library, the file is damaged, the rotation is not possible without loss, or a
            block was not there to be overwritten.
    """
    library = _library()
    if library is None:
        raise TransformRefused
    filled = _Filter(patches)
    options = _OPTION_PERFECT | _OPTION_COPY_NONE | _CODES[codes]
    callback = _FILTER(filled) if patches else _FILTER()
    operation = _Transform(_Region(), _OPERATIONS[orientation], options, None, callback)
    written = _transformed(library, data, operation, scan_limit)
    filled.finish()
    if written is None:
        raise TransformRefused
    return written


def _transformed(library: ctypes.CDLL, data: bytes, operation: _Transform, scan_limit: int) -> bytes | None:
    """The JPEG that one operation of the library makes; None where it refuses or warns."""
    output, size = ctypes.c_void_p(), ctypes.c_size_t()
    written = (ctypes.byref(output), ctypes.byref(size))
    with _handle(library, _INIT_TRANSFORM, scan_limit) as handle:
        try:
            if not handle or library.tj3Transform(handle, data, len(data), 1, *written, ctypes.byref(operation)):
                return None
            return ctypes.string_at(output.value, size.value) if output.value else None
        finally:
            library.tj3Free(output)


@contextmanager
def _handle(library: ctypes.CDLL, purpose: int, scan_limit: int) -> Iterator[int | None]:
    """An instance of the library for which every warning is an error; None where there is none to be had.

    Args:
        library: What `_library` found.
        purpose: `_INIT_DECOMPRESS` or `_INIT_TRANSFORM`.
        scan_limit: More scans than this are refused.
    """
    handle = library.tj3Init(purpose)
    settings = ((_PARAM_STOP_ON_WARNING, 1), (_PARAM_SCAN_LIMIT, scan_limit))
    try:
        refused = not handle or any(library.tj3Set(handle, *setting) for setting in settings)
        yield None if refused else handle
    finally:
        library.tj3Destroy(handle)


def is_available() -> bool:
    """Whether there is a library to work with."""
    return library() is not None


def library() -> ctypes.CDLL | None:
    """TurboJPEG, API version 3 or later; None where there is none."""
    return _library()


class _Filter:
    """Overwrites blocks while the library holds the coefficients; called for each row of blocks of each component."""

    def __init__(self, patches: Mapping[int, Patch]) -> None:
        self._rows = {number: _by_row(patch) for number, patch in patches.items()}
        self._left = sum(len(patch.rows) for patch in patches.values())
        self._error: BaseException | None = None

    def __call__(
        self, pointer: ctypes._Pointer[ctypes.c_int16], array: _Region, plane: _Region, number: int, _: int, __: object
    ) -> int:
        # ctypes would print what is raised here, return 0, and the source's blocks would stay.
        try:
            row = array.y // 8
            found = self._rows.get(number, {}).get(row)
            # A component's last call may be for rows that only round it up to whole units.
            if found is not None and row < plane.h // 8:
                self._overwrite(ctypes.addressof(pointer.contents), array.w // 8, *found)
        except BaseException as error:  # noqa: BLE001 - raised again by `finish`
            self._error = error
            return -1
        return 0

    def _overwrite(self, address: int, width: int, columns: NDArray[np.intp], coefficients: NDArray[np.int16]) -> None:
        row = memoryview(_row_type(width).from_address(address))
        blocks = np.frombuffer(row, np.int16).reshape(width, _BLOCK)
        blocks[columns] = coefficients
        self._left -= len(columns)

    def finish(self) -> None:
        """Raises what the filter could not raise.

        Raises:
            TransformRefused: A block was not overwritten.
        """
        if self._error is not None:
            raise self._error
        if self._left:
            raise TransformRefused


def _by_row(patch: Patch) -> dict[int, tuple[NDArray[np.intp], NDArray[np.int16]]]:
    """Columns and coefficients of the blocks in each row that has any."""
    rows, starts = np.unique(patch.rows, return_index=True)
    bounds = pairwise([*starts.tolist(), len(patch.rows)])
    return {
        row: (patch.columns[first:last], patch.coefficients[first:last])
        for row, (first, last) in zip(rows.tolist(), bounds, strict=True)
    }


@functools.lru_cache(64)
def _row_type(width: int) -> type[ctypes.Array[ctypes.c_int16]]:
    """A row of so many blocks; making such a type takes longer than filling a row."""
    return ctypes.c_int16 * (width * _BLOCK)


@functools.cache
def _library() -> ctypes.CDLL | None:
    library = turbo_library.found().library
    if library is None:
        return None
    library.tj3Transform.argtypes = (
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(_Transform),
    )
    library.tj3SetScalingFactor.argtypes = (ctypes.c_void_p, _Scale)
    library.tj3DecompressHeader.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    library.tj3Decompress8.argtypes = (
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t),
        *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
    )
    library.tj3Init.restype = ctypes.c_void_p
    library.tj3Set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
    library.tj3Get.argtypes = (ctypes.c_void_p, ctypes.c_int)
    library.tj3Free.argtypes = library.tj3Destroy.argtypes = (ctypes.c_void_p,)
    library.tj3Free.restype = library.tj3Destroy.restype = None
    return library
