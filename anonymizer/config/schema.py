"""All settings, section by section."""

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
Names = Literal["same", "hashed"]
Adopt = Literal["keep", "replace"]
Kept = Literal["orientation", "icc", "capture_year", "gps_coarse", "dpi"]
DetectorName = Literal["centerface", "yunet", "haar", "patch"]
BoxesMode = Literal["add", "replace"]
Preset = Literal["fast", "balanced", "thorough"]
Precision = Literal["int8", "float32"]


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """What finds faces."""

    name: str = setting(
        "centerface",
        "centerface, yunet or haar, or several with commas; `patch` finds solid patches of #ff0080, for tests.",
        words=typing.get_args(DetectorName),
    )
    weights: str | None = setting(None, "URL of the network's file, for detectors that need one (yunet).")
    preset: Preset = setting(
        "balanced",
        "How hard centerface looks: what is below and not set by itself (infra/docs/detection.md).",
    )
    min_score: float | None = setting(
        None,
        "A detection below this score is ignored: for centerface a probability, its default the preset's; for yunet "
        "0.3, for haar 0.1.",
        low=0.0,
        high=1.0,
    )
    min_face_px: float | None = setting(
        None,
        "Faces from this height on (pixels of the photo) are looked for, however large the photo is.",
        low=8.0,
    )
    scale: float | None = setting(
        None,
        "Size at which faces are looked for, as a share of the photo's; default the preset's, elsewhere 0.75.",
        low=0.05,
        high=2.0,
    )
    max_area_px: int | None = setting(
        None,
        "Faces are never looked for in more pixels than this, without min_face_px; default the preset's.",
        low=4096,
    )
    second_looks: int | None = setting(
        None,
        "So many doubtful boxes of a photo without a sure face are looked at again; default the preset's.",
        low=0,
        high=64,
    )
    precision: Precision | None = setting(
        None,
        "Of centerface's numbers: int8 takes half the time; default the preset's, on a GPU float32.",
    )
    padding: float = setting(1.4, "Masks are this many times as wide and high as the detected box.", low=1.2, high=4.0)


@dataclass(frozen=True, kw_only=True)
class BoxesConfig:
    """Faces that are known from outside."""

    uri: str | None = setting(
        None,
        "URL of faces known from outside (CSV, JSON Lines, Parquet) or of an earlier manifest; see boxes.mode.",
    )
    mode: BoxesMode = setting(
        "add", "`add`: they are redacted besides what is detected; `replace`: nothing is detected."
    )


@dataclass(frozen=True, kw_only=True)
class RedactionConfig:
    """What happens to a face that may not be shown."""

    method: Method = setting("smooth", "How faces are made unrecognisable.")
    fill: str = setting("#808080", "Colour of `solid`, as #rrggbb.")
    cells: int = setting(6, "`blur` and `pixelate`: cells across the shorter side of the padded face.", low=1, high=16)
    sigma: float = setting(0.25, "`gaussian`: standard deviation as a share of the padded face's longer side.", low=0.1)


@dataclass(frozen=True, kw_only=True)
class ConsentConfig:
    """Who may be shown."""

    registry: str | None = setting(None, "URL of the consent registry (CSV, JSON Lines or Parquet).")
    purpose: str | None = setting(None, "What the output is for; without it only grants for any purpose count.")
    policy: Policy = setting("redact", "`redact`: no consent, no face. `public`: photos without consent are withheld.")
    publish_no_face: bool = setting(False, "Policy public: let consented photos through in which no face was found.")
    bind: Bind = setting(
        "key",
        "What a grant that names no content speaks of: whatever lies under its `key`, or only the `content` it was "
        "first seen with.",
    )
    strict: bool = setting(
        False, "An objection that matches no listed object ends the run with 2, before anything new is published."
    )


@dataclass(frozen=True, kw_only=True)
class CodecConfig:
    """How pictures are read and written."""

    jpeg: Jpeg = setting(
        "exact", "`exact`: outside the redacted blocks every coefficient stays; `reencode`: written anew from pixels."
    )
    jpeg_incomplete: Incomplete = setting(
        "fail",
        "A JPEG that ends before its picture does: `redact`: what is there, the rest gray. One that lacks only its end "
        "marker is whole.",
    )
    max_pixels: int = setting(
        120_000_000,
        "A picture with more pixels, all frames together, is not decoded. Of TIFF each page may have as many, and all "
        "pages together as many bytes as that many pixels of RGB, 8 bit: gray and bilevel pages count a third.",
        low=1,
    )
    max_bytes: int = setting(512 * 2**20, "A file with more bytes is not read.", low=1)


