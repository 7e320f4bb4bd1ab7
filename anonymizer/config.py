"""Every setting, once: a typed field with its documentation, default and limits.

The command line, `--set section.key=value`, the configuration file (TOML or JSON), the README's table and the error
texts all come from these fields. An unknown key is an error.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from anonymizer.errors import ConfigError

Method = Literal["smooth", "blur", "pixelate", "solid", "gaussian"]
Policy = Literal["redact", "public"]
Bind = Literal["key", "content"]
Jpeg = Literal["exact", "reencode"]
Names = Literal["same", "hashed"]
Adopt = Literal["keep", "replace"]
Kept = Literal["orientation", "icc", "capture_year", "gps_coarse", "dpi"]
DetectorName = Literal["centerface", "yunet", "haar", "patch"]
BoxesMode = Literal["add", "replace"]
Preset = Literal["fast", "balanced", "thorough"]
Precision = Literal["int8", "float32"]

T = TypeVar("T")


def setting(
    default: Any, doc: str, *, low: float | None = None, high: float | None = None, words: tuple[str, ...] = ()
) -> Any:
    """A dataclass field with its documentation and, for numbers, its inclusive limits.

    Args:
        default: Its value where nothing is set.
        doc: One sentence.
        low: Least number.
        high: Greatest number.
        words: The text is one of these, or several with commas (a list is taken too).
    """
    metadata = {"doc": doc, "low": low, "high": high, "words": words}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


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
    max_pixels: int = setting(120_000_000, "A picture with more pixels, all frames together, is not decoded.", low=1)
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


def fields_of(config_type: type[Any], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(dotted name, default, documentation) of every setting, sections flattened."""
    hints = typing.get_type_hints(config_type)
    for item in dataclasses.fields(config_type):
        name = f"{prefix}{item.name}"
        if dataclasses.is_dataclass(hints[item.name]):
            yield from fields_of(typing.cast("type[Any]", hints[item.name]), f"{name}.")
        else:
            default = item.default if item.default is not dataclasses.MISSING else {}
            yield name, default, item.metadata["doc"]


def choices(config_type: type[Any], name: str) -> tuple[str, ...] | None:
    """The values that a setting (dotted name) can have, None if they cannot be counted."""
    *sections, last = name.split(".")
    for section in sections:
        config_type = typing.get_type_hints(config_type)[section]
    hint = typing.get_type_hints(config_type)[last]
    either = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return next((typing.get_args(option) for option in either if typing.get_origin(option) is Literal), None)


def from_mapping(config_type: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """Builds a configuration from nested mappings (values may be text, as they come from a command line).

    Raises:
        ConfigError: A key is unknown or a value has the wrong type or lies outside its limits.
    """
    hints = typing.get_type_hints(config_type)
    known = {item.name: item for item in dataclasses.fields(typing.cast("Any", config_type))}
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise ConfigError(f"unknown setting {name!r}; known here: {', '.join(sorted(known))}")
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} is a section, not a value")
            arguments[key] = from_mapping(typing.cast("type[Any]", hint), value, f"{name}.")
        else:
            words = known[key].metadata["words"]
            converted = _joined(name, value, words) if words else _converted(name, value, hint)
            arguments[key] = _limited(name, converted, known[key].metadata)
    return config_type(**arguments)


def _converted(name: str, value: Any, hint: Any) -> Any:
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None or value == "":
            return None
        return _converted(name, value, next(o for o in options if o is not type(None)))
    if origin is Literal:
        if value not in options:
            raise ConfigError(f"{name} is one of {', '.join(options)}, not {value!r}")
        return value
    if origin is tuple:
        values = (value,) if isinstance(value, str) else tuple(value)
        return tuple(_converted(name, item, options[0]) for item in values)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} takes a key: {name}.KEY=VALUE")
        return dict(value)
    return _scalar(name, value, hint)


