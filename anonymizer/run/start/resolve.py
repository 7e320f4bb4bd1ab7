"""What a run starts from: full URLs, a time, a registry. Everything that can be wrong is said before any work."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from anonymizer import sanitize
from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError, ObjectError, RegistryError, RunError
from anonymizer.image import detectors
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_manifest
from anonymizer.lake.storage import folder_uri, is_local, local_path, nested, normalize_uri, open_root
from anonymizer.people import boxes, consent
from anonymizer.people.boxes import BoxTable
from anonymizer.people.consent import Registry
from anonymizer.run.start.keylist import KeyList, read_keys

log = logging.getLogger(__name__)


def resolved(config: RunConfig, *, inside_job: bool) -> tuple[RunConfig, str]:
    """The configuration with full URLs, and the manifest's.

    Raises:
        ConfigError: They are missing, contradict each other or cannot mean what was meant.
    """
    if config.in_place:
        config = _in_place(config)
    given = [uri for uri in (config.input, config.output, config.manifest, config.originals) if uri]
    if not config.input or not config.output:
        raise ConfigError("INPUT and OUTPUT are both needed")
    if inside_job and any(_is_relative_path(uri) for uri in given):
        raise ConfigError("inside a Ray job relative paths point into a package that is deleted later: give full ones")
    _check_scope(config)
    source, output = folder_uri(config.input), folder_uri(config.output)
    if config.manifest is None and not is_local(output) and "/" not in output.partition("://")[2].strip("/"):
        where = "INPUT" if config.in_place else "OUTPUT"
        raise ConfigError(f"{where} is a bucket's root, so its manifest cannot lie beside it: give --manifest URI")
    manifest_uri = folder_uri(config.manifest) if config.manifest else f"{output.rstrip('/')}.manifest"
    originals = folder_uri(config.originals) if config.originals else None
    apart = {"INPUT": source, "the manifest": manifest_uri, "the originals": originals}
    apart |= {} if config.in_place else {"OUTPUT": output}
    for (name, a), (other, b) in combinations(sorted((n, uri) for n, uri in apart.items() if uri is not None), 2):
        if nested(a, b) and {name, other} != {"INPUT", "the manifest"}:
            raise ConfigError(f"{name} and {other} lie inside one another")
    if nested(source, manifest_uri) and config.in_place:
        raise ConfigError("INPUT and the manifest lie inside one another")
    config = replace(config, input=source, output=output, manifest=manifest_uri, originals=originals)
    return config, manifest_uri


def _in_place(config: RunConfig) -> RunConfig:
    """What is published replaces what was read."""
    if config.output:
        raise ConfigError("--in-place takes no OUTPUT: INPUT is cleaned where it lies")
    if (config.originals is None) != config.discard_originals:
        raise ConfigError("--in-place replaces the originals: --originals URI keeps them, --discard-originals does not")
    if config.names != "same" or config.consent.policy != "redact":
        raise ConfigError("--in-place keeps names and withholds nothing: no --names hashed, no --policy public")
    storage = replace(config.storage, output=config.storage.output or config.storage.input)
    return replace(config, output=config.input, storage=storage)


def _check_scope(config: RunConfig) -> None:
    """Pruning needs the whole listing: what a part of it does not show is not gone."""
    part = {"--keys": config.keys, "--limit": config.limit, "--include": config.include, "--exclude": config.exclude}
    given = [option for option, value in part.items() if value not in (None, ())]
    if not config.in_place and (config.originals is not None or config.discard_originals):
        raise ConfigError("--originals and --discard-originals are for --in-place")
    if config.prune and given:
        raise ConfigError(f"--prune needs the whole listing: it cannot stand beside {given[0]}")
    if config.keys is not None and len(given) > 1:
        raise ConfigError(f"--keys names the objects: it cannot stand beside {given[1]}")


def _is_relative_path(uri: str) -> bool:
    return "://" not in uri and not uri.startswith("/")


def time_of(config: RunConfig) -> datetime:
    """The time at which consent is decided: `as_of`, or now.

    Raises:
        ConfigError: It is no time.
    """
    if config.as_of is None:
        return datetime.now(UTC)
    try:
        return consent.parse_time(config.as_of)
    except ValueError:
        raise ConfigError("--as-of takes an ISO 8601 time with offset, or a date") from None


@dataclass(frozen=True, slots=True)
class Decided:
    """The time at which a run decides.

    Attributes:
        as_of: UTC.
        clock: The latest time that the clock of any run has shown; None if none was asked.
    """

    as_of: datetime
    clock: datetime | None


def decided_at(config: RunConfig, as_of: datetime, manifest: ManifestStore) -> Decided:
    """The time at which consent is decided: never before one that the manifest knows, unless `--as-of` says so.

    A clock that was put back would let expired grants live again. What `--as-of` has said holds until the clock passes
    it or another `--as-of` is given.

    Args:
        config: Whether the time was given.
        as_of: What the user or the clock says, UTC.
        manifest: Of the run.
    """
    newest = max(manifest.runs(), default=None)
    record = manifest.read_run(newest) if newest is not None else {}
    said, clock = (
        datetime.fromisoformat(record[name]) if record.get(name) else None for name in ("as_of", "latest_clock")
    )
    if config.as_of is not None:
        return Decided(as_of, clock)
    latest = max(filter(None, (as_of, clock)))
    decided = max(filter(None, (latest, said)))
    if decided > as_of:
        log.warning(
            "the clock says %s, but consent was decided as of %s before: it is again, unless --as-of is given",
            as_of.isoformat(timespec="seconds"),
            decided.isoformat(timespec="seconds"),
        )
    return Decided(decided, latest)


def write_uri(uri: str, data: bytes, *, private: bool = False) -> None:
    """Writes one file at any URL, with the credentials of the environment, whatever stood there.

    Args:
        uri: Of the file.
        data: Its content.
        private: On a disk it is for its owner only.

    Raises:
        ConfigError: The URL names no file, or it cannot be written.
    """
    folder, _, name = normalize_uri(uri).rpartition("/")
    # Beside the folder, where a root has its lock, whoever may write this file may not write.
    lock = Path(local_path(folder), f".{name}.anon-lock") if is_local(folder) else None
    try:
        options = {"lock_path": str(lock)} if lock is not None else None
        open_root(folder, options, private=private).put(name, data)
    except (ObjectError, RunError) as error:
        reason = getattr(error, "message", str(error))
        raise ConfigError(f"{sanitize.bare_uri(uri)} cannot be written: {reason}") from None
    finally:
        if lock is not None:
            with suppress(OSError):
                lock.unlink()


def read_uri(uri: str, what: str) -> bytes:
    """One file at any URL, with the credentials of the environment.

    Raises:
        ConfigError: It cannot be read.
    """
    folder, _, name = normalize_uri(uri).rpartition("/")
    try:
        return open_root(folder).get(name)
    except (ObjectError, RunError) as error:
        reason = getattr(error, "message", str(error))
        raise ConfigError(f"{what} {sanitize.bare_uri(uri)} cannot be read: {reason}") from None


def load_weights(config: RunConfig) -> detectors.Weights:
    """What workers, or this process in their place, need of the detector's network; None where nothing is detected.

    Raises:
        ConfigError: As of `detectors.load_weights`.
    """
    if config.boxes.mode == "replace":
        return None
    on_gpu = config.engine.gpus_per_worker > 0
    return detectors.load_weights(config.detector, lambda uri: read_uri(uri, "the detector's network"), gpu=on_gpu)


def load_registry(config: RunConfig, as_of: datetime) -> Registry:
    """The consent registry; without one nobody has consented.

    Raises:
        RegistryError: It cannot be read.
    """
    settings = config.consent
    if settings.registry is None:
        return consent.empty_registry(purpose=settings.purpose, as_of=as_of)
    try:
        data = read_uri(settings.registry, "the registry")
    except ConfigError as error:
        raise RegistryError(str(error)) from None
    name, purpose, bind = sanitize.bare_name(settings.registry), settings.purpose, settings.bind
    return consent.load_registry(data, name, purpose=purpose, as_of=as_of, root=config.input, bind=bind)


def load_boxes(config: RunConfig) -> BoxTable | None:
    """The boxes from outside, None where none are given.

    Raises:
        ConfigError: They cannot be read, or a row is malformed.
    """
    uri = config.boxes.uri
    if uri is None:
        if config.boxes.mode == "replace":
            raise ConfigError("boxes.mode replace takes the boxes from --boxes URI, which is missing")
        return None
    name = sanitize.bare_name(uri)
    if name.lower().endswith(boxes.FILE_ENDINGS):
        return boxes.read_boxes(read_uri(uri, "the file of boxes"), name)
    store = open_manifest(config, folder_uri(uri))
    if not store.run_ids():
        endings = ", ".join(boxes.FILE_ENDINGS)
        raise ConfigError(f"--boxes {name} is no folder of a manifest, and no file that ends in one of {endings}")
    return boxes.from_manifest(store.current(boxes.FACE_COLUMNS, statuses=boxes.ANSWERS))


def load_keys(config: RunConfig) -> KeyList | None:
    """The objects that are named, None where INPUT is listed.

    Raises:
        ConfigError: The list cannot be read, or a row is malformed.
    """
    if config.keys is None:
        return None
    return read_keys(config.keys, lambda uri: read_uri(uri, "the list of keys"), config.input)


def arguments_sha256(config: RunConfig) -> str:
    """Hash of what makes two starts the same run: not the number of workers, not a secret."""
    values = sanitize.bare(dataclasses.asdict(config))
    del values["engine"], values["storage"], values["adopt"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
