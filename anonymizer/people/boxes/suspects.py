"""Store suspected faces that a verification found in published photos; every later run redacts them.

The lists lie in the manifest's folder, which every run reads. Otherwise the next run would process these photos again
without the suspected faces, because their settings hash would differ.
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

_NO_FACES = Detections(geometry.as_boxes([]), np.empty(0, np.float32), np.empty(0, np.int32))


class Objects(Protocol):
    """The operations on the manifest's folder that are needed here."""

    def get(self, name: str) -> bytes: ...

    def create(self, name: str, data: bytes) -> bool: ...

    def names(self, prefix: str) -> Iterator[str]: ...


class SuspectList:
    """The suspected faces of each key, in memory.

    Args:
        by_key: The suspects by key.
    """

    def __init__(self, by_key: Mapping[str, Suspects]) -> None:
        self._by_key = dict(by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def besides(self, key: str, given: GivenBoxes | None) -> GivenBoxes | None:
        """Adds the suspects of a key to its given boxes."""
        suspects = self._by_key.get(key)
        if suspects is None:
            return given
        return replace(given or GivenBoxes(_NO_FACES, complete=False), suspects=suspects)

    @classmethod
    def read(cls, objects: Objects) -> SuspectList:
        """Reads all lists; for each key the suspects of the most recently verified content count.

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
    """Writes a new list of suspects beside the existing ones.

    Args:
        objects: The manifest's folder.
        run_id: Id of the newest run; lists are read in the order of their names.
        found: Pairs of key and suspects.

    Returns:
        The name of the list.
    """
    data = "".join(f"{json.dumps(row)}\n" for key, suspects in found for row in _rows(key, suspects)).encode()
    name = f"{FOLDER}{run_id}-{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
    objects.create(name, data)
    return name


def with_suspects(found: Detections, suspects: Suspects, frame_count: int, source_sha256: str) -> Detections:
    """Adds suspects to the faces of a picture, highest score first within a frame.

    Overlapping boxes are not merged: a suspect was found although the other face's mask was there.

    Args:
        found: The faces of the picture.
        suspects: Suspects of this object; ignored if they are for another content.
        frame_count: Number of the picture's frames.
        source_sha256: SHA-256 of the picture's file.
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
