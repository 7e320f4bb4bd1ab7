from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image.codec.gif.blocks import packed
from anonymizer.image.metadata.gif.lzw import literals

# Codes between two that clear the table, and where codes grow by a bit.
EDGES = (1, 2, 254, 255, 256, 257, 766, 767, 768, 1790, 1791, 1792, 3838, 3839, 3840, 3841, 7678, 7679, 7680)


def joined(indices: NDArray[np.uint8]) -> bytes:
    """The payloads of an image's sub-blocks."""
    data, at, payloads = packed(indices), 1, []
    while data[at]:
        payloads.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(payloads)


@pytest.mark.parametrize("count", EDGES)
@pytest.mark.parametrize("kind", ["noise", "flat"])
def test_counts_and_indices_at_the_edges_of_the_table(count: int, kind: str) -> None:
    indices = np.random.default_rng(count).integers(3, 250, (1, count)).astype(np.uint8)
    if kind == "flat":
        indices[:] = 7
    assert literals(joined(indices), count) == set(indices.ravel().tolist())
    for other in (count - 1, count + 1):
        with pytest.raises(ScrubCheckFailed):
            literals(joined(indices), other)


def test_an_index_that_occurs_once_is_seen() -> None:
    indices = np.zeros((400, 400), np.uint8)
    indices[371, 5] = 99
    assert literals(joined(indices), 160_000) == {0, 99}


def test_many_periods() -> None:
    indices = np.random.default_rng(1).integers(0, 200, (1200, 1200)).astype(np.uint8)
    assert literals(joined(indices), indices.size) == set(range(200))


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\3", b"\0\3\4", b"\1\3\4", b"\0" * 6000])
def test_what_is_no_stream_of_ours(data: bytes) -> None:
    with pytest.raises(ScrubCheckFailed):
        literals(data, 1)


def test_no_changed_bit_gives_the_same_number_of_pixels_unseen() -> None:
    """Whatever a flipped bit does: it is refused, or it is another picture of as many indices."""
    indices = np.random.default_rng(5).integers(0, 4, (9, 9)).astype(np.uint8)
    data = joined(indices)
    for at in range(8 * len(data)):
        other = bytearray(data)
        other[at // 8] ^= 1 << at % 8
        try:
            found = literals(bytes(other), 81)
        except ScrubCheckFailed:
            continue
        assert found <= set(range(256))
