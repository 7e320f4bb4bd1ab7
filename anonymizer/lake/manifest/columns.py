"""The manifest's columns: name, type, and what a reader has to know of each."""

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
    """One column; `text` is a sentence or two of Markdown, and stands on the page of the manifest as it is."""

    name: str
    type: pa.DataType
    text: str


COLUMNS = (
    Column("key", pa.string(), "Path of the object below INPUT."),
    Column("source_uri", pa.string(), "The object itself."),
    Column("output_uri", pa.string(), "The published file; null where nothing is published."),
    Column("source_etag", pa.string(), "Version of the source as the listing gave it: ETag, or a digest on a disk."),
    Column("source_size", pa.int64(), "Bytes of the source."),
    Column("source_modified", _TIME, "When the source was last changed, by its storage."),
    Column("source_sha256", pa.string(), "Of the bytes of the source; null where it was never read."),
    Column(
        "content_sha256",
        pa.string(),
        "Of the content that the output was made from, where that is not the source of this row: the output stands "
        "although a redo has failed, or (in place) an output of ours was the source.",
    ),
    Column("content_etag", pa.string(), "Likewise, its version."),
    Column("output_sha256", pa.string(), "Of the published bytes."),
    Column("output_size", pa.int64(), "Bytes of the published file."),
    Column("output_etag", pa.string(), "Version of the published file."),
    Column(
        "status",
        pa.string(),
        "`anonymized` (faces redacted), `no_face`, `retained` (all faces kept by consent), `skipped` (no picture, or "
        "withheld by `--policy public`), `failed`, or `removed` (the output was taken down).",
    ),
    Column("error_code", pa.string(), "Why it is `failed`, `skipped` or `removed`: one of the codes below."),
    Column("error_message", pa.string(), "The sentence that belongs to the code; never text of a file or a library."),
    Column("retryable", pa.bool_(), "Whether every run tries again by itself."),
    Column(
        "consent_status",
        pa.string(),
        "The worst that the registry says of this photo: `withdrawn`, `denied`, `malformed`, `expired`, `pending`, "
        "`partial` (some faces kept, some redacted), `granted`, or `unknown` (it says nothing).",
    ),
    Column("consent_sha256", pa.string(), "Of the whole decision; another one means that the photo is done again."),
    Column("consent_record_ids", _TEXTS, "Rows of the registry (`record_id`) that spoke of this photo."),
    Column(
        "consent_bound",
        _TEXTS,
        "What grants were first seen with (`NAME=sha256:HEX` or `NAME=etag:VERSION`), see `consent.bind`; goes on from "
        "row to row.",
    ),
    Column("purpose", pa.string(), "The run's `--purpose`."),
    Column("registry_sha256", pa.string(), "Of the registry that was read."),
    Column("format", pa.string(), "Of the published file."),
    Column("width", pa.int32(), "Of the upright picture, in pixels."),
    Column("height", pa.int32(), "Of the upright picture, in pixels."),
    Column("frame_count", pa.int32(), "Frames or pages that were published."),
    Column(
        "encoding",
        pa.string(),
        "`exact`: outside the redacted blocks nothing has changed; `reencoded`: written anew from decoded pixels.",
    ),
    Column("face_count", pa.int32(), "Faces over all frames."),
    Column("redacted_count", pa.int32(), "Those of them that were redacted."),
    Column(
        "faces",
        pa.list_(FACE),
        "Each face: number of its frame, its box (left, top, width, height) in pixels of the upright picture, the "
        "detector's score, and whether it was redacted.",
    ),
    Column("metadata_removed", _TEXTS, "Names of what the source carried (`exif.gps`), from a closed list; no values."),
    Column("metadata_kept", _TEXTS, "Names of what `metadata.keep` asked for and what was rebuilt."),
    Column("detector", pa.string(), "Name of the detector."),
    Column("detector_sha256", pa.string(), "Of its network."),
    Column("method", pa.string(), "How faces were redacted, see `redaction.method`."),
    Column("settings_sha256", pa.string(), "Of the settings that decide the output's bytes, and of their revision."),
    Column("software_version", pa.string(), "Of this software."),
    Column(
        "attempt",
        pa.int32(),
        "Of several rows of a key that of the greatest `run_id`, then `attempt`, is current. A take-down has the least "
        "of its run, each time that the work is sent out raises it.",
    ),
    Column("as_of", _TIME, "The time for which consent was decided."),
    Column(
        "retained_until",
        _TIME,
        "When the consent that keeps a face of this output ends; null where it has no end, or none is kept.",
    ),
    Column("processed_at", _TIME, "When the row was written."),
    Column("duration_ms", pa.float32(), "Time that a worker took for the object."),
)
"""Every column but `run_id`, which the folder of a part holds."""
