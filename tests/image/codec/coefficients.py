"""A JPEG's coefficients, read by the library that writes them but past the code under test."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.jpeg import source as jpeg_source
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo

Coefficients = dict[int, NDArray[np.int16]]
"""Number of a component to (rows, columns, 64) int16."""

ARITHMETIC, PROGRESSIVE = 128, 32


def transformed(data: bytes, options: int = 0) -> tuple[bytes, Coefficients]:
    """The file written anew with TJXOPT options, and its coefficients."""
    library = jpeg_turbo._library()
    assert library is not None
    rows: dict[int, list[NDArray[np.int16]]] = {}

    @jpeg_turbo._FILTER
    def note(pointer, array, plane, number, _, __):
        if array.y < plane.h:
            row = np.ctypeslib.as_array(pointer, shape=(array.w // 8, 64))
            rows.setdefault(number, []).append(row.copy())
        return 0

    operation = jpeg_turbo._Transform(jpeg_turbo._Region(), 0, options, None, note)
    output, size = ctypes.c_void_p(), ctypes.c_size_t()
    handle = library.tj3Init(2)
    status = library.tj3Transform(
        handle, data, len(data), 1, ctypes.byref(output), ctypes.byref(size), ctypes.byref(operation)
    )
    written = ctypes.string_at(output.value, size.value) if output.value else b""
    library.tj3Free(output)
    library.tj3Destroy(handle)
    assert status == 0
    return written, {number: np.stack(blocks) for number, blocks in rows.items()}


def coefficients(data: bytes) -> Coefficients:
    """The coefficients of a file."""
    return transformed(data)[1]


def with_blocks(data: bytes, blocks: dict[int, jpeg_turbo.Patch]) -> bytes:
    """The file with some blocks overwritten, and its kind of codes."""
    return jpeg_turbo.transform(data, 1, jpeg_source.read(data).layout.codes, scan_limit=100, patches=blocks)
