"""Declares the manifest's columns: name, type and description."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.string())

FACE = pa.struct(
    [
        ("frame", pa.int32()),
        ("x", pa.float32()),
        ("y", pa.float32()),
        ("w", pa.float32()),
        ("h", pa.float32()),
        ("score", pa.float32()),
        ("redacted", pa.bool_()),
    ]
)


class Column(NamedTuple):
    """One column; `text` is its description as Markdown, which the page of the manifest shows."""

    name: str
    type: pa.DataType
    text: str


COLUMNS = (
    Column("key", pa.string(), "Path of the object below INPUT."),
    Column("source_uri", pa.string(), "URL of the object."),
    Column("output_uri", pa.string(), "URL of the published file; null if nothing is published."),
    Column("source_etag", pa.string(), "Version of the source in the listing: ETag, or on a disk a digest."),
    Column("source_size", pa.int64(), "Size of the source in bytes."),
    Column("source_modified", _TIME, "Time of the last change of the source, by its storage."),
    Column("source_sha256", pa.string(), "SHA-256 of the source; null if it was not read."),
    Column(
        "content_sha256",
        pa.string(),
        "SHA-256 of the content that the output was made from, if that is not the source of this row: an older output "
        "stays published because processing failed this time, or (in place) the source was an output of an earlier "
        "run.",
    ),
    Column("content_etag", pa.string(), "Version of that content."),
    Column("output_sha256", pa.string(), "SHA-256 of the published file."),
    Column("output_size", pa.int64(), "Size of the published file in bytes."),
    Column("output_etag", pa.string(), "Version of the published file."),
    Column(
        "status",
        pa.string(),
        "`anonymized` (faces redacted), `no_face`, `retained` (all faces kept by consent), `skipped` (not an image, or "
        "withheld by `--policy public`), `failed`, or `removed` (the output was taken down).",
    ),
    Column("error_code", pa.string(), "Why it is `failed`, `skipped` or `removed`: one of the codes below."),
    Column("error_message", pa.string(), "Description of the code; never text from a file or a library."),
    Column("retryable", pa.bool_(), "Whether every run retries the object."),
    Column(
        "consent_status",
        pa.string(),
        "The most restrictive status in the registry for this photo: `withdrawn`, `denied`, `malformed`, `expired`, "
        "`pending`, `partial` (some faces kept, some redacted), `granted`, or `unknown` (no row matches).",
    ),
    Column("consent_sha256", pa.string(), "Hash of the consent decision; if it changes, the photo is processed again."),
    Column("consent_record_ids", _TEXTS, "Rows of the registry (`record_id`) that match this photo."),
    Column(
        "consent_bound",
        _TEXTS,
        "The content that grants were first seen with (`NAME=sha256:HEX` or `NAME=etag:VERSION`), see `consent.bind`; "
        "each row repeats those of the row before it.",
    ),
    Column("purpose", pa.string(), "The run's `--purpose`."),
    Column("registry_sha256", pa.string(), "SHA-256 of the consent registry."),
    Column("format", pa.string(), "Format of the published file."),
    Column("width", pa.int32(), "Width of the upright image, in pixels."),
    Column("height", pa.int32(), "Height of the upright image, in pixels."),
    Column("frame_count", pa.int32(), "Number of frames or pages of the published file."),
    Column(
        "encoding",
        pa.string(),
        "`exact`: nothing changed outside the redacted blocks; `reencoded`: encoded anew from decoded pixels.",
    ),
    Column("face_count", pa.int32(), "Number of faces in all frames."),
    Column("redacted_count", pa.int32(), "Number of faces that were redacted."),
    Column(
        "faces",
        pa.list_(FACE),
        "For each face: its frame number, its box (left, top, width, height) in pixels of the upright image, the "
        "detector's score, and whether it was redacted.",
    ),
    Column("metadata_removed", _TEXTS, "Names of the source's metadata (`exif.gps`), from a fixed list; no values."),
    Column("metadata_kept", _TEXTS, "Names of the metadata that `metadata.keep` requested and that were rebuilt."),
    Column("detector", pa.string(), "Name of the detector."),
    Column("detector_sha256", pa.string(), "SHA-256 of the detector's model file."),
    Column("method", pa.string(), "Redaction method, see `redaction.method`."),
    Column(
        "settings_sha256",
        pa.string(),
        "Hash of the settings that affect the output, and of the code's revision; in the row of a failure also of the "
        "setting `allow` and of what this version can tell of files that are no pictures.",
    ),
    Column("software_version", pa.string(), "Version of this software."),
    Column(
        "attempt",
        pa.int32(),
        "If a key has several rows, the one with the greatest `run_id`, then `attempt`, is current. Take-downs have "
        "the lowest attempt of their run; each dispatch to a worker raises it.",
    ),
    Column("as_of", _TIME, "The time for which consent was evaluated."),
    Column(
        "retained_until",
        _TIME,
        "When the consent for the visible faces of this output ends; null if it has no end, or no face is visible.",
    ),
    Column("processed_at", _TIME, "When the row was written."),
    Column("duration_ms", pa.float32(), "Processing time of the object in the worker, milliseconds."),
    Column(
        "shard",
        pa.string(),
        "Key of the shard (tar, zip, Parquet) in which the picture lies; for the shard itself its own key; null for "
        "any other object.",
    ),
    Column(
        "shard_sha256",
        pa.string(),
        "For a picture in a shard: `output_sha256` of the shard that the row describes. A picture that was replaced or "
        "removed with its shard has no current row.",
    ),
    Column("picture_count", pa.int64(), "For a shard: number of pictures in its output."),
    Column(
        "left_out",
        _TEXTS,
        "For a shard: what its output lacks besides the samples of failed pictures, as `NAME: NUMBER` "
        "(see `shards.keep`).",
    ),
)
"""All columns except `run_id`, which is in the name of a part's folder."""