def _joined(name: str, value: Any, words: tuple[str, ...]) -> str:
    """`a, b` or `["a", "b"]` to `a,b`."""
    given = value.split(",") if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [value]
    parts = [part.strip() if isinstance(part, str) else part for part in given]
    for part in parts:
        if part not in words:
            raise ConfigError(f"{name} is one of {', '.join(words)}, or several of them with commas, not {part!r}")
    if not parts or len(set(parts)) < len(parts):
        raise ConfigError(f"{name} takes each of {', '.join(words)} at most once, and at least one of them")
    return ",".join(parts)


def _scalar(name: str, value: Any, hint: Any) -> Any:
    if hint is bool:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        found = value if isinstance(value, bool) else truth.get(str(value).lower())
        if found is None:
            raise ConfigError(f"{name} is true or false, not {value!r}")
        return found
    if isinstance(value, bool) and hint is not str:
        raise ConfigError(f"{name} is a number, not {value!r}")
    try:
        return hint(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} is {'text' if hint is str else 'a number'}, not {value!r}") from None


def _limited(name: str, value: Any, metadata: Mapping[str, Any]) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = metadata["low"], metadata["high"]
        below, above = low is not None and not value >= low, high is not None and not value <= high
        if below or above:
            raise ConfigError(f"{name} is {value}; it has to lie in [{low}, {'…' if high is None else high}]")
    return value


def parse_assignments(assignments: typing.Iterable[str]) -> dict[str, Any]:
    """`["a.b=1", ...]` to nested mappings. JSON lists, objects and booleans are taken as such, and bare `[a, b]`."""
    result: dict[str, Any] = {}
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator or not path:
            raise ConfigError(f"--set takes section.key=value, not {assignment!r}")
        node = result
        *parents, last = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ConfigError(f"--set {path}: {parent} is already a value")
        node[last] = _maybe_json(text)
    return result


def _maybe_json(text: str) -> Any:
    if text[:1] in "[{" or text in ("true", "false", "null"):
        try:
            return json.loads(text)
        except ValueError:
            # `[dpi, icc]`: a shell takes the quotes away.
            words = re.fullmatch(r"\[([^\[\]\"]*)\]", text)
            return [word.strip() for word in words[1].split(",")] if words else text
    return text


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings merged; `over` wins."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merge(result[key], value) if both else value
    return result


def parse_file(text: bytes, name: str) -> dict[str, Any]:
    """A configuration file: TOML, or JSON when its name ends so.

    Raises:
        ConfigError: It cannot be parsed.
    """
    try:
        parsed = json.loads(text) if name.endswith(".json") else tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    if not isinstance(parsed, dict):
        raise ConfigError(f"{name}: a table of settings is expected")
    return parsed


def settings_sha256(config: RunConfig, detector_sha256: str | None, revisions: Mapping[str, int]) -> str:
    """Hash of all that decides what an output looks like; not of where it lies or how the work is spread.

    Args:
        config: The run's settings.
        detector_sha256: Of the network's weights; None where nothing is detected.
        revisions: The hand-raised `output_revision` of codec, redactor and detector.
    """
    detector = dataclasses.asdict(config.detector) | {"weights": detector_sha256}
    relevant = {
        "detector": detector if detector_sha256 is not None else {"padding": config.detector.padding},
        "redaction": dataclasses.asdict(config.redaction),
        "policy": [config.consent.policy, config.consent.publish_no_face],
        "codec": dataclasses.asdict(config.codec),
        "metadata": sorted(config.metadata.keep),
        "revisions": dict(sorted(revisions.items())),
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def item_settings_sha256(run_sha256: str, config: RunConfig, boxes_sha256: str | None) -> str:
    """`settings_sha256` of one object: where boxes come from outside, its own boxes decide as well.

    Args:
        run_sha256: What `settings_sha256` gave.
        config: The run's settings.
        boxes_sha256: Of the object's boxes; None if there are none for it.
    """
    if config.boxes.uri is None and boxes_sha256 is None:
        return run_sha256
    return hashlib.sha256(f"{run_sha256} {config.boxes.mode} {boxes_sha256 or ''}".encode()).hexdigest()
