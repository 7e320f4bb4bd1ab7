"""What tests ask of a manifest."""

from anonymizer.lake.manifest import ManifestStore, ObjectStore
from anonymizer.lake.manifest.store import COMMITTED_COLUMNS


def current_rows(found: ManifestStore) -> list[tuple[str, str, int]]:
    records = found.current(["key", "run_id", "attempt"]).to_pylist()
    return [(r["key"], r["run_id"], r["attempt"]) for r in records]


def committed_keys(found: ManifestStore, run_id: str) -> set[tuple[str, int]]:
    tables = list(found.committed(run_id))
    assert all(tuple(table.column_names) == COMMITTED_COLUMNS for table in tables)
    return {(r["key"], r["attempt"]) for table in tables for r in table.to_pylist()}


def names_of(store: ObjectStore, prefix: str = "") -> list[str]:
    return list(store.names(prefix))
