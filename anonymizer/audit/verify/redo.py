"""Prepare the run that anonymizes photos with suspected faces again (`--redact-suspects`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anonymizer.audit.verify.result import Verification
from anonymizer.audit.verify.second_detector import Suspect
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.image import geometry
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.roots import open_manifest
from anonymizer.lake.storage import normalize_uri
from anonymizer.people.boxes.suspects import written
from anonymizer.records import Detections, ManifestRow, Suspects
from anonymizer.run.start.keylist import KeyList, to_redo
from anonymizer.sanitize import uri_without_secrets

_COLUMNS = ("key", "source_uri", "status", "processed_at", "source_sha256", "output_sha256", "run_id")
#: Settings of the earlier run that are reset, because the new run processes the listed keys and is no dry run.
_RESET: dict[str, Any] = {
    "as_of": None,
    "include": [],
    "exclude": [],
    "limit": None,
    "force": False,
    "prune": False,
    "keys": None,
    "dry_run": False,
    "estimate": None,
}


@dataclass(frozen=True, slots=True)
class Redo:
    """A run over the photos with suspected faces.

    Attributes:
        config: The settings of the newest run, ready for `driver.run`.
        keys: The photos' keys.
    """

    config: RunConfig
    keys: KeyList


def redo(config: RunConfig, result: Verification) -> Redo | None:
    """Stores the suspects beside the manifest, where every later run reads them, and prepares the run to redact them.

    Args:
        config: The verification's configuration; its storage and engine settings are used.
        result: The verification's result.

    Returns:
        None if there is no suspect.

    Raises:
        ConfigError: The newest run's settings cannot be read by this version, or it had another OUTPUT.
        RunError: The manifest cannot be read.
    """
    look = result.second_look
    if look is None or not look.suspects:
        return None
    manifest = open_manifest(config, result.manifest_uri)
    run_id = manifest.runs()[-1] if manifest.runs() else None
    if run_id is None:
        raise ConfigError("--redact-suspects needs the record of a run, and the manifest has none")
    again = _settings(manifest.read_run(run_id), config, result)
    by_key: dict[str, list[Suspect]] = defaultdict(list)
    for key, suspect in look.suspects:
        by_key[key].append(suspect)
    found = list(_found(manifest, by_key, in_place=again.in_place))
    name = written(manifest.objects, manifest.run_ids()[-1], found)
    again = replace(again, keys=f"{result.manifest_uri.rstrip('/')}/{name}")
    return Redo(again, to_redo(key for key, _ in found))


def _settings(record: Mapping[str, Any], config: RunConfig, result: Verification) -> RunConfig:
    """The newest run's settings for a run over listed keys; storage and engine settings are not in its record."""
    try:
        values = {name: value for name, value in record["settings"].items() if name not in ("storage", "engine")}
        settings = from_mapping(RunConfig, values | _RESET)
    except (ConfigError, KeyError, TypeError, AttributeError):
        raise ConfigError("--redact-suspects: the newest run's settings are those of another version") from None
    if normalize_uri(settings.output) != result.output_uri:
        raise ConfigError(f"--redact-suspects: the newest run published to {settings.output}, not to OUTPUT")
    settings = replace(
        settings,
        consent=replace(settings.consent, registry=_whole(settings.consent.registry, config.consent.registry)),
        boxes=replace(settings.boxes, uri=_whole(settings.boxes.uri, config.boxes.uri)),
        detector=replace(settings.detector, weights=_whole(settings.detector.weights, config.detector.weights)),
    )
    output = "" if settings.in_place else settings.output
    storage, engine = config.storage, config.engine
    return replace(settings, output=output, manifest=result.manifest_uri, storage=storage, engine=engine)


def _whole(recorded: str | None, given: str | None) -> str | None:
    """The recorded URL, or the given one if it is the same with a signature (records hold no signatures)."""
    return given if given is not None and uri_without_secrets(given) == recorded else recorded


def _found(
    manifest: ManifestStore, by_key: Mapping[str, list[Suspect]], *, in_place: bool
) -> Iterator[tuple[str, Suspects]]:
    rows = from_table(manifest.current(_COLUMNS, keys=sorted(by_key)))
    for row in rows:
        read = _next_read(row, in_place=in_place)
        if read is not None:
            yield row.key, Suspects(_detections(by_key[row.key]), read)


def _next_read(row: ManifestRow, *, in_place: bool) -> str | None:
    """SHA-256 of the file that the new run will read; for an in-place run that is the published output."""
    return row.output_sha256 if in_place else row.source_sha256


def _detections(suspects: list[Suspect]) -> Detections:
    return Detections(
        xyxy=geometry.as_boxes([suspect.xyxy for suspect in suspects]),
        score=np.array([suspect.score for suspect in suspects], np.float32),
        frame=np.array([suspect.frame for suspect in suspects], np.int32),
    )
