"""Telling camera raw that is built on TIFF from TIFF: its first page would be a small preview of what is there."""

from __future__ import annotations

import struct

from anonymizer.errors import DecodeError
from anonymizer.image.codec.tiff.directory import Directory, readable_directories

_MAX_DIRECTORIES = 64

_COMPRESSION, _PHOTOMETRIC = 259, 262
_DNG_VERSION = 50706  # DNG specification
_MOSAIC = (32803, 34892)  # color filter array (TIFF/EP), linear raw (DNG)

# Kodak 262, 65000; Sony 32767; Epson, Samsung 32769, 32770; Nikon 34713; Kodak DCR 34892 (also lossy DNG);
# JPEG XL of DNG 52546; Pentax 65535. Numbers as ExifTool's and LibRaw's tables give them.
_RAW_COMPRESSIONS = frozenset({262, 32767, 32769, 32770, 34713, 34892, 52546, 65000, 65535})

# Phase One's block begins at byte 8.
_PHASE_ONE = (b"IIIITwaR", b"MMMMRawT")


def is_camera_raw(data: bytes) -> bool:
    """Whether a TIFF file is one of DNG, CR2, NEF, ARW, PEF, SRW, 3FR, IIQ, KDC, DCR, MEF, ERF and the like.

    Args:
        data: The whole file; it begins like TIFF and may be damaged. At most 64 directories are looked at.
    """
    # Canon's CR2 has its sign between the header and the first directory.
    if (data[8:10] == b"CR" and data[4:8] == b"\x10\0\0\0") or data[8:16] in _PHASE_ONE:
        return True
    try:
        return any(_is_raw(directory) for directory in readable_directories(data, _MAX_DIRECTORIES))
    except (DecodeError, struct.error):
        return False


def _is_raw(directory: Directory) -> bool:
    try:
        return (
            _DNG_VERSION in directory.entries
            or directory.number(_PHOTOMETRIC, 0) in _MOSAIC
            or directory.number(_COMPRESSION, 0) in _RAW_COMPRESSIONS
        )
    except (DecodeError, struct.error):
        return False
