"""Hashes of settings: two objects with the same hash were made in the same way, and need not be done again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from anonymizer.config.schema import RunConfig


def settings_sha256(config: RunConfig, detector_sha256: str | None, revisions: Mapping[str, int]) -> str:
    """Hash of everything that decides what an output looks like, but not where it lies or how the work is spread.

    Args:
        config: The run's settings.
        detector_sha256: What the detector gives as its `sha256`; None where nothing is detected.
        revisions: The `output_revision` of codec, redactor and detector, which a developer raises with every change
            of their outputs.

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


def item_settings_sha256(run_sha256: str, config: RunConfig, boxes_sha256: str | None) -> str:
    """`settings_sha256` for one object: where boxes come from outside, the object's own boxes decide as well.

    Args:
        run_sha256: What `settings_sha256` returned for the run.
        config: The run's settings.
        boxes_sha256: Hash of the object's boxes; None if there are none for it.

    Returns:
        SHA-256 in hexadecimal digits.
    """
    if config.boxes.uri is None and boxes_sha256 is None:
        return run_sha256
    return hashlib.sha256(f"{run_sha256} {config.boxes.mode} {boxes_sha256 or ''}".encode()).hexdigest()
