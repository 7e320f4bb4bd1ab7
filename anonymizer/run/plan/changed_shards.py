"""Finds the shards with pictures about which the consent registry says something else than in their rows."""

from __future__ import annotations

from datetime import datetime

import pyarrow.compute as pc

from anonymizer.lake.manifest import Snapshot
from anonymizer.people.consent import Registry

_COLUMNS = ("key", "shard", "registry_sha256", "as_of", "consent_sha256")


def changed_shards(snapshot: Snapshot, registry: Registry, as_of: datetime) -> frozenset[str]:
    """Keys of the shards that have to be made again because of consent.

    The planner cannot see this from the shard's own row. Only the pictures of shards that were last made with another
    registry, or before a consent period began or ended, are compared.

    Args:
        snapshot: The current rows.
        registry: The consent registry.
        as_of: The time for which consent is evaluated, UTC.
    """
    if snapshot.totals is not None and not snapshot.totals.shards:
        return frozenset()
    stale: set[str] = set()
    changed: set[str] = set()
    for table in snapshot.scan(_COLUMNS):
        rows = table.filter(pc.is_valid(table["shard"]))
        for key, shard, registry_sha256, seen, consent in zip(
            *(rows[name].to_pylist() for name in _COLUMNS), strict=True
        ):
            if key == shard:
                if registry_sha256 != registry.sha256 or seen is None or registry.turns(seen, as_of) or seen > as_of:
                    stale.add(key)
            elif shard in stale and shard not in changed and registry.decide(key, listed=False).sha256 != consent:
                changed.add(shard)
    return frozenset(changed)