@dataclass(frozen=True, kw_only=True)
class MetadataConfig:
    """What of a source's metadata may stay. Nothing by default."""

    keep: tuple[Kept, ...] = setting((), "Rebuilt from parsed values: orientation, icc, capture_year, gps_coarse, dpi.")


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """How files are reached. The three tables are given to fsspec as they are (credentials belong elsewhere)."""

    input: dict[str, Any] = setting({}, "fsspec options of INPUT, e.g. `storage.input.endpoint_url`.")
    output: dict[str, Any] = setting({}, "fsspec options of OUTPUT.")
    manifest: dict[str, Any] = setting({}, "fsspec options of the manifest; those of OUTPUT where none are given.")
    put: dict[str, Any] = setting({}, "Extra S3 PutObject parameters, e.g. `storage.put.ServerSideEncryption=aws:kms`.")
    request_payer: bool = setting(False, "Reads from a requester-pays bucket.")
    unconditional: bool = setting(False, "Publish to a store that cannot write conditionally.")
    list_threads: int = setting(8, "Ranges of keys that are listed at once, on S3.", low=1, high=64)
    shared: bool = setting(False, "Local paths are on a disk that every node of the cluster sees.")
    private: bool = setting(
        True,
        "On a disk manifest, originals and pages of people are for their owner only (0600, 0700); false: the umask "
        "decides, for workers that run as other users.",
    )


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """How the work is spread."""

    workers: int | None = setting(None, "Workers to ask for; without it one per CPU of the cluster.", low=1)
    gpus_per_worker: float = setting(
        0.0,
        "Share of a GPU that each worker gets, e.g. 0.25; needs onnxruntime-gpu. Without engine.workers as many are "
        "asked for as the cluster's GPUs can take.",
        low=0.0,
        high=1.0,
    )
    address: str = setting("auto", "`local`: embedded Ray; `auto`: a running cluster if there is one; or its address.")
    chunk_keys: int = setting(
        64, "Objects per chunk, at most; towards the end of a run they are fewer.", low=1, high=64
    )
    chunk_bytes: int = setting(8 * 2**20, "Bytes per chunk, at most; a larger object is one by itself.", low=1)
    io_threads: int = setting(4, "Threads of a worker that read ahead and publish behind.", low=1, high=64)
    chunk_time_s: float = setting(600.0, "After this long a worker drops a chunk and the driver sends it again.", low=1)
    image_time_s: float = setting(
        120.0, "A picture that takes longer is failed, and its worker ended; chunks get as long for each object.", low=1
    )
    lease_s: float = setting(
        20.0, "A run that gives no sign of life for this long is dead, and another may take over its OUTPUT.", low=1
    )
    no_worker_s: float = setting(600.0, "Without any worker for this long the run ends.", low=1)
    attempts: int = setting(3, "How often an object is tried that a worker did not come back from.", low=1)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run."""

    input: str = setting("", "Folder or single file, any fsspec URL.")
    output: str = setting("", "Folder, any fsspec URL.")
    manifest: str | None = setting(None, "Folder of the manifest; default OUTPUT.manifest.")
    as_of: str | None = setting(None, "Time at which consent is decided, ISO 8601; default: now.")
    include: tuple[str, ...] = setting((), "Only keys that match one of these patterns.")
    exclude: tuple[str, ...] = setting((), "No keys that match one of these patterns.")
    adopt: Adopt | None = setting(
        None,
        "An OUTPUT that is not empty and that no manifest knows, or that lost its mark: `keep` leaves alone what lies "
        "there, `replace` lets an output replace a file of its name. Nothing that lies there is removed.",
    )
    names: Names = setting("same", "`hashed`: file names are replaced by a keyed hash (ANONYMIZER_NAMES_KEY).")
    limit: int | None = setting(None, "Only the first so many objects.", low=0)
    max_failures: str | None = setting(
        None, "More failed objects than this (number or share, `5%`) end the run with 3."
    )
    in_place: bool = setting(False, "Clean INPUT where it lies; there is no OUTPUT.")
    originals: str | None = setting(None, "In place: the folder that keeps the originals, any fsspec URL.")
    discard_originals: bool = setting(False, "In place: keep no originals.")
    force: bool = setting(False, "Do everything again, changed or not.")
    prune: bool = setting(False, "Remove the outputs of sources that are not there any more.")
    prune_limit: str = setting("5%", "Refuse to prune more outputs than this: a number, or a share of all outputs.")
    keys: str | None = setting(
        None, "Only the keys of this file (Parquet, CSV, JSON Lines or S3 Inventory); INPUT is not listed."
    )
    dry_run: bool = setting(False, "Plan and count; read no object, write and start nothing.")
    estimate: int | None = setting(
        None, "A dry run that does so many objects, publishes none, and says how long all will take.", low=1
    )
    core_price: float | None = setting(None, "What a core costs an hour, for --estimate.", low=0)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    boxes: BoxesConfig = field(default_factory=BoxesConfig)
    redaction: RedactionConfig = field(default_factory=RedactionConfig)
    consent: ConsentConfig = field(default_factory=ConsentConfig)
    codec: CodecConfig = field(default_factory=CodecConfig)
    metadata: MetadataConfig = field(default_factory=MetadataConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
