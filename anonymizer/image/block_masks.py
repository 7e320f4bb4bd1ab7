"""Round the masks of many boxes to whole blocks at once: a crowd takes a few calls in place of some for each box."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anonymizer.records import Grid, Mask

#: Exponent of the masks' superellipse: 2 is an oval, infinity a rectangle. With 4, the mask contains the corners of the
#: detected box at every padding from 1.19 on (2 ** (1/4)), so that a face is covered completely, and leaves out the
#: corners of the padded box, which show background.
MASK_EXPONENT = 4.0

#: If only whole blocks can change, a block belongs to the mask if at least this share of it lies in the superellipse or
#: if it touches the inner rectangle that contains the detected box. Masking every touched block would cover twice as
#: much background.
BLOCK_SHARE = 0.4
MASK_CORE = 2 ** (-1 / MASK_EXPONENT)

#: Rows of pixels times columns of blocks that are computed at a time.
_MASK_WORK = 2**20


@functools.lru_cache(maxsize=1)
def block_mask(boxes: bytes, width: int, height: int, grid: Grid) -> Mask:
    """(block rows, block columns) bool: the blocks of `geometry.head_mask`; the border may cut the last ones.

    Args:
        boxes: The bytes of (N, 4) int32 padded `xyxy`, not clipped.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        grid: The blocks that can change independently.
    """
    xyxy = np.frombuffer(boxes, np.int32).reshape(-1, 4)
    mask = np.zeros((-(-height // grid.height), -(-width // grid.width)), bool)
    down, across = _Sides.of(xyxy[:, 1::2], height, grid.height), _Sides.of(xyxy[:, ::2], width, grid.width)
    seen = np.flatnonzero((down.count > 0) & (across.count > 0))
    # Boxes of about the same size at a time, and not too many: what is computed is as large as the largest of them.
    size = np.frexp(down.count[seen])[1] * 64 + np.frexp(across.count[seen])[1]
    for each in np.unique(size):
        alike = seen[size == each]
        work = int(down.count[alike].max()) * grid.height * int(across.count[alike].max())
        for part in np.split(alike, range(0, len(alike), max(1, _MASK_WORK // work))):
            if len(part):
                _add_blocks(mask, down.only(part), across.only(part))
    return mask


@dataclass(frozen=True, slots=True)
class _Sides:
    """The sides of N boxes along one axis.

    Attributes:
        centre: (N,) twice the centre, not clipped, in pixels.
        half: (N,) half the length in pixels.
        first: (N,) first visible block.
        count: (N,) number of visible blocks.
        length: Length of the image in pixels.
        block: Length of a block in pixels.
    """

    centre: NDArray[np.int64]
    half: NDArray[np.float64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    length: int
    block: int

    @classmethod
    def of(cls, ends: NDArray[np.int32], length: int, block: int) -> _Sides:
        low, high = ends.T.astype(np.int64)
        start, stop = np.clip(low, 0, length), np.clip(high, 0, length)
        first = start // block
        count = np.where(stop > start, -(-stop // block) - first, 0)
        return cls(low + high, np.maximum((high - low) / 2, 0.5), first, count, length, block)

    def only(self, part: NDArray[np.intp]) -> _Sides:
        """Some of the boxes, as columns: (n, 1) each."""
        columns = {name: getattr(self, name)[part, None] for name in ("centre", "half", "first", "count")}
        return replace(self, **columns)

    def blocks(self) -> NDArray[np.int64]:
        """(n, most) numbers of the blocks of each box, from its first on; more of them than there are for some."""
        return np.asarray(self.first + np.arange(self.count.max()))

    def distances(self) -> NDArray[np.float64]:
        """(n, most * block) from the centre (1 = the side) of each pixel in the visible blocks; infinite beyond."""
        place = self.first * self.block + np.arange(self.count.max() * self.block)
        distance = np.abs(place + 0.5 - self.centre / 2) / self.half
        distance[place >= np.minimum((self.first + self.count) * self.block, self.length)] = np.inf
        return np.asarray(distance)

    def inner(self, distance: NDArray[np.float64]) -> Mask:
        """(n, most) whether each block touches the inner rectangle; see `geometry.mask_patch`."""
        nearest = distance.reshape(len(distance), -1, self.block).min(axis=2)
        return np.asarray(nearest < MASK_CORE + 0.5 / self.half)

    def visible_px(self) -> NDArray[np.int64]:
        """(n, most) pixels of each block that the border does not cut off."""
        return np.clip(self.length - self.blocks() * self.block, 0, self.block)


def _add_blocks(mask: Mask, down: _Sides, across: _Sides) -> None:
    """Adds boxes to a mask of blocks, in place."""
    y = down.distances()
    left, right = _ends(y, across)
    starts = (across.blocks() * across.block).astype(np.int32)[:, None]
    # The superellipse's pixels in each block: of each row of pixels those in each column of blocks, then added up.
    counts = np.minimum(right[..., None], starts + np.int32(across.block))
    counts -= np.maximum(left[..., None], starts)
    np.maximum(counts, 0, out=counts)
    counts = counts.reshape(len(y), -1, down.block, counts.shape[2]).sum(axis=2)
    tall, wide = down.visible_px()[:, :, None], across.visible_px()[:, None]
    chosen = counts >= BLOCK_SHARE * (tall * wide)
    chosen |= down.inner(y)[:, :, None] & across.inner(across.distances())[:, None]
    chosen &= (np.arange(counts.shape[1]) < down.count)[:, :, None] & (np.arange(counts.shape[2]) < across.count)[
        :, None
    ]
    box, row, column = np.nonzero(chosen)
    mask[down.first[box, 0] + row, across.first[box, 0] + column] = True


def _ends(y: NDArray[np.float64], across: _Sides) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each row of pixels the first column in the superellipse and the first behind it, cut at the border.

    Args:
        y: (n, rows) distance from the centre of the box; no column is in where it is more than 1.
        across: The boxes' columns.
    """
    share = (y * y) * (y * y)
    root = np.sqrt(np.sqrt(np.maximum(1 - share, 0)))
    # Twice the distance of the outermost column from the centre is odd or even like the distances of all columns.
    reach = (2 * across.half * root).astype(np.int64)
    reach += 2 - (reach + across.centre + 1) % 2
    for _ in range(2):
        x = reach / 2 / across.half
        reach = np.where(share + (x * x) * (x * x) <= 1.0, reach, reach - 2)
    left, right = (across.centre - 1 - reach) // 2, (across.centre + 1 + reach) // 2
    return np.clip(left, 0, across.length).astype(np.int32), np.clip(right, 0, across.length).astype(np.int32)
