"""Group the rows of a boxes file by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.errors import ConfigError
from anonymizer.image import geometry
from anonymizer.people.boxes.table import BoxTable
from anonymizer.records import Boxes

Column: TypeAlias = Any
"""A NumPy or an Arrow array."""

#: Columns that describe the object: all rows of a key must have the same values.
_OF_OBJECT = ("width", "height", "source_sha256", "source_etag")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Parsed rows, as one array per column.

    Attributes:
        key: (N,) large_string.
        has_box: (N,) bool; a row without a box states that there is no face.
        xywh: (N, 4) float32 pixels.
        score: (N,) float32.
        frame: (N,) int32.
        width: (N,) int32; 0 = not given.
        height: (N,) int32; 0 = not given.
        source_sha256: (N,) 32 bytes; null = not given.
        source_etag: (N,) large_string; empty = not given.
    """

    key: pa.Array
    has_box: NDArray[np.bool_]
    xywh: Boxes
    score: NDArray[np.float32]
    frame: NDArray[np.int32]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    source_sha256: pa.Array
    source_etag: pa.Array


def joined(columns: dict[str, list[Column]]) -> Rows:
    """Concatenates batches of rows.

    Args:
        columns: For each column of `Rows` its arrays, at least one. Emptied while it is read, to save memory.
    """
    return Rows(**{name: _end_to_end(columns.pop(name)) for name in list(columns)})


def _end_to_end(arrays: Sequence[Column]) -> Column:
    return pa.concat_arrays(arrays) if isinstance(arrays[0], pa.Array) else np.concatenate(arrays)


def by_key(rows: Rows, name: str) -> BoxTable:
    """Groups rows by key; boxes of one key keep their order.

    Args:
        rows: The rows in the order of the file.
        name: The file's name, for messages.

    Raises:
        ConfigError: Rows of one key describe different versions of the object.
    """
    order = pc.array_sort_indices(rows.key).to_numpy()
    keys = rows.key.take(pa.array(order))
    is_first = np.ones(len(keys), bool)
    is_first[1:] = np.asarray(pc.not_equal(keys[1:], keys[:-1]), dtype=bool)
    first = np.flatnonzero(is_first)
    for column in _OF_OBJECT:
        _check_alike(getattr(rows, column), order, is_first, (name, column))
    has_box = rows.has_box[order]
    boxes, of_key = order[has_box], order[first]
    boxes_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(has_box)])
    return BoxTable(
        keys=keys.take(pa.array(first)),
        offsets=boxes_before[np.append(first, len(keys))],
        xyxy=geometry.xywh_to_xyxy(rows.xywh[boxes]),
        score=rows.score[boxes],
        frame=rows.frame[boxes],
        width=rows.width[of_key],
        height=rows.height[of_key],
        source_sha256=rows.source_sha256.take(pa.array(of_key)),
        source_etag=rows.source_etag.take(pa.array(of_key)),
    )


def _check_alike(
    values: Column, order: NDArray[np.integer], is_first: NDArray[np.bool_], where: tuple[str, str]
) -> None:
    column = values if isinstance(values, pa.Array) else pa.array(values)
    by_key = column.take(pa.array(order))
    own, before = by_key[1:], by_key[:-1]
    same = pc.or_(pc.fill_null(pc.equal(own, before), False), pc.and_(pc.is_null(own), pc.is_null(before)))
    differs = order[1:][~np.asarray(same, dtype=bool) & ~is_first[1:]]
    if len(differs):
        name, said = where
        raise ConfigError(f"{name}: row {int(differs.min()) + 1}: {said}: differs from another row of the same key")
