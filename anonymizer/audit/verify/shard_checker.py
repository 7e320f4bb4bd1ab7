"""Compares a published shard with its row, and every picture in it with the picture's row."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property

from anonymizer import shards
from anonymizer.config import RunConfig
from anonymizer.errors import ScrubCheckFailed, ShardDamaged
from anonymizer.lake.manifest import SCHEMA, Snapshot, from_table
from anonymizer.lake.roots import open_manifest_root
from anonymizer.lake.storage import Root
from anonymizer.records import PUBLISHED, ImageRef, ManifestRow
from anonymizer.run.worker import Deadline

PIECE_BYTES = 2**20


class ShardChecker:
    """Checks published shards; holds one picture of a shard in memory.

    Args:
        config: OUTPUT and manifest.
        output: OUTPUT.
        finding: Compares the bytes of a picture with its row; returns the code of what is wrong.
    """

    def __init__(self, config: RunConfig, output: Root, finding: Callable[[bytes, ManifestRow], str | None]) -> None:
        self._config = config
        self._output = output
        self._finding = finding

    def finding(self, ref: ImageRef, row: ManifestRow, deadline: Deadline) -> str | None:
        """The code of the first thing that is wrong with a shard; None if nothing is.

        Raises:
            ObjectError: It cannot be read.
            DeadlinePassed: The worker may not continue.
        """
        with self._output.open_source(ref) as file:
            if _sha256(file, deadline) != row.output_sha256:
                return "hash_mismatch"
            try:
                kind = shards.kind_named(row.format)
                file.seek(0)
                shards.check(kind, file)
                file.seek(0)
                return self._inside(kind, file, row, deadline)
            except (ScrubCheckFailed, ShardDamaged):
                return "container"

    def _inside(self, kind: shards.Kind, file: shards.File, row: ManifestRow, deadline: Deadline) -> str | None:
        waiting = self._rows(row)
        for entry in shards.pictures(kind, file):
            deadline.check()
            claims = waiting.get(hashlib.sha256(entry.data).hexdigest())
            if not claims:
                return "container"
            code = self._finding(entry.data, claims.pop())
            if code is not None:
                return code
        return "container" if any(waiting.values()) else None

    def _rows(self, row: ManifestRow) -> dict[str, list[ManifestRow]]:
        """The rows of the shard's pictures by the SHA-256 of their output."""
        found: dict[str, list[ManifestRow]] = defaultdict(list)
        for table in self._snapshot.scan(SCHEMA.names, between=(row.key, f"{row.key}0")):
            for one in from_table(table):
                if one.shard == row.key != one.key and one.status in PUBLISHED:
                    found[one.output_sha256 or ""].append(one)
        return dict(found)

    @cached_property
    def _snapshot(self) -> Snapshot:
        return Snapshot(open_manifest_root(self._config, self._config.manifest or ""))


def _sha256(file: shards.File, deadline: Deadline) -> str:
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        deadline.check()
        digest.update(piece)
    return digest.hexdigest()
