"""Declares all settings, section by section."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from typing import Any, Literal

from anonymizer.config.fields import setting

Method = Literal["smooth", "blur", "pixelate", "solid", "gaussian"]
Policy = Literal["redact", "public"]
Bind = Literal["key", "content"]
Jpeg = Literal["exact", "reencode"]
Incomplete = Literal["fail", "redact"]
Raw = Literal["refuse", "preview"]
Names = Literal["same", "hashed"]
Adopt = Literal["keep", "replace"]
Unread = Literal["archive_unread", "table_unread", "video_unread", "document_unread"]
Kept = Literal["orientation", "icc", "capture_year", "gps_coarse", "dpi", "projection"]
DetectorName = Literal["centerface", "yunet", "haar", "patch"]
BoxesMode = Literal["add", "replace"]
Preset = Literal["fast", "balanced", "thorough"]
OnFailure = Literal["drop", "blank", "fail"]
Precision = Literal["int8", "float32"]


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """How faces are detected."""

    name: str = setting(
        "centerface",
        "Face detectors, separated by commas: centerface, yunet, haar; `patch` finds areas of #ff0080, for tests.",
        words=typing.get_args(DetectorName),
    )
    weights: str | None = setting(None, "URL of the model file, for detectors that need one (yunet).")
    preset: Preset = setting(
        "balanced",
        "Trade-off between speed and recall of centerface: sets the defaults below (infra/docs/detection.md).",
    )
    min_score: float | None = setting(
        None,
        "Detections with a lower score are ignored; default: centerface (a probability) the preset's, yunet 0.3, "
        "haar 0.1.",
        low=0.0,
        high=1.0,
    )
    min_face_px: float | None = setting(
        None,
        "Minimum height, in pixels of the photo, of the faces to detect, however large the photo is.",
        low=8.0,
    )
    scale: float | None = setting(
        None,
        "Scale to which a photo is resized for detection; default: the preset's, for other detectors 0.75.",
        low=0.05,
        high=2.0,
    )
    max_area_px: int | None = setting(
        None,
        "Maximum number of pixels of a photo during detection, unless min_face_px is set; default: the preset's.",
        low=4096,
    )
    second_looks: int | None = setting(
        None,
        "Number of low-score boxes that are checked a second time in photos without a high-score face; default: the "
        "preset's.",
        low=0,
        high=64,
    )
    precision: Precision | None = setting(
        None,
        "Numeric precision of centerface: int8 takes half the time; default: the preset's, on a GPU float32.",
    )
    padding: float = setting(1.4, "Width and height of a mask, as a multiple of the detected box.", low=1.2, high=4.0)


@dataclass(frozen=True, kw_only=True)
class BoxesConfig:
    """Face boxes that the user supplies."""

    uri: str | None = setting(
        None,
        "URL of a file with face boxes (CSV, JSON Lines, Parquet) or of the manifest of an earlier run.",
    )
    mode: BoxesMode = setting(
        "add", "`add`: the boxes are redacted in addition to detected faces; `replace`: no detector runs."
    )


@dataclass(frozen=True, kw_only=True)
class RedactionConfig:
    """How faces are redacted."""

    method: Method = setting("smooth", "Redaction method.")
    fill: str = setting("#808080", "Colour of `solid`, as #rrggbb.")
    cells: int = setting(6, "`blur` and `pixelate`: cells across the shorter side of the padded face.", low=1, high=16)
    sigma: float = setting(0.25, "`gaussian`: standard deviation as a share of the padded face's longer side.", low=0.1)


@dataclass(frozen=True, kw_only=True)
class ConsentConfig:
    """Which faces may be shown."""

    registry: str | None = setting(None, "URL of the consent registry (CSV, JSON Lines or Parquet).")
    purpose: str | None = setting(None, "Purpose of the output; without it only grants for any purpose count.")
    policy: Policy = setting(
        "redact",
        "`redact`: faces without consent are redacted. `public`: photos without consent are not published.",
    )
    publish_no_face: bool = setting(False, "Policy public: also publish photos with consent but without any face.")
    bind: Bind = setting(
        "key",
        "Scope of a grant that names no content: `key`: any content under its key; `content`: only the content that "
        "the key had when the grant was first seen.",
    )
    strict: bool = setting(
        False,
        "End the run with exit status 2, before anything new is published, if an objection matches no listed object.",
    )


@dataclass(frozen=True, kw_only=True)
class CodecConfig:
    """How images are decoded and encoded."""

    jpeg: Jpeg = setting(
        "exact",
        "`exact`: DCT coefficients outside the redacted blocks stay unchanged; `reencode`: re-encoded from pixels.",
    )
    jpeg_incomplete: Incomplete = setting(
        "fail",
        "A JPEG that ends before its image data do: `fail`, or `redact`: the missing part becomes gray. One that lacks "
        "only its end marker is complete.",
    )
    raw: Raw = setting(
        "refuse",
        "Camera raw files: `refuse`: they fail; `preview`: the JPEG that the camera embedded is published, if both its "
        "sides are at least 3/4 of the raw image's (DNG, NEF, CR2, CR3, RAF and others).",
    )
    max_pixels: int = setting(
        120_000_000,
        "Maximum number of pixels of an image, all frames together. For TIFF the limit applies to each page, and to "
        "the bytes of all pages together as 8-bit RGB (gray and bilevel pages count a third).",
        low=1,
    )
    max_bytes: int = setting(512 * 2**20, "Maximum size of a source file, in bytes.", low=1)


@dataclass(frozen=True, kw_only=True)
class MetadataConfig:
    """Which metadata of a source is kept. By default none."""

    keep: tuple[Kept, ...] = setting(
        (),
        "Metadata to keep, rebuilt from parsed values: orientation, icc, capture_year, gps_coarse, dpi, projection (of "
        "360 degree photos in JPEG).",
    )


@dataclass(frozen=True, kw_only=True)
class ShardsConfig:
    """What is kept of shards (tar, zip, Parquet) besides their pictures."""

    keep: tuple[str, ...] = setting(
        (),
        "Side-cars to keep, separated by commas: fields of tar and zip members (`txt`), columns of tables; `*`: all "
        "texts and columns but those that tell of the original. Values of JSON that tell of it (`url`, `exif`, "
        "`sha256`) are taken out unless they are named: `json.url`.",
        commas=True,
    )
    on_failure: OnFailure = setting(
        "drop",
        "A picture that cannot be made safe: `drop`: its sample or row is left out; `blank`: it becomes gray; `fail`: "
        "the shard fails.",
    )
    id: str | None = setting(
        None,
        "Column of Parquet files whose values name the rows in keys (`part.parquet/VALUE/image`); default: numbers.",
    )


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """How storage is accessed. The first three tables go to fsspec; credentials belong in the environment."""

    input: dict[str, Any] = setting({}, "fsspec options of INPUT, e.g. `storage.input.endpoint_url`.")
    output: dict[str, Any] = setting({}, "fsspec options of OUTPUT.")
    manifest: dict[str, Any] = setting({}, "fsspec options of the manifest; default: those of OUTPUT.")
    put: dict[str, Any] = setting({}, "Extra S3 PutObject parameters, e.g. `storage.put.ServerSideEncryption=aws:kms`.")
    request_payer: bool = setting(False, "Read from a requester-pays bucket.")
    unconditional: bool = setting(False, "Allow an OUTPUT on a store without conditional writes.")
    list_threads: int = setting(8, "Number of key ranges that are listed concurrently, on S3.", low=1, high=64)
    shared: bool = setting(False, "Local paths are on a file system that every node of the cluster mounts.")
    private: bool = setting(
        True,
        "On a disk, only the owner may read manifest, originals and reports (0600, 0700); false: the umask decides, "
        "for workers that run as other users.",
    )


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """How work is distributed to workers."""

    workers: int | None = setting(None, "Number of workers; default: one per CPU of the cluster.", low=1)
    gpus_per_worker: float = setting(
        0.0,
        "Share of a GPU per worker, e.g. 0.25; needs onnxruntime-gpu. The default of engine.workers is then as many as "
        "fit on the cluster's GPUs.",
        low=0.0,
        high=1.0,
    )
    address: str = setting(
        "auto", "`local`: start Ray in this process; `auto`: join a running cluster if there is one; or its address."
    )
    chunk_keys: int = setting(
        64, "Maximum number of objects per chunk; towards the end of a run chunks become smaller.", low=1, high=64
    )
    chunk_bytes: int = setting(
        8 * 2**20, "Maximum size of a chunk, in bytes; a larger object is a chunk of its own.", low=1
    )
    io_threads: int = setting(4, "Threads per worker that read sources and publish outputs.", low=1, high=64)
    chunk_time_s: float = setting(
        600.0, "Time limit of a chunk in seconds: after it the worker drops the chunk and the driver retries it.", low=1
    )
    image_time_s: float = setting(
        120.0,
        "Time limit of an image in seconds: after it the image has failed and its worker is restarted. A chunk gets at "
        "least twice this per object.",
        low=1,
    )
    lease_s: float = setting(
        20.0,
        "Lease timeout in seconds: if a run sends no heartbeat for this long, another run may take over its OUTPUT.",
        low=1,
    )
    no_worker_s: float = setting(600.0, "The run ends if it has had no worker for this many seconds.", low=1)
    attempts: int = setting(3, "How often an object is tried if its worker dies.", low=1)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All settings of a run."""

    input: str = setting("", "Folder or single file, any fsspec URL.")
    output: str = setting("", "Folder, any fsspec URL.")
    manifest: str | None = setting(None, "Folder of the manifest; default: OUTPUT.manifest.")
    as_of: str | None = setting(None, "Time for which consent is evaluated, ISO 8601; default: now.")
    include: tuple[str, ...] = setting((), "Process only keys that match one of these patterns.")
    exclude: tuple[str, ...] = setting((), "Skip keys that match one of these patterns.")
    adopt: Adopt | None = setting(
        None,
        "Accept an OUTPUT that is not empty and belongs to no manifest, or that lost its mark: `keep` leaves existing "
        "files unchanged, `replace` lets outputs replace files of the same name. Existing files are never removed.",
    )
    names: Names = setting("same", "`hashed`: file names are replaced by a keyed hash (ANONYMIZER_NAMES_KEY).")
    allow: tuple[Unread, ...] = setting(
        (),
        "Pass over files that may hold pictures and are not opened, by error code: archive_unread, table_unread, "
        "video_unread, document_unread. They are `skipped`, not `failed`.",
    )
    limit: int | None = setting(None, "Process only the first N objects.", low=0)
    max_failures: str | None = setting(
        None, "Number or share (`5%`) of failed objects that is accepted; more end the run with exit status 3."
    )
    in_place: bool = setting(False, "Replace the photos in INPUT; there is no OUTPUT.")
    originals: str | None = setting(None, "In place: folder to which the originals are copied, any fsspec URL.")
    discard_originals: bool = setting(False, "In place: keep no originals.")
    force: bool = setting(False, "Process all objects again, even if nothing has changed.")
    prune: bool = setting(False, "Remove the outputs of sources that do not exist any more.")
    prune_limit: str = setting("5%", "Refuse to prune more outputs than this: a number, or a share of all outputs.")
    keys: str | None = setting(
        None, "Process only the keys in this file (Parquet, CSV, JSON Lines or S3 Inventory); INPUT is not listed."
    )
    dry_run: bool = setting(False, "Plan and count only: read no object, write nothing, start no worker.")
    estimate: int | None = setting(
        None, "Dry run that processes N sampled objects, publishes none, and estimates the time for all.", low=1
    )
    core_price: float | None = setting(None, "Price of one core for one hour, for --estimate.", low=0)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    boxes: BoxesConfig = field(default_factory=BoxesConfig)
    redaction: RedactionConfig = field(default_factory=RedactionConfig)
    consent: ConsentConfig = field(default_factory=ConsentConfig)
    codec: CodecConfig = field(default_factory=CodecConfig)
    metadata: MetadataConfig = field(default_factory=MetadataConfig)
    shards: ShardsConfig = field(default_factory=ShardsConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
