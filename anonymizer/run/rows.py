"""Makes the manifest's rows of objects: published, failed, or with an output that could not be removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from anonymizer.errors import ObjectError, TakeDownOwed
from anonymizer.people import consent
from anonymizer.records import AnonymizedImage, Content, ManifestRow, WorkItem


def blank_row(item: WorkItem) -> ManifestRow:
    """A row that says which object it speaks of, and nothing yet of what became of it."""
    ref, origin = item.ref, item.origin
    return ManifestRow(
        key=ref.key,
        source_uri=ref.uri,
        status="failed",
        processed_at=datetime.now(UTC),
        source_etag=ref.etag,
        source_size=ref.size,
        source_modified=ref.modified,
        content_sha256=origin.sha256 if origin is not None else None,
        content_etag=origin.etag if origin is not None else None,
        consent_bound=consent.bind(item.bound, item.decision.seen, item.content),
    )


def content_of(row: ManifestRow) -> Content:
    """What the output that a row names was made from."""
    if row.status == "failed":
        # Its source is one that nothing was made from.
        return Content(row.content_sha256, row.content_etag)
    return Content(row.content_sha256 or row.source_sha256, row.content_etag or row.source_etag)


def read_as(row: ManifestRow, item: WorkItem, source_sha256: str) -> ManifestRow:
    """The row of an object that was read: with the content (SHA-256) that grants of its key were first seen with."""
    content = item.content if item.content.sha256 is not None else replace(item.content, sha256=source_sha256)
    return replace(row, consent_bound=consent.bind(item.bound, item.decision.seen, content))


def failed_row(item: WorkItem, error: ObjectError) -> ManifestRow:
    """The row of an object that is not published; nothing of the error but its class goes into it."""
    return replace(
        blank_row(item),
        status=error.status,
        error_code=error.code,
        error_message=error.message,
        retryable=error.retryable,
    )


def with_kept_output(row: ManifestRow, standing: ManifestRow) -> ManifestRow:
    """The row of a failed redo whose old output is still safe: it goes on naming that output.

    Args:
        row: Of the failure.
        standing: The current row, which names the output.
    """
    content = content_of(standing)
    return replace(
        row,
        content_sha256=content.sha256,
        content_etag=content.etag,
        output_uri=standing.output_uri,
        output_sha256=standing.output_sha256,
        output_size=standing.output_size,
        output_etag=standing.output_etag,
        consent_status=standing.consent_status,
        consent_record_ids=standing.consent_record_ids,
        format=standing.format,
        width=standing.width,
        height=standing.height,
        frame_count=standing.frame_count,
        encoding=standing.encoding,
        face_count=standing.face_count,
        redacted_count=standing.redacted_count,
        faces=standing.faces,
        metadata_kept=standing.metadata_kept,
        retained_until=standing.retained_until,
    )


def pending_removal_row(
    row: ManifestRow, output_uri: str, output_etag: str | None = None, output_sha256: str | None = None
) -> ManifestRow:
    """The row of an object whose output may not stand and could not be removed: every later run tries again."""
    error = TakeDownOwed()
    return replace(
        row,
        status=error.status,
        output_uri=output_uri,
        output_etag=output_etag,
        output_sha256=output_sha256,
        error_code=error.code,
        error_message=error.message,
        retryable=error.retryable,
    )


def published_row(item: WorkItem, image: AnonymizedImage, output_uri: str, output_etag: str | None) -> ManifestRow:
    """The row of an object that was published.

    Args:
        item: What the worker was sent.
        image: What was published.
        output_uri: Where it was published.
        output_etag: The version that stands there; None in an intent, before anything is published.
    """
    return replace(
        read_as(blank_row(item), item, image.source_sha256),
        status=image.status,
        output_uri=output_uri,
        output_sha256=image.sha256,
        output_size=len(image.data),
        output_etag=output_etag,
        source_sha256=image.source_sha256,
        consent_status=image.consent_status,
        consent_record_ids=image.consent_record_ids,
        format=image.format,
        width=image.width,
        height=image.height,
        frame_count=image.frame_count,
        encoding=image.encoding,
        face_count=image.face_count,
        redacted_count=image.redacted_count,
        faces=image.faces,
        metadata_removed=image.metadata_removed,
        metadata_kept=image.metadata_kept,
        retained_until=image.retained_until,
    )
