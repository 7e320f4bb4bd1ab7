"""The JSON record that a run leaves in the manifest's folder (`_runs/<run_id>.json`): its counts, written and read.

Older records have `taken_up` in place of `resumed`, and under `counts` `carried` in place of `unchanged`. They are read
as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anonymizer.run.summary import NAMED_OBJECTIONS, Summary


def counts_of(summary: Summary) -> dict[str, Any]:
    """What the record of a finished run says under `counts`."""
    return {
        "listed": summary.listed,
        "unchanged": summary.unchanged,
        "statuses": dict(summary.statuses),
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
    """How often the run was resumed after an interruption."""
    return int(record.get("resumed", record.get("taken_up", 0)))


def unchanged_count(counts: Mapping[str, Any]) -> int:
    """Listed objects that there was nothing to do for.

    Args:
        counts: Of a record; empty where the run has not finished.
    """
    return int(counts.get("unchanged", counts.get("carried", 0)))
