"""The places of a run, opened as its settings say: INPUT, OUTPUT, the manifest's folder, the quarantine."""

from __future__ import annotations

import logging

from anonymizer.config import RunConfig
from anonymizer.lake import storage
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import Root, is_open_to_others, open_root

log = logging.getLogger(__name__)


def open_input(config: RunConfig) -> Root:
    """The source, read-only."""
    settings = config.storage
    return storage.open_input(
        config.input, settings.input, request_payer=settings.request_payer, list_threads=settings.list_threads
    )


def open_output(config: RunConfig, output_id: str | None = None) -> Root:
    """Where images are published; once it is marked, nowhere else (`access.Access.mark`)."""
    settings = config.storage
    return open_root(
        config.output,
        settings.output,
        put=settings.put,
        unconditional=settings.unconditional,
        private=config.in_place and settings.private,
        keeps_rights=config.in_place,
        mark=output_id,
    )


def open_originals(config: RunConfig) -> Root | None:
    """Where the originals of a run in place are kept, if they are."""
    settings = config.storage
    if not config.in_place or not config.originals:
        return None
    return open_root(config.originals, settings.output, private=settings.private)


def original_key(key: str, source_sha256: str) -> str:
    """Name of an original in the quarantine: of one key there may have been several."""
    return f"{key}.{source_sha256[:16]}"


def open_manifest_root(config: RunConfig, manifest_uri: str) -> Root:
    """The manifest's folder; with the options of OUTPUT unless it has its own."""
    settings = config.storage
    options = settings.manifest or settings.output
    return open_root(manifest_uri, options, unconditional=settings.unconditional, private=settings.private)


def close_to_others(config: RunConfig, manifest_root: Root) -> None:
    """On a disk: the manifest of an older version is closed to others, and of an open quarantine it is said.

    That folder may be somebody's who opened it to a group, and nothing in it tells.
    """
    manifest_root.tighten()
    kept = config.originals if config.in_place and config.storage.private else None
    if kept is not None and is_open_to_others(kept):
        log.warning("%s holds originals and others may look into it: chmod -R go= closes it", kept)


def open_manifest(config: RunConfig, manifest_uri: str) -> ManifestStore:
    """Where rows are written."""
    return ManifestStore(open_manifest_root(config, manifest_uri))
