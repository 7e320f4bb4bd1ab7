"""Loads a run's inputs besides photos: the registry, boxes, the list of keys, the detectors' weights."""

from __future__ import annotations

from datetime import datetime

from anonymizer import sanitize
from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError, RegistryError
from anonymizer.image import detectors
from anonymizer.lake.files import read_uri
from anonymizer.lake.roots import open_manifest
from anonymizer.lake.storage import folder_uri
from anonymizer.people import boxes, consent
from anonymizer.people.boxes import BoxTable
from anonymizer.people.consent import Registry
from anonymizer.run.start.keylist import KeyList, read_keys


def load_weights(config: RunConfig) -> detectors.Weights:
    """Loads the detectors' weights; returns None if no detector runs.

    Raises:
        ConfigError: See `detectors.load_weights`.
    """
    if config.boxes.mode == "replace":
        return None
    on_gpu = config.engine.gpus_per_worker > 0
    return detectors.load_weights(config.detector, lambda uri: read_uri(uri, "the detector's network"), gpu=on_gpu)


def load_registry(config: RunConfig, as_of: datetime) -> Registry:
    """Loads the consent registry; without one returns an empty one.

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
    name, purpose, bind = sanitize.name_without_secrets(settings.registry), settings.purpose, settings.bind
    return consent.load_registry(data, name, purpose=purpose, as_of=as_of, root=config.input, bind=bind)


def load_boxes(config: RunConfig) -> BoxTable | None:
    """Loads the boxes of `--boxes`; returns None if none are given.

    Raises:
        ConfigError: They cannot be read, or a row is malformed.
    """
    uri = config.boxes.uri
    if uri is None:
        if config.boxes.mode == "replace":
            raise ConfigError("boxes.mode replace needs --boxes URI")
        return None
    name = sanitize.name_without_secrets(uri)
    if name.lower().endswith(boxes.FILE_ENDINGS):
        return boxes.read_boxes(read_uri(uri, "the file of boxes"), name)
    store = open_manifest(config, folder_uri(uri))
    if not store.run_ids():
        endings = ", ".join(boxes.FILE_ENDINGS)
        raise ConfigError(f"--boxes {name} is neither a manifest's folder nor a file that ends in one of {endings}")
    return boxes.from_manifest(store.current(boxes.FACE_COLUMNS, statuses=boxes.ANSWERS))


def load_keys(config: RunConfig) -> KeyList | None:
    """Loads the list of `--keys`; returns None if INPUT is listed.

    Raises:
        ConfigError: The list cannot be read, or a row is malformed.
    """
    if config.keys is None:
        return None
    return read_keys(config.keys, lambda uri: read_uri(uri, "the list of keys"), config.input)
