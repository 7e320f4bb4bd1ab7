"""Which published outputs have stopped being safe, told from the manifest alone: no photo is read for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.config import RunConfig
from anonymizer.errors import ObjectError, Requested, TakeDownOwed
from anonymizer.image import geometry
from anonymizer.lake.manifest import Snapshot, from_table
from anonymizer.people import consent
from anonymizer.people.consent import Registry
from anonymizer.records import ConsentDecision, Detections, ManifestRow
from anonymizer.run.rows import content_of

#: An objection's region counts as redacted already when this share of it lies in one redacted face.
COVERED_SHARE = 0.9
#: What has to be known of a row to tell; `processed_at` only because no row is without.
COLUMNS = (
    *("key", "source_uri", "status", "processed_at", "output_uri", "output_etag", "source_etag", "source_sha256"),
    *("content_sha256", "content_etag", "consent_bound", "error_code", "output_sha256", "settings_sha256"),
    *("consent_sha256", "width", "height", "frame_count", "faces", "retained_until"),
)


def is_unsafe(row: ManifestRow, decision: ConsentDecision, config: RunConfig) -> bool:
    """Whether a published output shows what today's decision does not allow.

    Decided on the row's own faces, without reading the photo: a face that was kept has to be redacted now, an
    objection's region is not covered, or the photo may not be published any more. No equality of hashes keeps a face:
    a row may have been written by who did not look at the output that it names.
    """
    if row.output_uri is None:
        return False
    if row.error_code in (TakeDownOwed.code, Requested.code):
        return True
    shown = [not face.redacted for face in row.faces]
    if not any(shown) and row.consent_sha256 == decision.sha256 and config.consent.policy == "redact":
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
    if any(redact and visible for redact, visible in zip(verdict.redact, shown, strict=True)):
        return True
    covered = faces.xyxy[[not visible for visible in shown]]
    shares = geometry.inside_share(verdict.extra, covered)
    return bool((shares.max(axis=1, initial=0.0) < COVERED_SHARE).any())


def past_retention(row: ManifestRow, as_of: datetime) -> bool:
    """Whether a published output's consent has run out by the clock alone, whatever a registry says."""
    return row.output_uri is not None and row.retained_until is not None and row.retained_until <= as_of


def must_go(row: ManifestRow, registry: Registry, config: RunConfig, as_of: datetime) -> bool:
    """Whether a published output has to be taken down: by today's decision about its key, or by the clock."""
    return is_unsafe(row, registry.decide(row.key, listed=False), config) or past_retention(row, as_of)


def published(tables: Iterable[pa.Table]) -> Iterator[ManifestRow]:
    """Rows that name an output; built a batch at a time."""
    for table in tables:
        yield from from_table(table.filter(pc.is_valid(table["output_uri"])))


def checked_against(config: RunConfig, registry_sha256: str | None) -> str:
    """Hash of what decides, apart from the time, whether an output may stand."""
    settings = config.consent
    about = [settings.purpose, settings.policy, settings.publish_no_face, settings.bind]
    # Objections that are written as paths or URLs are read by where INPUT is.
    relevant = [registry_sha256, *about, config.detector.padding, config.input]
    return hashlib.sha256(json.dumps(relevant).encode()).hexdigest()


def unsafe_rows(snapshot: Snapshot, registry: Registry, config: RunConfig, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs that today's decisions do not allow.

    What an earlier run has held against the same registry, purpose and policy can only have run out since, as long as
    no window has begun or ended: a grant that begins may speak for a second person, or not fit.
    """
    totals = snapshot.totals
    checked = totals is not None and totals.checked == checked_against(config, registry.sha256)
    before = totals.as_of if totals is not None and checked else None
    if before is not None and before <= as_of and not registry.turns(before, as_of):
        return expired_rows(snapshot, as_of)
    return (row for row in _published(snapshot) if must_go(row, registry, config, as_of))


def expired_rows(snapshot: Snapshot, as_of: datetime) -> Iterator[ManifestRow]:
    """Rows of the outputs whose consent has run out by the clock alone."""
    totals = snapshot.totals
    if totals is not None and (totals.next_expiry is None or totals.next_expiry > as_of):
        return iter(())
    return (row for row in _published(snapshot) if past_retention(row, as_of))


def _published(snapshot: Snapshot) -> Iterator[ManifestRow]:
    return published(snapshot.scan(COLUMNS))
