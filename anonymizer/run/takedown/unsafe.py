"""Finds published outputs that are no longer safe, from the manifest alone, without reading photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import pyarrow as pa

from anonymizer.config import RunConfig
from anonymizer.errors import ObjectError, Requested, TakeDownOwed
from anonymizer.image import geometry
from anonymizer.lake.manifest import Snapshot, from_table, is_published
from anonymizer.people import consent
from anonymizer.people.consent import Registry
from anonymizer.records import ConsentDecision, Detections, ManifestRow
from anonymizer.run.rows import content_of

#: Minimum share of an objection's region inside one redacted face for the region to count as redacted.
COVERED_SHARE = 0.9
#: Columns that the decision needs; `processed_at` is there only because `ManifestRow` requires it.
COLUMNS = (
    *("key", "source_uri", "status", "processed_at", "output_uri", "output_etag", "source_etag", "source_sha256"),
    *("content_sha256", "content_etag", "consent_bound", "error_code", "output_sha256", "settings_sha256"),
    *("consent_sha256", "width", "height", "frame_count", "faces", "retained_until", "shard", "shard_sha256"),
)


def is_unsafe(row: ManifestRow, decision: ConsentDecision, config: RunConfig) -> bool:
    """Whether a published output shows something that the current consent decision does not allow.

    Uses the faces in the row and does not read the photo. The output is unsafe if a visible face has to be redacted
    now, if an objection's region is not redacted, or if the photo may not be published any more. An equal decision hash
    does not make visible faces safe, because the row may have been written without checking the output that it names.
    """
    if not _is_published(row):
        return False
    if row.error_code in (TakeDownOwed.code, Requested.code):
        return True
    if row.is_shard:
        # Its pictures have rows of their own.
        return False
    visible = [not face.redacted for face in row.faces]
    if not any(visible) and row.consent_sha256 == decision.sha256 and config.consent.policy == "redact":
        return False
    canvas = consent.Canvas(
        width=row.width or 0,
        height=row.height or 0,
        frame_count=row.frame_count or 1,
        content=content_of(row),
        padding=config.detector.padding,
    )
    faces = Detections.of(row.faces)
    try:
        verdict = consent.apply(consent.held(decision, row.consent_bound), faces, canvas, config.consent)
    except ObjectError:
        return True
    if any(redact and shown for redact, shown in zip(verdict.redact, visible, strict=True)):
        return True
    covered = faces.xyxy[[not shown for shown in visible]]
    shares = geometry.inside_share(verdict.extra, covered)
    return bool((shares.max(axis=1, initial=0.0) < COVERED_SHARE).any())


def past_retention(row: ManifestRow, as_of: datetime) -> bool:
    """Whether the consent for a published output has expired, independently of the current registry."""
    return _is_published(row) and row.retained_until is not None and row.retained_until <= as_of


def _is_published(row: ManifestRow) -> bool:
    return row.output_uri is not None or (row.is_inside and row.output_sha256 is not None)


def must_go(row: ManifestRow, registry: Registry, config: RunConfig, as_of: datetime) -> bool:
    """Whether a published output has to be taken down: by the current consent decision, or because consent expired."""
    return is_unsafe(row, registry.decide(row.key, listed=False), config) or past_retention(row, as_of)


def published(tables: Iterable[pa.Table]) -> Iterator[ManifestRow]:
    """Yields the rows of published pictures and shards; one batch is in memory at a time."""
    for table in tables:
        yield from from_table(table.filter(is_published(table)))


def checked_against(config: RunConfig, registry_sha256: str | None) -> str:
    """Hashes everything except the time that decides whether an output is safe."""
    settings = config.consent
    about = [settings.purpose, settings.policy, settings.publish_no_face, settings.bind]
    # INPUT's URL matters for objections that are written as full paths or URLs.
    relevant = [registry_sha256, *about, config.detector.padding, config.input]
    return hashlib.sha256(json.dumps(relevant).encode()).hexdigest()


def unsafe_rows(snapshot: Snapshot, registry: Registry, config: RunConfig, as_of: datetime) -> Iterator[ManifestRow]:
    """Yields the rows of the outputs that the current consent decisions do not allow.

    If an earlier run has checked all outputs against the same registry, purpose and policy, and no window of the
    registry has begun or ended since, only expired outputs can be unsafe. A grant that begins matters too: it may be
    for a second person, or its region may not fit the photo.
    """
    totals = snapshot.totals
    checked = totals is not None and totals.checked == checked_against(config, registry.sha256)
    before = totals.as_of if totals is not None and checked else None
    if before is not None and before <= as_of and not registry.turns(before, as_of):
        return expired_rows(snapshot, as_of)
    return (row for row in _published(snapshot) if must_go(row, registry, config, as_of))


def expired_rows(snapshot: Snapshot, as_of: datetime) -> Iterator[ManifestRow]:
    """Yields the rows of the outputs whose consent has expired."""
    totals = snapshot.totals
    if totals is not None and (totals.next_expiry is None or totals.next_expiry > as_of):
        return iter(())
    return (row for row in _published(snapshot) if past_retention(row, as_of))


def _published(snapshot: Snapshot) -> Iterator[ManifestRow]:
    return published(snapshot.scan(COLUMNS))
