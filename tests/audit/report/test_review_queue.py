"""The review queue: bounded, the most doubtful first."""

from __future__ import annotations

import pytest

from anonymizer.audit.report.review_queue import ReviewQueue
from anonymizer.lake.manifest import to_table
from anonymizer.records import Face
from tests.lake.manifest.rows import row


def _row(key: str, *scores: float):
    faces = tuple(Face(0, 1, 1, 5, 5, score, True) for score in scores)
    return row(key, status="anonymized", output_uri=f"file:///out/{key}", faces=faces)


def _queue(size: int, rows, suspects=None, batch: int = 2):
    queue = ReviewQueue(size, suspects)
    for start in range(0, len(rows), batch):
        queue.add(to_table(rows[start : start + batch]))
    return queue


ROWS = [
    _row("a", 0.9),
    _row("b", 0.9, 0.1),
    _row("c", 0.3, 0.2),
    _row("d", 0.9, 0.8, 0.1),
    _row("e"),
    _row("f", 0.25),
    _row("g", 0.7, 0.05),
    row("h", status="failed"),
]


def test_nothing_sure_comes_before_the_weakest():
    photos = _queue(10, ROWS).photos()
    assert [(photo.row.key, photo.reason, photo.score and round(photo.score, 2)) for photo in photos] == [
        ("f", "unsure", 0.25),
        ("c", "unsure", 0.2),
        ("g", "weakest", 0.05),
        ("b", "weakest", 0.1),
        ("d", "weakest", 0.1),
        ("a", "weakest", 0.9),
    ]


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize(("size", "keys"), [(0, ""), (1, "f"), (2, "fg"), (3, "fcg"), (4, "fcgb")])
def test_half_of_the_places_are_each_reasons_whatever_the_batches(size, keys, batch):
    assert "".join(photo.row.key for photo in _queue(size, ROWS, batch=batch).photos()) == keys


def test_what_one_reason_leaves_the_other_takes():
    many = [_row(f"{i:02}", 0.9, 0.1) for i in range(20)]
    assert len(_queue(8, [*many, _row("z", 0.2)]).photos()) == 8
    assert len(_queue(8, [_row(f"{i:02}", 0.1) for i in range(20)]).photos()) == 8


def test_suspects_come_first_once_and_show_what_the_second_look_sees():
    boxes = [Face(0, 5, 5, 9, 9, score, False) for score in (0.4, 0.8)]
    photos = _queue(3, ROWS, {"e": boxes[:1], "c": boxes, "nowhere": boxes, "h": boxes}).photos()
    assert [(photo.row.key, photo.reason, photo.score) for photo in photos] == [
        ("c", "suspect", 0.8),
        ("e", "suspect", 0.4),
        ("f", "unsure", 0.25),
    ]
    assert photos[0].suspects == (boxes[1], boxes[0])
    assert photos[2].suspects == ()


def test_all_that_are_doubtful_are_counted():
    assert _queue(1, ROWS).candidates == _queue(0, ROWS).candidates == 5
