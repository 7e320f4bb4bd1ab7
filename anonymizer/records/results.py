"""Defines the results of processing an object: the safe image and its manifest row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from anonymizer.records.consent import ConsentStatus
from anonymizer.records.faces import Face
from anonymizer.records.pictures import Encoding

Status = Literal["anonymized", "no_face", "retained", "skipped", "failed", "removed"]


@dataclass(frozen=True, slots=True)
class AnonymizedImage:
    """An image that passed every step. Only `anonymizer.pipeline` creates one, and only this type can be published."""

    data: bytes
    format: str
    source_format: str
    width: int
    height: int
    frame_count: int
    encoding: Encoding
    status: Literal["anonymized", "no_face", "retained"]
    consent_status: ConsentStatus
    consent_record_ids: tuple[str, ...]
    retained_until: datetime | None
    faces: tuple[Face, ...]
    redacted_count: int
    metadata_removed: tuple[str, ...]
    metadata_kept: tuple[str, ...]
    source_sha256: str
    sha256: str

    @property
    def face_count(self) -> int:
        return len(self.faces)


PUBLISHED: frozenset[Status] = frozenset(("anonymized", "no_face", "retained"))
"""Statuses of pictures that are published."""


@dataclass(frozen=True, slots=True)
class AnonymizedShard:
    """A shard in which every picture passed every step; its bytes wait in the store until they are published.

    Attributes:
        format: Name of the shard's format.
        sha256: SHA-256 of its bytes.
        size_bytes: Their number.
        inside: Rows of its pictures, also of those that failed and are left out; complete but for `shard_sha256`.
        left_out: What else is left out, as `NAME: NUMBER`.
    """

    format: str
    sha256: str
    size_bytes: int
    inside: tuple[ManifestRow, ...]
    left_out: tuple[str, ...]

    @property
    def status(self) -> Status:
        """The status that says most of its pictures."""
        found = {row.status for row in self.inside}
        return next((status for status in ("anonymized", "retained") if status in found), "no_face")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row of the manifest; the fields are its columns.

    Attributes:
        content_sha256: SHA-256 of the content that the output was made from, if that is not the source of this row:
            an older output stays published because processing failed this time, or (in place) the source was an output
            of an earlier run.
        content_etag: Version of that content.
        consent_bound: The content that grants were first seen with, see `consent.bind`; each row repeats those of the
            row before it.
        shard: Key of the shard in which the picture lies; of the shard itself its own key; None for any other object.
        shard_sha256: For a picture in a shard: SHA-256 of the shard's output that this row describes. The row counts as
            long as that output stands.
        picture_count: For a shard: number of pictures in its output.
        left_out: For a shard: what of it is not in its output besides failed pictures, as `NAME: NUMBER`.
    """

    key: str
    source_uri: str
    status: Status
    processed_at: datetime
    output_uri: str | None = None
    source_etag: str | None = None
    source_size: int | None = None
    source_modified: datetime | None = None
    source_sha256: str | None = None
    content_sha256: str | None = None
    content_etag: str | None = None
    output_sha256: str | None = None
    output_size: int | None = None
    output_etag: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    retryable: bool | None = None
    consent_status: ConsentStatus | None = None
    consent_sha256: str | None = None
    consent_record_ids: tuple[str, ...] = ()
    consent_bound: tuple[str, ...] = ()
    purpose: str | None = None
    registry_sha256: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    encoding: Encoding | None = None
    face_count: int | None = None
    redacted_count: int | None = None
    faces: tuple[Face, ...] = ()
    metadata_removed: tuple[str, ...] = ()
    metadata_kept: tuple[str, ...] = ()
    detector: str | None = None
    detector_sha256: str | None = None
    method: str | None = None
    settings_sha256: str | None = None
    software_version: str | None = None
    attempt: int = 1
    as_of: datetime | None = None
    retained_until: datetime | None = None
    duration_ms: float | None = None
    shard: str | None = None
    shard_sha256: str | None = None
    picture_count: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def is_shard(self) -> bool:
        """Whether this is the row of a shard, which stands for no picture itself."""
        return self.shard is not None and self.shard == self.key

    @property
    def is_inside(self) -> bool:
        """Whether this is the row of a picture inside a shard; the shard's row says where the output lies."""
        return self.shard is not None and self.shard != self.key
