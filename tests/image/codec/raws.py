"""Cameras' raw files, made in code: a mosaic of noise, and the camera's JPEG beside it."""

from __future__ import annotations

import struct

import numpy as np

from tests.image.codec.tiff_samples import BYTE, LONG, SHORT, Made, page, tiff_of

_PLACEHOLDER = 0x7EADBEEF


def _mosaic(width: int, height: int) -> Made:
    rows = np.random.default_rng(1).integers(0, 4096, (height, width)).astype(np.uint16)
    return page(rows, 32803, bits=16)


def dng(jpeg: bytes, size: tuple[int, int], raw: tuple[int, int], orientation: int = 1) -> bytes:
    """The first directory's strip is a JPEG of `size`; the mosaic of size `raw` lies below it (DNG 1.6)."""
    first = Made(
        {
            254: (LONG, (1,)),
            256: (LONG, size[:1]),
            257: (LONG, size[1:]),
            258: (SHORT, (8, 8, 8)),
            259: (SHORT, (7,)),
            262: (SHORT, (6,)),
            274: (SHORT, (orientation,)),
            277: (SHORT, (3,)),
            278: (LONG, size[1:]),
            50706: (BYTE, (1, 4, 0, 0)),
        },
        [jpeg],
        [_mosaic(*raw)],
    )
    return tiff_of(first)


def nef(jpeg: bytes, raw: tuple[int, int], orientation: int = 1) -> bytes:
    """A small picture first, and below it a JPEG by its offset (tags 513, 514) and the mosaic, as Nikon has it."""
    first = page(np.zeros((12, 16, 3), np.uint8), 2, tags={274: (SHORT, (orientation,))})
    by_offset = Made({259: (SHORT, (6,)), 513: (LONG, (_PLACEHOLDER,)), 514: (LONG, (len(jpeg),))})
    first.children = [by_offset, _mosaic(*raw)]
    data = tiff_of(first)
    return data.replace(struct.pack("<I", _PLACEHOLDER), struct.pack("<I", len(data))) + jpeg


def raf(jpeg: bytes, raw: tuple[int, int]) -> bytes:
    """Fujifilm's header, which says where the JPEG is, and where the records about the sensor are."""
    records = struct.pack(">IHHIHHHH", 2, 0x131, 4, 0, 0x100, 4, raw[1], raw[0])
    places = struct.pack(">4I", 160, len(jpeg), 160 + len(jpeg), len(records))
    head = b"FUJIFILMCCD-RAW 0201FF129502".ljust(84, b"\0") + places
    return head.ljust(160, b"\0") + jpeg + records + bytes(400)


def box(name: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), name) + b"".join(parts)


def cr3(jpeg: bytes, raw: tuple[int, int], orientation: int = 1) -> bytes:
    """Canon's film of two pictures: the JPEG, and the sensor's."""
    exif = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 274, 3, 1, orientation, 0, 0)
    about = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"), box(b"CMT1", exif))

    def track(at: int, size: int, width: int, height: int) -> bytes:
        entry = box(b"CRAW", bytes(24), struct.pack(">HH", width, height), bytes(54))
        table = (
            box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
            box(b"stsz", bytes(4), struct.pack(">III", 0, 1, size)),
            box(b"co64", bytes(4), struct.pack(">IQ", 1, at)),
        )
        return box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", *table))))

    def whole(at: int) -> bytes:
        tracks = track(at, len(jpeg), *raw), track(at + len(jpeg), 400, *raw)
        film = box(b"moov", about, *tracks)
        return box(b"ftyp", b"crx \0\0\0\1crx isom") + film + box(b"mdat", jpeg, bytes(400))

    return whole(len(whole(0)) - len(jpeg) - 400)
