"""Use an earlier run's manifest as given boxes, so that photos can be redacted again by another method."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.image import geometry
from anonymizer.people.boxes.table import BoxTable, packed_sha256

#: Rows with these statuses record the faces, or that there are none. A later failed row does not invalidate them: the
#: boxes belong to the content that they were found in.
ANSWERS = ("anonymized", "no_face", "retained")

FACE_COLUMNS = ("key", "status", "source_sha256", "width", "height", "faces")


def from_manifest(rows: pa.Table) -> BoxTable:
    """Makes a table of boxes from manifest rows.

    Args:
        rows: `FACE_COLUMNS` with one row per key, all with a status in `ANSWERS`, in UTF-8 byte order of keys.
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
