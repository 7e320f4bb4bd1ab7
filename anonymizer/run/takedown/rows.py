"""Makes the manifest rows of outputs that were removed, or that have to be removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from anonymizer.errors import ObjectError, Requested, Unsafe
from anonymizer.records import ManifestRow


def removed_row(row: ManifestRow, error: ObjectError, attempt: int) -> ManifestRow:
    """Makes the row of an output that was removed.

    Args:
        row: The current row.
        error: The reason.
        attempt: Higher than that of any row that the run has written for the key before.
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
    """Makes the row of an output that was removed because `--keys` requested it.

    The object is not published again until its consent decision or the settings change.
    """
    gone = removed_row(row, Requested(), attempt)
    return replace(gone, consent_sha256=consent_sha256, settings_sha256=row.settings_sha256)


def pending_request_row(gone: ManifestRow, row: ManifestRow) -> ManifestRow:
    """Makes the row of an output whose requested removal failed: `gone` with the output of the previous row `row`."""
    return replace(gone, output_uri=row.output_uri, output_etag=row.output_etag, output_sha256=row.output_sha256)


def taken_down_row(row: ManifestRow, attempt: int) -> ManifestRow:
    """Makes the row of an unsafe output that was removed; if `--keys` had requested the removal, the row says so."""
    if row.error_code == Requested.code:
        return requested_row(row, row.consent_sha256, attempt)
    return removed_row(row, Unsafe(), attempt)
