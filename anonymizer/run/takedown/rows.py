"""The manifest's rows of outputs that were taken down, or should have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from anonymizer.errors import ObjectError, Requested, Unsafe
from anonymizer.records import ManifestRow


def removed_row(row: ManifestRow, error: ObjectError, attempt: int) -> ManifestRow:
    """The row of an output that was taken away.

    Args:
        row: The current one.
        error: Why.
        attempt: Greater than that of any row that the run has written for the key before.
    """
    return ManifestRow(
        key=row.key,
        source_uri=row.source_uri,
        status="removed",
        processed_at=datetime.now(UTC),
        source_etag=row.source_etag,
        error_code=error.code,
        error_message=error.message,
        retryable=error.retryable,
        attempt=attempt,
        consent_bound=row.consent_bound,
    )


def requested_row(row: ManifestRow, consent_sha256: str | None, attempt: int) -> ManifestRow:
    """The row of an output that was taken away because somebody asked for it.

    As long as decision and settings stay as they are, so does the removal.
    """
    gone = removed_row(row, Requested(), attempt)
    return replace(gone, consent_sha256=consent_sha256, settings_sha256=row.settings_sha256)


def pending_request_row(gone: ManifestRow, row: ManifestRow) -> ManifestRow:
    """The row `gone` of an output that somebody wants removed and that still stands, as the row before named it."""
    return replace(gone, output_uri=row.output_uri, output_etag=row.output_etag, output_sha256=row.output_sha256)


def taken_down_row(row: ManifestRow, attempt: int) -> ManifestRow:
    """The row of an output that may not stand any more and is gone; one whose removal was owed says so still."""
    if row.error_code == Requested.code:
        return requested_row(row, row.consent_sha256, attempt)
    return removed_row(row, Unsafe(), attempt)
