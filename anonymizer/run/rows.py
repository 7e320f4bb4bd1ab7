"""Makes the manifest rows of objects that were published, that failed, or whose output could not be removed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from anonymizer.config import RunConfig, failure_settings_sha256
from anonymizer.errors import ObjectError, TakeDownOwed, Withheld
from anonymizer.image import codec
from anonymizer.people import consent
from anonymizer.records import PUBLISHED, AnonymizedImage, AnonymizedShard, Content, ManifestRow, WorkItem


def blank_row(item: WorkItem) -> ManifestRow:
    """Makes a row with the object's identity only, without a result."""
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
    """Returns the content that the output of a row was made from."""
    if row.status == "failed":
        # The output, if any, was made from an earlier source than that of this row.
        return Content(row.content_sha256, row.content_etag)
    return Content(row.content_sha256 or row.source_sha256, row.content_etag or row.source_etag)


def read_as(row: ManifestRow, item: WorkItem, source_sha256: str) -> ManifestRow:
    """Adds to the row of an object that was read the content (SHA-256) that its grants were first seen with."""
    content = item.content if item.content.sha256 is not None else replace(item.content, sha256=source_sha256)
    return replace(row, consent_bound=consent.bind(item.bound, item.decision.seen, content))


def settings_of(row: ManifestRow, settings_sha256: str, config: RunConfig) -> str:
    """Returns the `settings_sha256` of a row: that of its output, or that of a failure.

    Args:
        row: The row.
        settings_sha256: Hash of the settings for the object, see `item_settings_sha256`.
        config: The run's settings.
    """
    return failure_settings(settings_sha256, config) if is_failure(row.error_code) else settings_sha256


def is_failure(error_code: str | None) -> bool:
    """Whether a row with this code says that a file could not be read or written; a photo may be withheld as well."""
    return error_code not in (None, Withheld.code)


def failure_settings(settings_sha256: str, config: RunConfig) -> str:
    """See `failure_settings_sha256`."""
    return failure_settings_sha256(settings_sha256, config, codec.READ_REVISION)


def failed_row(item: WorkItem, error: ObjectError, allow: Collection[str] = ()) -> ManifestRow:
    """Makes the row of an object that is not published; only constants of the error's class go into it.

    Args:
        item: The object.
        error: Why it is not published.
        allow: Codes of errors that the user allows to be passed over: the row's status is `skipped`.
    """
    return replace(
        blank_row(item),
        status="skipped" if error.code in allow else error.status,
        error_code=error.code,
        error_message=error.message,
        retryable=error.retryable,
    )


def with_kept_output(row: ManifestRow, kept_output: ManifestRow) -> ManifestRow:
    """Makes the row of an object that failed this time but has an older output that is still safe and stays published.

    Args:
        row: Row of the failure.
        kept_output: The current row, which names the older output.
    """
    content = content_of(kept_output)
    return replace(
        row,
        content_sha256=content.sha256,
        content_etag=content.etag,
        output_uri=kept_output.output_uri,
        output_sha256=kept_output.output_sha256,
        output_size=kept_output.output_size,
        output_etag=kept_output.output_etag,
        consent_status=kept_output.consent_status,
        consent_record_ids=kept_output.consent_record_ids,
        format=kept_output.format,
        width=kept_output.width,
        height=kept_output.height,
        frame_count=kept_output.frame_count,
        encoding=kept_output.encoding,
        face_count=kept_output.face_count,
        redacted_count=kept_output.redacted_count,
        faces=kept_output.faces,
        metadata_kept=kept_output.metadata_kept,
        retained_until=kept_output.retained_until,
        shard=kept_output.shard,
        picture_count=kept_output.picture_count,
        left_out=kept_output.left_out,
    )


def pending_removal_row(
    row: ManifestRow, output_uri: str, output_etag: str | None = None, output_sha256: str | None = None
) -> ManifestRow:
    """Makes the row of an object whose output has to be removed and could not be: every later run tries again."""
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
    """Makes the row of an object that was published.

    Args:
        item: The object, as it was sent to the worker.
        image: The published image.
        output_uri: URL of the output.
        output_etag: Version of the output; None in an intent, before the image is published.
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


def shard_row(item: WorkItem, shard: AnonymizedShard, output_uri: str, output_etag: str | None) -> ManifestRow:
    """Makes the row of a shard that was published; its pictures have rows of their own.

    Args:
        item: The shard, as it was sent to the worker.
        shard: The published shard.
        output_uri: URL of the output.
        output_etag: Version of the output; None in an intent, before the shard is published.
    """
    return replace(
        blank_row(item),
        status=shard.status,
        output_uri=output_uri,
        output_sha256=shard.sha256,
        output_size=shard.size_bytes,
        output_etag=output_etag,
        format=shard.format,
        shard=item.ref.key,
        picture_count=sum(row.status in PUBLISHED for row in shard.inside),
        left_out=shard.left_out,
    )
