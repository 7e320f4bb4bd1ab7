"""Writes and reads the counts in the JSON record of a run (`_runs/<run_id>.json` in the manifest's folder).

Records of older versions have `taken_up` instead of `resumed`, and under `counts` `carried` instead of `unchanged`;
they are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anonymizer.run.summary import NAMED_OBJECTIONS, Summary


def counts_of(summary: Summary) -> dict[str, Any]:
    """Makes the value of `counts` in the record of a finished run."""
    return {
        "listed": summary.listed,
        "unchanged": summary.unchanged,
        "statuses": dict(summary.statuses),
        "shards": summary.shards,
        "inside": summary.inside,
        "error_codes": dict(summary.codes),
        "faces": summary.faces,
        "redacted": summary.redacted,
        "removed_unsafe": summary.removed_unsafe,
        "removed_gone": summary.removed_gone,
        "gone": summary.gone,
        "settled": summary.recovered,
        "registry_unmatched": len(summary.registry_unmatched),
        "objections_unmatched": summary.objections_unmatched[:NAMED_OBJECTIONS],
    }


def times_resumed(record: Mapping[str, Any]) -> int:
    """Returns how often the run was resumed after an interruption."""
    return int(record.get("resumed", record.get("taken_up", 0)))


def unchanged_count(counts: Mapping[str, Any]) -> int:
    """Returns the number of listed objects that had not changed and needed no processing.

    Args:
        counts: The value of `counts` in a record; empty if the run has not finished.
    """
    return int(counts.get("unchanged", counts.get("carried", 0)))
