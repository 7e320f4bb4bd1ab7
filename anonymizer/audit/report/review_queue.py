"""Select the published photos that a person should review first, in memory independent of the manifest's size."""

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
"""A photo whose highest score is below this has no confident detection."""


@dataclass(frozen=True, slots=True)
class ReviewPhoto:
    """One published photo to review.

    Attributes:
        row: The manifest row with the output and the faces.
        reason: `suspect`: the second detector found a missed face; `unsure`: no face has a confident score; `weakest`:
            some face has, the photo ranks by its lowest score.
        face: The face to show enlarged: the suspect with the highest score, otherwise the face with the lowest score;
            None if there is none.
        suspects: All suspects that the second detector found.
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
    """A heap entry; ranks are negated so that the heap's first entry is the one to drop next."""

    rank: tuple[float, ...]
    row: pa.Table = field(compare=False)


class _Least:
    """Keeps the rows with the smallest values, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[_Entry] = []

    def offer(self, table: pa.Table, values: NDArray[np.float64], chosen: NDArray[np.bool_], order: int) -> None:
        """Adds the rows of a batch that are among the smallest so far.

        Args:
            table: N rows.
            values: (N,) the values to rank by.
            chosen: (N,) which rows take part.
            order: Position of the first row in the manifest; breaks ties.
        """
        places = np.flatnonzero(chosen)
        for place in places[np.argsort(values[places], kind="stable")][: self._size].tolist():
            rank = (-float(values[place]), -float(order + place))
            if len(self._heap) == self._size and rank < self._heap[0].rank:
                return
            # take() copies; a slice would keep the whole batch in memory.
            entry = _Entry(rank, table.take([place]))
            if len(self._heap) < self._size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heapreplace(self._heap, entry)

    def rows(self) -> Iterator[ManifestRow]:
        """The rows, smallest value first."""
        for entry in sorted(self._heap, reverse=True):
            yield from from_table(entry.row)


class ReviewQueue:
    """Collects the photos to review from batches of rows.

    Args:
        size: Maximum number of photos.
        suspects: The second detector's suspects by key; these photos come first.
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
        """Adds a batch with `key`, `output_uri`, `faces` and the columns that thumbnails need."""
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
        # Rounded to two digits, as the page shows scores; among equal scores the photo with fewer faces comes first.
        lowest = np.minimum.reduceat(scores, starts).astype(np.float64).round(2) + lengths / 1e9
        highest = np.maximum.reduceat(scores, starts)
        unsure = highest < SURE_SCORE
        self.candidates += int((lowest < SURE_SCORE).sum())
        self._unsure.offer(table, highest.astype(np.float64), unsure, self._seen)
        self._weakest.offer(table, lowest, ~unsure, self._seen)
        self._seen += table.num_rows

    def photos(self) -> list[ReviewPhoto]:
        """The queue: suspects first, then up to half of the remaining places for each of the other two reasons."""
        suspects = [self._suspect(row) for row in self._suspect_rows]
        named = {photo.row.key for photo in suspects}
        unsure = [_review_photo(row, "unsure") for row in self._unsure.rows() if row.key not in named]
        weakest = [_review_photo(row, "weakest") for row in self._weakest.rows() if row.key not in named]
        left = self._size - len(suspects)
        first = max(left - len(weakest), left - left // 2)
        unsure = unsure[:first]
        return [*suspects, *unsure, *weakest[: left - len(unsure)]]

    def _suspect(self, row: ManifestRow) -> ReviewPhoto:
        boxes = sorted(self._suspects[row.key], key=lambda face: -face.score)
        photo = _review_photo(row, "suspect")
        return replace(photo, face=boxes[0], suspects=tuple(boxes)) if boxes else photo


def _review_photo(row: ManifestRow, reason: Reason) -> ReviewPhoto:
    return ReviewPhoto(row, reason, min(row.faces, key=lambda face: face.score, default=None))
