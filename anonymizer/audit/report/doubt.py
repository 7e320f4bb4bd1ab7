"""Which published photos to look at first: a few of them, whatever the size of the manifest."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymizer.lake.manifest import from_table
from anonymizer.records import Face, ManifestRow

Reason = Literal["suspect", "unsure", "weakest"]

SURE_SCORE = 0.5
"""A photo with no score above this has nothing that the detector was sure of."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """One published photo to look at.

    Attributes:
        row: Names the output and the faces.
        reason: `suspect`: a second look doubts it; `unsure`: the detector was sure of no face in it; `weakest`: of
            the others, by the score of its weakest face.
        face: Its weakest face, of a suspect the box that the second look is surest of; None where there is none.
        suspects: All boxes of the second look.
    """

    row: ManifestRow
    reason: Reason
    face: Face | None
    suspects: tuple[Face, ...] = ()

    @property
    def score(self) -> float | None:
        return self.face.score if self.face is not None else None


@dataclass(order=True)
class _Entry:
    """In a heap the one that is to go first is the least."""

    rank: tuple[float, ...]
    row: pa.Table = field(compare=False)


class _Least:
    """The few rows with the least ranks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[_Entry] = []

    def offer(self, table: pa.Table, values: NDArray[np.float64], chosen: NDArray[np.bool_], order: int) -> None:
        """Takes what is among the least.

        Args:
            table: N rows.
            values: (N,) their ranks.
            chosen: (N,) which of them count.
            order: Of the first row; settles equal values.
        """
        places = np.flatnonzero(chosen)
        for place in places[np.argsort(values[places], kind="stable")][: self._size].tolist():
            rank = (-float(values[place]), -float(order + place))
            if len(self._heap) == self._size and rank < self._heap[0].rank:
                return
            # Taken, not sliced: a slice would keep its whole batch in memory.
            entry = _Entry(rank, table.take([place]))
            if len(self._heap) < self._size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heapreplace(self._heap, entry)

    def rows(self) -> Iterator[ManifestRow]:
        """Least first."""
        for entry in sorted(self._heap, reverse=True):
            yield from from_table(entry.row)


class ReviewQueue:
    """Gathers the photos to look at from batches of rows.

    Args:
        size: As many photos at most.
        suspects: What a second look sees outside the masks, by key; these photos come first.
    """

    def __init__(self, size: int, suspects: Mapping[str, Sequence[Face]] | None = None) -> None:
        self._size = size
        self._suspects = suspects or {}
        self._suspect_keys = pa.array(sorted(self._suspects), pa.string())
        self._suspect_rows: list[ManifestRow] = []
        self._unsure, self._weakest = _Least(size), _Least(size)
        self._seen = 0
        self.candidates = 0

    def add(self, table: pa.Table) -> None:
        """Takes a batch with `key`, `output_uri`, `faces` and what a thumbnail needs."""
        published = table.filter(pc.is_valid(table["output_uri"]))
        if self._suspects and len(self._suspect_rows) < self._size:
            named = published.filter(pc.is_in(published["key"], self._suspect_keys))
            self._suspect_rows += from_table(named)[: self._size - len(self._suspect_rows)]
        with_faces = published.filter(pc.greater(pc.list_value_length(published["faces"]), 0))
        if with_faces.num_rows:
            self._rank(with_faces)

    def _rank(self, table: pa.Table) -> None:
        faces = table["faces"].combine_chunks()
        scores = pc.fill_null(pc.struct_field(pc.list_flatten(faces), "score"), 1.0).to_numpy(zero_copy_only=False)
        lengths = pc.list_value_length(faces).to_numpy(zero_copy_only=False)
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        # To two digits, as the page shows them: among equals the photo with fewer faces, in which more can be seen.
        lowest = np.minimum.reduceat(scores, starts).astype(np.float64).round(2) + lengths / 1e9
        highest = np.maximum.reduceat(scores, starts)
        unsure = highest < SURE_SCORE
        self.candidates += int((lowest < SURE_SCORE).sum())
        self._unsure.offer(table, highest.astype(np.float64), unsure, self._seen)
        self._weakest.offer(table, lowest, ~unsure, self._seen)
        self._seen += table.num_rows

    def photos(self) -> list[Doubtful]:
        """Suspects, then half of what is left for each of the other reasons; what one leaves the other takes."""
        suspects = [self._suspect(row) for row in self._suspect_rows]
        named = {photo.row.key for photo in suspects}
        unsure = [_doubtful(row, "unsure") for row in self._unsure.rows() if row.key not in named]
        weakest = [_doubtful(row, "weakest") for row in self._weakest.rows() if row.key not in named]
        left = self._size - len(suspects)
        first = max(left - len(weakest), left - left // 2)
        unsure = unsure[:first]
        return [*suspects, *unsure, *weakest[: left - len(unsure)]]

    def _suspect(self, row: ManifestRow) -> Doubtful:
        boxes = sorted(self._suspects[row.key], key=lambda face: -face.score)
        photo = _doubtful(row, "suspect")
        return replace(photo, face=boxes[0], suspects=tuple(boxes)) if boxes else photo


def _doubtful(row: ManifestRow, reason: Reason) -> Doubtful:
    return Doubtful(row, reason, min(row.faces, key=lambda face: face.score, default=None))
