"""Old-style JPEG (TIFF 6.0, section 22) in the ways that writers had of it, made in code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.image.codec.samples import saved
from tests.image.codec.tiff_samples import LONG, SHORT, Made

STREAM, STREAM_BYTES, Q_TABLES, DC_TABLES, AC_TABLES = 513, 514, 519, 520, 521
STRIPS, STRIP_BYTES = 273, 279
DQT, DHT, SOS = 0xDB, 0xC4, 0xDA

ROWS, COLUMNS = np.mgrid[:48, :64]
SCENE = np.dstack((40 + 3 * COLUMNS, 90 + 2 * ROWS + COLUMNS, 200 - 2 * COLUMNS + ROWS)).astype(np.uint8)
"""(48, 64, 3), so smooth that sharing colours changes it by a few levels alone."""
GRAY = SCENE[..., 1]

BLOCKS = {"4:4:4": (0, (1, 1)), "4:2:2": (1, (2, 1)), "4:2:0": (2, (2, 2))}


def parts_of(jpeg: bytes) -> tuple[int, dict[int, list[bytes]], bytes]:
    """Where the coded data begins; tag to tables as old JPEG has them; the coded data up to the end marker."""
    found: dict[int, list[bytes]] = {Q_TABLES: [], DC_TABLES: [], AC_TABLES: []}
    at = 2
    while True:
        marker, size = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        content, at = jpeg[at + 4 : at + 2 + size], at + 2 + size
        while content and marker in (DQT, DHT):
            taken = 65 if marker == DQT else 17 + sum(content[1:17])
            tag = Q_TABLES if marker == DQT else AC_TABLES if content[0] >> 4 else DC_TABLES
            found[tag].append(content[1:taken])
            content = content[taken:]
        if marker == SOS:
            return at, found, jpeg[at:-2]


def color_tables(jpeg: bytes) -> dict[int, list[bytes]]:
    """Those of luma, Cb and Cr; the colours share theirs, which is stored twice."""
    return {tag: [first, second, second] for tag, (first, second) in parts_of(jpeg)[1].items()}


def bare_page(photometric: int, channels: int, subsampling: tuple[int, int] = (1, 1)) -> Made:
    tags: dict[int, Any] = {
        256: (LONG, (64,)), 257: (LONG, (48,)), 258: (SHORT, (8,) * channels), 259: (SHORT, (6,)),
        262: (SHORT, (photometric,)), 277: (SHORT, (channels,)), 278: (LONG, (48,)), 512: (SHORT, (1,)),
    }  # fmt: skip
    return Made(tags | ({530: (SHORT, subsampling)} if photometric == 6 else {}))


def of_stream(made: Made, stream: bytes) -> Made:
    made.pieces[STREAM] = [stream]
    made.tags[STREAM_BYTES] = (LONG, (len(stream),))
    return made


def of_tiles(made: Made, width: int, height: int) -> Made:
    del made.tags[278]
    made.tags |= {322: (LONG, (width,)), 323: (LONG, (height,))}
    return made


def jpeg_of(pixels: NDArray[Any], name: str, **settings: Any) -> bytes:
    return saved(pixels, "jpeg", quality=90, subsampling=BLOCKS[name][0], **settings)


def intervals(pixels: NDArray[Any], name: str, rows: int) -> tuple[bytes, list[bytes]]:
    """A JPEG with a restart every so many rows of pixels, and its coded data between the restarts."""
    jpeg = jpeg_of(pixels, name, restart_marker_rows=rows // (8 * BLOCKS[name][1][1]))
    return jpeg, re.split(rb"\xff[\xd0-\xd7]", parts_of(jpeg)[2])


def whole_stream(name: str) -> Made:
    return of_stream(bare_page(6, 3, BLOCKS[name][1]), jpeg_of(SCENE, name))


def stream_without_length(name: str) -> Made:
    made = whole_stream(name)
    del made.tags[STREAM_BYTES]
    return made


def strip_in_the_stream(name: str) -> Made:
    made = whole_stream(name)
    jpeg = made.pieces[STREAM][0]
    start = parts_of(jpeg)[0]
    made.tags |= {STRIPS: (LONG, (8 + start,)), STRIP_BYTES: (LONG, (len(jpeg) - start,))}
    return made


def strips_said_to_lie_in_the_stream(name: str) -> Made:
    made = whole_stream(name)
    made.tags |= {278: (LONG, (16,)), STRIPS: (LONG, (9, 10, 11)), STRIP_BYTES: (LONG, (1, 1, 1))}
    return made


def header_and_strip(name: str) -> Made:
    jpeg = jpeg_of(SCENE, name)
    start, _, coded = parts_of(jpeg)
    made = of_stream(bare_page(6, 3, BLOCKS[name][1]), jpeg[:start])
    made.segments = [coded]
    return made


def stream_in_the_strip(name: str) -> Made:
    made = bare_page(6, 3, BLOCKS[name][1])
    made.segments = [jpeg_of(SCENE, name)]
    return made


def tables_and_strip(name: str) -> Made:
    made, jpeg = bare_page(6, 3, BLOCKS[name][1]), jpeg_of(SCENE, name)
    made.pieces, made.segments = color_tables(jpeg), [parts_of(jpeg)[2]]
    return made


def header_and_strips(name: str) -> Made:
    jpeg, coded = intervals(SCENE, name, 16)
    made = of_stream(bare_page(6, 3, BLOCKS[name][1]), jpeg[: parts_of(jpeg)[0]])
    made.tags[278], made.segments = (LONG, (16,)), coded
    return made


def tables_and_strips(name: str) -> Made:
    jpeg, coded = intervals(SCENE, name, 16)
    made = bare_page(6, 3, BLOCKS[name][1])
    made.tags[278], made.segments, made.pieces = (LONG, (16,)), coded, color_tables(jpeg)
    return made


def stream_in_each_strip(name: str) -> Made:
    made = bare_page(6, 3, BLOCKS[name][1])
    made.tags[278] = (LONG, (16,))
    made.segments = [jpeg_of(SCENE[first : first + 16], name) for first in range(0, 48, 16)]
    return made


def one_tile(name: str) -> Made:
    """As in the picture of a cat that is handed around with libtiff: the tile is larger than the picture."""
    made, wide = (
        of_tiles(bare_page(6, 3, BLOCKS[name][1]), 80, 64),
        np.pad(SCENE, ((0, 16), (0, 16), (0, 0)), mode="edge"),
    )
    made.segments = [jpeg_of(wide, name)]
    return made


def tiles_as_wide_as_the_picture(name: str) -> Made:
    jpeg, coded = intervals(SCENE, name, 16)
    made = of_stream(of_tiles(bare_page(6, 3, BLOCKS[name][1]), 64, 16), jpeg[: parts_of(jpeg)[0]])
    made.segments = coded
    return made


def each_tile() -> Iterator[NDArray[Any]]:
    for y in range(0, 48, 16):
        for x in range(0, 64, 32):
            yield SCENE[y : y + 16, x : x + 32]


def tiles_in_rows(name: str) -> Made:
    """To JPEG they are one picture as wide as a tile."""
    jpeg, coded = intervals(np.concatenate(list(each_tile())), name, 16)
    made = of_stream(of_tiles(bare_page(6, 3, BLOCKS[name][1]), 32, 16), jpeg[: parts_of(jpeg)[0]])
    made.segments = coded
    return made


def stream_in_each_tile(name: str) -> Made:
    made = of_tiles(bare_page(6, 3, BLOCKS[name][1]), 32, 16)
    made.segments = [jpeg_of(tile, name) for tile in each_tile()]
    return made


WAYS: list[Callable[[str], Made]] = [
    whole_stream, stream_without_length, strip_in_the_stream, strips_said_to_lie_in_the_stream, header_and_strip,
    stream_in_the_strip, tables_and_strip, header_and_strips, tables_and_strips, stream_in_each_strip, one_tile,
    tiles_as_wide_as_the_picture, tiles_in_rows, stream_in_each_tile,
]  # fmt: skip
