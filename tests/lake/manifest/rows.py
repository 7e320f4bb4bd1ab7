"""Rows to write."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import strategies as st

from anonymizer.records import ConsentStatus, Encoding, Face, ManifestRow, Status

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)

MINIMAL = ManifestRow(key="a.jpg", source_uri="file:///in/a.jpg", status="skipped", processed_at=NOON)

FULL = ManifestRow(
    key="ä/b.jpg",
    source_uri="s3://in/ä/b.jpg",
    status="anonymized",
    processed_at=NOON,
    output_uri="s3://out/ä/b.jpg",
    source_etag="e1",
    source_size=2**40,
    source_modified=NOON - timedelta(days=1),
    source_sha256="1" * 64,
    content_sha256="4" * 64,
    content_etag="etag-0",
    output_sha256="2" * 64,
    output_size=7,
    output_etag="e2",
    error_code="decode_error",
    error_message="the picture is damaged or truncated",
    retryable=False,
    consent_status="partial",
    consent_sha256="3" * 64,
    consent_record_ids=("r1", "r2"),
    consent_bound=("0123456789abcdef=sha256:" + "4" * 64,),
    purpose="training",
    registry_sha256="4" * 64,
    format="jpeg",
    width=640,
    height=480,
    frame_count=1,
    encoding="exact",
    face_count=2,
    redacted_count=1,
    faces=(Face(0, 1.5, 2.5, 10.0, 12.0, 0.5, True), Face(0, 100.0, 2.0, 10.0, 12.0, 0.25, False)),
    metadata_removed=("exif.gps", "xmp"),
    metadata_kept=("dpi",),
    detector="centerface",
    detector_sha256="5" * 64,
    method="smooth",
    settings_sha256="6" * 64,
    software_version="0.1.0",
    attempt=3,
    as_of=NOON,
    retained_until=NOON + timedelta(days=365),
    duration_ms=12.5,
)

SHARD = dataclasses.replace(
    MINIMAL, key="s.tar", shard="s.tar", output_sha256="7" * 64, picture_count=2, left_out=("json: 2",)
)
INSIDE = dataclasses.replace(MINIMAL, key="s.tar/a.jpg", shard="s.tar", shard_sha256="7" * 64)


def row(key: str, attempt: int = 1, **changes: object) -> ManifestRow:
    return dataclasses.replace(MINIMAL, key=key, attempt=attempt, **changes)  # type: ignore[arg-type]


texts = st.text(max_size=12)
integers32 = st.integers(-(2**31), 2**31 - 1)
floats32 = st.floats(width=32, allow_nan=False)
times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
faces = st.builds(Face, integers32, floats32, floats32, floats32, floats32, floats32, st.booleans())


def _optional(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


rows = st.builds(
    ManifestRow,
    key=texts,
    source_uri=texts,
    status=st.sampled_from(get_args(Status)),
    processed_at=times,
    **{name: _optional(texts) for name in ("output_uri", "source_etag", "output_sha256", "error_code", "purpose")},
    **{name: _optional(times) for name in ("source_modified", "as_of", "retained_until")},
    **{name: _optional(integers32) for name in ("width", "height", "face_count", "redacted_count")},
    source_size=_optional(st.integers(0, 2**62)),
    retryable=_optional(st.booleans()),
    consent_status=_optional(st.sampled_from(get_args(ConsentStatus))),
    encoding=_optional(st.sampled_from(get_args(Encoding))),
    consent_record_ids=st.lists(texts, max_size=3).map(tuple),
    metadata_removed=st.lists(texts, max_size=3).map(tuple),
    metadata_kept=st.lists(texts, max_size=3).map(tuple),
    faces=st.lists(faces, max_size=4).map(tuple),
    attempt=integers32,
    duration_ms=_optional(floats32),
)
