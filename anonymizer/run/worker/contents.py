"""Looks up what is known about the pictures inside a shard: consent, boxes, and their rows of earlier runs.

The driver sees only the shard, whose pictures it cannot list. A worker reads registry and boxes itself when it meets
its first shard.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from anonymizer.errors import RegistryChanged
from anonymizer.lake.manifest import SCHEMA, Snapshot, from_table
from anonymizer.lake.storage import Root
from anonymizer.people.boxes import BoxTable, SuspectList
from anonymizer.people.consent import Registry
from anonymizer.records import ImageRef, ManifestRow, WorkItem
from anonymizer.run.start.load import load_boxes, load_registry
from anonymizer.run.worker.job import Job


class Contents:
    """What is known about the pictures inside the shards of a run.

    Args:
        job: The run's job.
        manifest: The manifest's folder.
    """

    def __init__(self, job: Job, manifest: Root) -> None:
        self._job = job
        self._manifest_root = manifest

    def item(self, shard: WorkItem, key: str, size: int, before: ManifestRow | None) -> WorkItem:
        """The work item of one picture.

        Args:
            shard: The item of the shard.
            key: The picture's key.
            size: Its size in bytes.
            before: Its current row, if there is one.

        Raises:
            RegistryChanged: The registry is not the one that the run began with.
        """
        uri = f"{shard.ref.uri}{key[len(shard.ref.key) :]}"
        ref = ImageRef(key, uri, shard.ref.etag, size, None)
        found = self._boxes.find(ref) if self._boxes is not None else None
        return WorkItem(
            ref=ref,
            decision=self._registry.decide(key),
            output_version=None,
            boxes=self._suspects.besides(key, found),
            bound=before.consent_bound if before is not None else (),
        )

    def rows(self, shard: str) -> Mapping[str, ManifestRow]:
        """The current rows of a shard's pictures, by key; those of the output that the shard's row names."""
        # The keys of its pictures begin with `SHARD/`; `0` is the character after `/`.
        tables = self._snapshot.scan(SCHEMA.names, between=(shard, f"{shard}0"))
        return {row.key: row for table in tables for row in from_table(table) if row.shard == shard != row.key}

    @cached_property
    def _registry(self) -> Registry:
        registry = load_registry(self._job.config, self._job.as_of)
        if registry.sha256 != self._job.registry_sha256:
            raise RegistryChanged
        return registry

    @cached_property
    def _boxes(self) -> BoxTable | None:
        return load_boxes(self._job.config)

    @cached_property
    def _suspects(self) -> SuspectList:
        return SuspectList.read(self._manifest_root)

    @cached_property
    def _snapshot(self) -> Snapshot:
        return Snapshot(self._manifest_root)
