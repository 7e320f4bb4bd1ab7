"""Rows of the manifest as tests of plan and take-down need them."""

from datetime import UTC, datetime

import pyarrow as pa

from anonymizer.config import RunConfig
from anonymizer.lake.manifest import to_table
from anonymizer.records import ManifestRow
from anonymizer.run.rows import failure_settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RUN = "r2"
SETTINGS = "s1"


def row(key, **values):
    values = {"status": "anonymized", "output_uri": f"file:///out/{key}", "output_etag": "o1", **values}
    failed = values.get("error_code") not in (None, "withheld") and values["status"] != "removed"
    settings = failure_settings(SETTINGS, RunConfig()) if failed else SETTINGS
    values = {"source_uri": f"file:///in/{key}", "settings_sha256": settings, **values}
    return ManifestRow(key=key, processed_at=NOW, source_etag="v1", **{"consent_sha256": "", **values})


def table(*runs_and_rows):
    rows = sorted(runs_and_rows, key=lambda pair: pair[1].key)
    return to_table([r for _, r in rows]).append_column("run_id", pa.array([run for run, _ in rows], pa.string()))


def scan_of(rows):
    """As a snapshot gives them: a few at a time."""
    return lambda columns: iter([rows.select(columns).slice(start, 2) for start in range(0, rows.num_rows, 2)])
