"""Copies pictures from the output of a shard that still stands, where computing them again would give the same."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping

from anonymizer import shards
from anonymizer.errors import ObjectError
from anonymizer.records import PUBLISHED, ManifestRow

log = logging.getLogger(__name__)


class StandingPictures:
    """The pictures of a shard's output, read in step with its source: both have them in the same order.

    They are recognised by their SHA-256, because where an earlier run left rows out their numbers are others.

    Args:
        kind: The shard's format.
        file: The output, open.
        rows: Current rows of its pictures, by key.
    """

    def __init__(self, kind: shards.Kind, file: shards.File, rows: Mapping[str, ManifestRow]) -> None:
        self.rows = rows
        self._entries = ((hashlib.sha256(entry.data).hexdigest(), entry.data) for entry in shards.pictures(kind, file))

    def find(self, row: ManifestRow) -> bytes | None:
        """The published bytes of a picture; None if the output does not have them. Rows come in the shard's order."""
        if row.status not in PUBLISHED or row.output_sha256 is None:
            return None
        try:
            return next((data for sha256, data in self._entries if sha256 == row.output_sha256), None)
        except ObjectError:
            # It only saves time: without it the picture is computed.
            log.warning("%s: the output that stands cannot be read", row.shard)
            return None
