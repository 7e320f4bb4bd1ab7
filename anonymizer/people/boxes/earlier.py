"""A manifest as boxes: what an earlier run found, so that photos can be redone by another method."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.image import geometry
from anonymizer.people.boxes.table import BoxTable, packed_sha256

#: Rows of these statuses say where the faces are, or that there are none. A later failure does not take that back: it
#: holds for the bytes that it was found in.
ANSWERS = ("anonymized", "no_face", "retained")

FACE_COLUMNS = ("key", "status", "source_sha256", "width", "height", "faces")


def from_manifest(rows: pa.Table) -> BoxTable:
    """The faces of a manifest.

    Args:
        rows: `FACE_COLUMNS` of one row per key, all of them of a status in `ANSWERS`, in UTF-8 byte order of keys.
    """
    columns = {name: rows[name].combine_chunks() for name in FACE_COLUMNS}
    counts = pc.fill_null(pc.list_value_length(columns["faces"]), 0)
    faces = pc.list_flatten(columns["faces"])
    x, y, w, h, score = (_floats(faces.field(name)) for name in ("x", "y", "w", "h", "score"))
    return BoxTable(
        keys=columns["key"].cast(pa.large_string()),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts.to_numpy(zero_copy_only=False))]),
        xyxy=geometry.xywh_to_xyxy(np.stack([x, y, w, h], axis=1)),
        score=score,
        frame=pc.fill_null(faces.field("frame"), 0).to_numpy(zero_copy_only=False),
        width=pc.fill_null(columns["width"], 0).to_numpy(zero_copy_only=False),
        height=pc.fill_null(columns["height"], 0).to_numpy(zero_copy_only=False),
        source_sha256=packed_sha256(columns["source_sha256"]),
    )


def _floats(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)
