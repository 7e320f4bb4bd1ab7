"""Counting rows, batch by batch."""

from __future__ import annotations

from anonymizer.audit.report.gather import columns, gather
from anonymizer.audit.report.review_queue import ReviewQueue
from anonymizer.lake.manifest import ManifestStore
from anonymizer.records import Face
from tests.lake.manifest.rows import FULL, NOON, row
from tests.lake.manifest.stores import MemoryStore


def _store(rows) -> ManifestStore:
    store = ManifestStore(MemoryStore())
    store.write_part("r1", "c1", 1, rows)
    store.compact("r1", final=True)
    return store


def _gathered(rows, *, public: bool = False, failures: int = 2):
    queue = None if public else ReviewQueue(5)
    return gather(_store(rows).scan(columns(public=public)), queue, failures)


def test_everything_is_counted_once():
    face = Face(0, 0, 0, 20, 40, 0.05, True)
    rows = [
        row("a", status="anonymized", output_uri="x/a", format="jpeg", face_count=2, redacted_count=1, output_size=7,
            faces=(face, Face(0, 0, 0, 4, 6, 1.0, False)), metadata_removed=("exif", "xmp"), duration_ms=10.0),
        row("b", status="no_face", output_uri="x/b", format="png", face_count=0, redacted_count=0, output_size=3),
        row("c", status="skipped", error_code="not_an_image", metadata_removed=("exif",), source_size=5),
    ]  # fmt: skip
    found = _gathered(rows)
    assert found.by("status") == {"anonymized": 1, "no_face": 1, "skipped": 1}
    assert found.by("format", "status")["jpeg", "anonymized"] == 1
    assert found.by("status", error_code="not_an_image") == {"skipped": 1}
    assert (found.rows, found.published, found.faces, found.redacted) == (3, 2, 2, 1)
    assert (found.output_bytes, found.source_bytes, found.with_metadata) == (10, 5, 2)
    assert found.metadata == {"exif": 2, "xmp": 1}
    assert found.per_image.counts.tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found.heights.counts.tolist() == [1, 0, 0, 1, 0, 0, 0, 0]
    # A score of 0.05 as float32 is a little more than that; 1.0 belongs to the last range.
    assert (found.scores.counts[1], found.scores.counts[19], found.scores.counts.sum()) == (1, 1, 2)
    assert found.timelines["r1"].total == 3
    assert found.timelines["r1"].start_s == int(NOON.timestamp())


def test_failures_are_named_up_to_a_number_of_each_code_and_counted_beyond():
    rows = [row(f"{i}.psd", status="failed", error_code="unsupported_format") for i in range(5)]
    rows += [row("x", status="failed", error_code="timeout", retryable=True, output_uri="x/x")]
    found = _gathered(rows)
    assert [failure.key for failure in found.failures["unsupported_format"]] == ["0.psd", "1.psd"]
    assert found.extensions["unsupported_format"] == {".psd": 5}
    assert found.extensions["timeout"] == {"": 1}
    assert [(f.key, f.retryable, f.standing) for f in found.failures["timeout"]] == [("x", True, True)]


def test_for_a_public_page_no_key_and_no_consent_is_read():
    assert not {"key", "source_uri", "consent_status", "output_sha256"} & set(columns(public=True))
    found = _gathered([FULL, row("b", status="failed", error_code="timeout")], public=True)
    assert found.by("consent_status") == {None: 2}
    assert (found.failures, found.extensions) == ({}, {})
    assert found.by("status") == {"anonymized": 1, "failed": 1}


def test_no_rows_are_no_error():
    found = _gathered([])
    assert (found.rows, found.cube, found.timelines) == (0, {}, {})
