"""Hashes settings: as long as an object's hash stays the same, its output does not have to be made again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from anonymizer.config.schema import RunConfig


def settings_sha256(config: RunConfig, detector_sha256: str | None, revisions: Mapping[str, int]) -> str:
    """Hashes all settings that change the content of an output; its location and the engine's settings do not count.

    Args:
        config: The run's settings.
        detector_sha256: The detector's `sha256`; None if no detector runs.
        revisions: The `output_revision` of codec, redactor and detector; developers raise it whenever a change to the
            code changes outputs.

    Returns:
        SHA-256 in hexadecimal digits.
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


def failure_settings_sha256(settings: str, config: RunConfig, read_revision: int) -> str:
    """Hashes the settings for a row of an object that failed or was skipped.

    What becomes of such an object depends on two things more, which no output depends on: what readers can tell of a
    file, and what the user allows to be passed over. If one of them changes, only rows without a new output are redone.

    Args:
        settings: The result of `item_settings_sha256` for the object.
        config: The run's settings.
        read_revision: `codec.READ_REVISION`.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    return hashlib.sha256(f"{settings} {read_revision} {','.join(sorted(set(config.allow)))}".encode()).hexdigest()


def item_settings_sha256(run_sha256: str, config: RunConfig, boxes_sha256: str | None) -> str:
    """Hashes the settings for one object: those of the run and, with `--boxes`, the boxes given for the object.

    Args:
        run_sha256: The result of `settings_sha256` for the run.
        config: The run's settings.
        boxes_sha256: Hash of the object's boxes; None if it has none.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    if config.boxes.uri is None and boxes_sha256 is None:
        return run_sha256
    return hashlib.sha256(f"{run_sha256} {config.boxes.mode} {boxes_sha256 or ''}".encode()).hexdigest()


def shard_settings_sha256(item_sha256: str, config: RunConfig) -> str:
    """Hashes the settings for a shard: those of its pictures, and those of shards.

    Args:
        item_sha256: The result of `item_settings_sha256` for the shard.
        config: The run's settings.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    relevant = json.dumps(dataclasses.asdict(config.shards), sort_keys=True)
    return hashlib.sha256(f"{item_sha256} {relevant}".encode()).hexdigest()
