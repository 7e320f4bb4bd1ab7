"""Hold boxes in memory in a table sorted by key, in which the driver looks up each object."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.records import Boxes, Detections, GivenBoxes, ImageRef

_SHA256 = pa.binary(32)

#: Rows per batch that are converted through Python objects.
_PACKED_ROWS = 10_000


@dataclass(frozen=True, eq=False)
class BoxTable:
    """The given boxes of all keys.

    Attributes:
        keys: (K,) large_string: distinct, in UTF-8 byte order.
        offsets: (K + 1,) int64: key `i` has the boxes `offsets[i]` to `offsets[i + 1]` (exclusive).
        xyxy: (M, 4) float32, upright pixels, not clipped.
        score: (M,) float32 in [0, 1].
        frame: (M,) int32; `EVERY_FRAME` = in all frames.
        width: (K,) int32, width of the upright picture; 0 = not given.
        height: (K,) int32, height of the upright picture; 0 = not given.
        source_sha256: (K,) 32 bytes; null = not given.
        source_etag: (K,) large_string, empty = not given; None = given for no key.
    """

    keys: pa.Array = field(repr=False)
    offsets: NDArray[np.int64] = field(repr=False)
    xyxy: Boxes = field(repr=False)
    score: NDArray[np.float32] = field(repr=False)
    frame: NDArray[np.int32] = field(repr=False)
    width: NDArray[np.int32] = field(repr=False)
    height: NDArray[np.int32] = field(repr=False)
    source_sha256: pa.Array = field(repr=False)
    source_etag: pa.Array | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, ref: ImageRef) -> GivenBoxes | None:
        """The given boxes of a listed object; None if the table does not contain its key."""
        # Python compares text by code points, which is the order of its UTF-8 bytes.
        place = bisect_left(range(len(self)), ref.key, key=lambda index: self.keys[index].as_py())
        if place == len(self) or self.keys[place].as_py() != ref.key:
            return None
        etag = self.source_etag[place].as_py() if self.source_etag is not None else None
        sha256 = self.source_sha256[place].as_py()
        return GivenBoxes(
            faces=self._faces(int(self.offsets[place]), int(self.offsets[place + 1])),
            width=int(self.width[place]) or None,
            height=int(self.height[place]) or None,
            source_sha256=sha256.hex() if sha256 is not None else None,
            outdated=bool(etag) and etag != ref.etag,
        )

    def _faces(self, start: int, stop: int) -> Detections:
        # Copies, because a view would keep the whole table in memory.
        chosen = np.arange(start, stop)
        return Detections(self.xyxy[chosen], self.score[chosen], self.frame[chosen])


def packed_sha256(texts: pa.Array) -> pa.Array:
    """Converts hexadecimal hashes to bytes, which take half the memory.

    Args:
        texts: (N,) 64 hexadecimal digits, or null or empty.
    """
    parts = [texts.slice(start, _PACKED_ROWS) for start in range(0, len(texts), _PACKED_ROWS)]
    packed = [pa.array([bytes.fromhex(t) if t else None for t in part.to_pylist()], _SHA256) for part in parts]
    return pa.concat_arrays([pa.array([], _SHA256), *packed])
