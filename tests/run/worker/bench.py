"""A worker on three folders, without Ray."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from anonymizer.config import RunConfig, from_mapping
from anonymizer.lake import lease
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.storage import open_root
from anonymizer.records import NO_CONSENT, Chunk, ImageRef, WorkItem
from anonymizer.run.worker import Job, Worker

RUN_ID = "r20260101T000000000000Z-00000000"
OUTPUT_ID = "ab" * 16
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
#: No machine is so slow that it runs out by itself.
LONG_S = 4000.0


class Bench:
    """A worker on three folders."""

    def __init__(self, folder, **settings):
        (folder / "in").mkdir()
        self.input = open_root(str(folder / "in"))
        self.output = open_root(str(folder / "out"))
        self.manifest = ManifestStore(open_root(str(folder / "out.manifest")))
        values = {"input": self.input.uri, "output": self.output.uri, "detector": {"name": "patch"}, **settings}
        config = from_mapping(RunConfig, values)
        self.lease = lease.acquire(open_root(f"{self.output.uri}.manifest"), LONG_S)
        self.output.set_mark(OUTPUT_ID)
        where = (config, f"{self.output.uri}.manifest", RUN_ID, AS_OF, None, None)
        self.worker = Worker(Job(*where, self.lease.ticket, OUTPUT_ID))

    def chunk(self, *keys, time_s=LONG_S, attempt=1, **changes):
        refs = {entry.key: entry for entry in self.input.list() if isinstance(entry, ImageRef)}
        items = tuple(replace(WorkItem(refs[key], NO_CONSENT, None), **changes) for key in keys)
        return Chunk("c0ffee", items, attempt, 0, time_s)

    def rows(self):
        return {row.key: row for row in from_table(self.manifest.current().drop_columns(["run_id"]))}


def names(root):
    return [entry.key for entry in root.list(output=True)]


class Wrapped:
    """An anonymizer that is called in another way."""

    def __init__(self, inner, call):
        self._inner, self._call = inner, call

    def __call__(self, *arguments):
        return self._call(*arguments)

    def __getattr__(self, name):
        return getattr(self._inner, name)
