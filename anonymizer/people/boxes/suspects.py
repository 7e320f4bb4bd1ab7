"""Faces that a second look has seen in published photos: kept beside the manifest, and redacted by every later run.

Without them in a place that every run reads, the next one would take their photos for made with other settings and do
them again without them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from anonymizer.errors import RunError
from anonymizer.image import geometry
from anonymizer.records import Detections, GivenBoxes, Suspects

FOLDER = "_suspects/"

_NOBODY = Detections(geometry.as_boxes([]), np.empty(0, np.float32), np.empty(0, np.int32))


class Objects(Protocol):
    """What is needed of the manifest's folder."""

    def get(self, name: str) -> bytes: ...

    def create(self, name: str, data: bytes) -> bool: ...

    def names(self, prefix: str) -> Iterator[str]: ...


class SuspectList:
    """The suspects of each key; few, and so held as they are.

    Args:
        by_key: What is known.
    """

    def __init__(self, by_key: Mapping[str, Suspects]) -> None:
        self._by_key = dict(by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def besides(self, key: str, given: GivenBoxes | None) -> GivenBoxes | None:
        """What is known of a key from outside, with its suspects."""
        suspects = self._by_key.get(key)
        if suspects is None:
            return given
        return replace(given or GivenBoxes(_NOBODY, complete=False), suspects=suspects)

    @classmethod
    def read(cls, objects: Objects) -> SuspectList:
        """All that were written; of a key those of the file that was looked at last.

        Raises:
            RunError: A list is damaged.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        for name in sorted(objects.names(FOLDER)):
            try:
                for line in objects.get(name).splitlines():
                    row = json.loads(line)
                    same = [one for one in rows.get(row["key"], []) if one["source_sha256"] == row["source_sha256"]]
                    rows[row["key"]] = same if row in same else [*same, row]
            except (ValueError, TypeError, KeyError):
                raise RunError(f"the manifest's list of suspects {name} is damaged") from None
        try:
            return cls({key: _suspects(of_key) for key, of_key in rows.items()})
        except (ValueError, TypeError, KeyError):
            raise RunError("a list of suspects of the manifest is damaged") from None


def written(objects: Objects, run_id: str, found: Iterable[tuple[str, Suspects]]) -> str:
    """Writes what a second look has found, in addition to what is there.

    Args:
        objects: The manifest's folder.
        run_id: Of the newest run: lists are read in the order of their names.
        found: Key and suspects.

    Returns:
        The name of the list.
    """
    data = "".join(f"{json.dumps(row)}\n" for key, suspects in found for row in _rows(key, suspects)).encode()
    name = f"{FOLDER}{run_id}-{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
    objects.create(name, data)
    return name


def with_suspects(found: Detections, suspects: Suspects, frame_count: int, source_sha256: str) -> Detections:
    """The faces of a picture and its suspects, strongest first within a frame.

    None is left out because it shares much with another: that one's mask had left it uncovered.

    Args:
        found: Its faces.
        suspects: Seen in an output of it, or of an older version, of which they say nothing about this one.
        frame_count: Of the picture.
        source_sha256: Of its file.
    """
    if suspects.source_sha256 != source_sha256:
        return found
    there = suspects.faces.frame < frame_count
    parts = (found, Detections(suspects.faces.xyxy[there], suspects.faces.score[there], suspects.faces.frame[there]))
    frame = np.concatenate([part.frame for part in parts])
    score = np.concatenate([part.score for part in parts])
    order = np.lexsort((-score, frame))
    return Detections(np.concatenate([part.xyxy for part in parts])[order], score[order], frame[order])


def _rows(key: str, suspects: Suspects) -> Iterator[dict[str, Any]]:
    faces = suspects.faces
    for (x1, y1, x2, y2), score, frame in zip(
        faces.xyxy.tolist(), faces.score.tolist(), faces.frame.tolist(), strict=True
    ):
        box = {"x": x1, "y": y1, "w": x2 - x1, "h": y2 - y1}
        yield {"key": key, "frame": frame, **box, "score": score, "source_sha256": suspects.source_sha256}


def _suspects(rows: list[dict[str, Any]]) -> Suspects:
    xywh = np.array([[row[side] for side in "xywh"] for row in rows], np.float32)
    score = np.array([row["score"] for row in rows], np.float32)
    frame = np.array([row["frame"] for row in rows], np.int32)
    if not (np.isfinite(xywh).all() and np.isfinite(score).all() and (xywh[:, 2:] > 0).all()):
        raise ValueError
    return Suspects(Detections(geometry.xywh_to_xyxy(xywh), score, frame), str(rows[0]["source_sha256"]))
