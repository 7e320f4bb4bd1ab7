"""What others see: the table, and neither the journal nor the records."""

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import open_root
from tests.lake.manifest.rows import FULL, MINIMAL, row

EXPECTED = [("a.jpg", "r1"), ("b", "r2"), (FULL.key, "r1")]


@pytest.fixture
def folder(tmp_path):
    found = ManifestStore(open_root(str(tmp_path)))
    found.write_part("r1", "c1", 1, [FULL, MINIMAL])
    found.write_part("r2", "c1", 1, [row("b")])
    for run_id in ("r1", "r2"):
        found.compact(run_id, final=True)
        found.write_run(run_id, {"finished": None})
    found.write_part("r3", "c1", 1, [row("not folded yet")])
    return tmp_path


def test_pyarrow(folder):
    table = ds.dataset(folder, partitioning="hive").to_table()
    assert sorted((r["key"], r["run_id"]) for r in table.to_pylist()) == EXPECTED
    (full,) = [r for r in table.to_pylist() if r["key"] == FULL.key]
    assert full["faces"][1]["x"] == 100.0
    assert full["as_of"] == FULL.as_of


def test_pandas(folder):
    frame = pd.read_parquet(folder)
    assert sorted(zip(frame["key"], frame["run_id"].astype(str), strict=True)) == EXPECTED
    assert str(frame["processed_at"].dtype) == "datetime64[us, UTC]"


def test_duckdb(folder):
    query = "select key, run_id, faces from read_parquet(?, hive_partitioning=true) order by key"
    found = duckdb.connect().execute(query, [f"{folder}/run_id=*/part-*.parquet"]).fetchall()
    assert [(key, run_id) for key, run_id, _ in found] == EXPECTED
    assert found[2][2][1]["redacted"] is False


def test_duckdb_finds_the_current_row_in_sql(folder):
    query = """
        select key, arg_max(attempt, (run_id, attempt)) from read_parquet(?, hive_partitioning=true)
        group by key order by key
    """
    found = duckdb.connect().execute(query, [f"{folder}/run_id=*/part-*.parquet"]).fetchall()
    assert found == [("a.jpg", 1), ("b", 1), (FULL.key, FULL.attempt)]
