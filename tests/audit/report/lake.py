"""A lake that was anonymized, made without Ray: real outputs, real rows, a record of the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anonymizer import Anonymizer
from anonymizer.audit.report.build import Made, Options, report
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ObjectError
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import join_uri, open_root
from anonymizer.records import NO_CONSENT, ImageRef, ManifestRow, WorkItem
from anonymizer.run.rows import failed_row, published_row

RUN = "r20260102T120000000000Z-0000test"
START = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
_ANONYMIZER = {"detector": {"name": "patch"}}


class Lake:
    """Below a folder: `out`, `out.manifest` and what reports are written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "out"
        self.store = ManifestStore(open_root(f"{self.output}.manifest"))
        self.rows: list[ManifestRow] = []

    def add(self, objects: Mapping[str, bytes], **changes: Any) -> None:
        """Anonymizes objects, publishes what is safe and makes a row for each."""
        anonymizer = Anonymizer(_ANONYMIZER)
        for key, data in objects.items():
            ref = ImageRef(key, f"file:///in/{key}", "v1", len(data), START)
            item = WorkItem(ref, NO_CONSENT, None)
            try:
                image = anonymizer(data)
            except ObjectError as error:
                row = failed_row(item, error)
            else:
                path = self.output / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(image.data)
                row = published_row(item, image, join_uri(str(self.output), key), "v1")
            done = START + timedelta(seconds=len(self.rows))
            made = {"detector": "patch", "method": "smooth", "software_version": "0.1.0", "settings_sha256": "6" * 64}
            self.rows.append(dataclasses.replace(row, **{"processed_at": done, "duration_ms": 20.0, **made, **changes}))

    def commit(self, *, fold: bool = True, **record: Any) -> None:
        """Writes rows and record as a run does."""
        statuses: dict[str, int] = {}
        for row in self.rows:
            statuses[row.status] = statuses.get(row.status, 0) + 1
        counts = {"listed": len(self.rows), "unchanged": 0, "statuses": statuses}
        settings = {"output": str(self.output), "redaction": {"method": "solid"}, "consent": {"registry": "secret.csv"}}
        self.store.write_part(RUN, "c1", 1, self.rows)
        if fold:
            self.store.compact(RUN, final=True)
        standard = {
            "run_id": RUN,
            "as_of": "2026-01-02T00:00:00+00:00",
            "registry_sha256": "ab" * 32,
            "started": START.isoformat(),
            "finished": (START + timedelta(seconds=10)).isoformat(),
            "exit_status": 0,
            "counts": counts,
            "settings": settings,
            "versions": {"anonymizer": "0.1.0"},
        }
        self.store.write_run(RUN, standard | record)

    def report(self, name: str = "report.html", **options: Any) -> tuple[str, Made]:
        """The page and what is said of it."""
        target = self.folder / name
        config = from_mapping(RunConfig, {"output": str(self.output)})
        made = report(config, Options(str(target), **options))
        assert target.stat().st_size == made.size_bytes
        return target.read_text("utf-8"), made
