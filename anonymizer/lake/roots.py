"""Opens the folders of a run with the options in its settings: INPUT, OUTPUT, the manifest, the originals."""

from __future__ import annotations

import logging

from anonymizer.config import RunConfig
from anonymizer.lake import storage
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import Root, is_open_to_others, open_root

log = logging.getLogger(__name__)


def open_input(config: RunConfig) -> Root:
    """Opens INPUT, read-only."""
    settings = config.storage
    return storage.open_input(
        config.input, settings.input, request_payer=settings.request_payer, list_threads=settings.list_threads
    )


def open_output(config: RunConfig, output_id: str | None = None) -> Root:
    """Opens OUTPUT; with `output_id` the root refuses to write and remove without that mark (`access.Access.mark`)."""
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
    """Opens the folder for originals; returns None unless the run works in place and keeps them."""
    settings = config.storage
    if not config.in_place or not config.originals:
        return None
    return open_root(config.originals, settings.output, private=settings.private)


def original_key(key: str, source_sha256: str) -> str:
    """Key of an original in the folder for originals; one key may have had several contents."""
    return f"{key}.{source_sha256[:16]}"


def open_manifest_root(config: RunConfig, manifest_uri: str) -> Root:
    """Opens the manifest's folder, with the options of OUTPUT unless it has its own."""
    settings = config.storage
    options = settings.manifest or settings.output
    return open_root(manifest_uri, options, unconditional=settings.unconditional, private=settings.private)


def close_to_others(config: RunConfig, manifest_root: Root) -> None:
    """On a disk: restricts the manifest's folder to its owner, and warns if others can read the originals.

    The permissions of the folder for originals are not changed, because a user may have given a group access.
    """
    manifest_root.tighten()
    kept = config.originals if config.in_place and config.storage.private else None
    if kept is not None and is_open_to_others(kept):
        log.warning("%s contains originals and other users can read it: chmod -R go= restricts it", kept)


def open_manifest(config: RunConfig, manifest_uri: str) -> ManifestStore:
    """Opens a manifest."""
    return ManifestStore(open_manifest_root(config, manifest_uri))
