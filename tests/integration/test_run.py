"""The job on a folder, with a real Ray: what is published, what the manifest says, what the exit status is."""

from __future__ import annotations

import json
import logging
import os
import sys

import duckdb
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest

from anonymizer.audit.verify import verify
from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError, ListingError, RegistryError, RunError
from anonymizer.image.codec.jpeg import turbo_library
from tests.integration.runs import config, files, rows, run, write
from tests.pictures import decoded, encoded, photo, scene

pytestmark = pytest.mark.usefixtures("cluster")

FACE = (40, 30, 60, 54)


@pytest.fixture
def lake(tmp_path):
    contents = {f"album/{i:02}.png": photo(i) for i in range(9)}
    contents |= {
        "empty street.png": photo(20, faces=()),
        "wrong name.gif": photo(21, image_format="JPEG"),
        "ä/ü.webp": photo(22, image_format="WEBP"),
        "bmp.bmp": photo(23, image_format="BMP"),
        "notes.txt": b"no picture",
        "broken.png": photo(24)[:200],
        "layers.psd": b"8BPS\0\1" + bytes(40),
    }
    return write(tmp_path / "in", contents)


def test_a_folder_from_start_to_finish(lake, tmp_path):
    out = tmp_path / "out"
    summary = run(lake, out)
    table = rows(out)
    assert summary.exit_status == 3
    assert summary.listed == summary.written == len(files(lake)) == len(table)
    assert {key for key, row in table.items() if row["output_uri"]} == set(files(out))
    assert table["notes.txt"]["status"] == "skipped"
    assert (table["broken.png"]["status"], table["broken.png"]["error_code"]) == ("failed", "decode_error")
    assert table["layers.psd"]["error_code"] == "unsupported_format"
    assert table["empty street.png"]["status"] == "no_face"
    for key in ("album/00.png", "wrong name.gif", "ä/ü.webp", "bmp.bmp"):
        assert (table[key]["status"], table[key]["face_count"], table[key]["redacted_count"]) == ("anonymized", 1, 1)
    assert not list(tmp_path.glob("**/*.tmp"))


def test_faces_are_gone_and_the_rest_stays(lake, tmp_path):
    run(lake, tmp_path / "out", {"redaction": {"method": "solid", "fill": "#010203"}})
    before, after = decoded(photo(0)), decoded((tmp_path / "out/album/00.png").read_bytes())
    x1, y1, x2, y2 = FACE
    assert (after[y1:y2, x1:x2] == (1, 2, 3)).all()
    outside = np.ones(before.shape[:2], bool)
    outside[y1 - 10 : y2 + 10, x1 - 10 : x2 + 10] = False
    assert (after[outside] == before[outside]).all()


def test_the_manifest_reads_everywhere(lake, tmp_path):
    summary = run(lake, tmp_path / "out")
    folder = f"{tmp_path}/out.manifest"
    by_arrow = pyarrow.dataset.dataset(folder, partitioning="hive").to_table().num_rows
    by_pandas = len(pd.read_parquet(folder))
    query = f"select count(*) from read_parquet('{folder}/run_id=*/part-*.parquet', hive_partitioning=true)"
    assert by_arrow == by_pandas == duckdb.sql(query).fetchall()[0][0] == summary.listed
    record = json.loads(next((tmp_path / "out.manifest/_runs").iterdir()).read_text())
    assert record["exit_status"] == 3
    assert record["finished"] is not None
    assert record["counts"]["listed"] == summary.listed
    assert not list((tmp_path / "out.manifest").glob("_journal/**/*.parquet"))


def test_a_second_run_replaces_the_outputs_and_keeps_one_current_row_each(lake, tmp_path):
    first = run(lake, tmp_path / "out")
    outputs = files(tmp_path / "out")
    second = run(lake, tmp_path / "out", {"force": True})
    assert second.run_id > first.run_id
    assert second.written == first.written
    assert files(tmp_path / "out") == outputs
    assert {row["run_id"] for row in rows(tmp_path / "out").values()} == {second.run_id}


def test_what_is_under_a_mask_does_not_reach_the_published_bytes(tmp_path):
    x1, y1, x2, y2 = FACE
    for name, seed in (("one", 1), ("two", 2)):
        pixels = scene(120, 90, seed=7)
        pixels[y1:y2, x1:x2] = np.random.default_rng(seed).integers(0, 255, (y2 - y1, x2 - x1, 3))
        for suffix in ("png", "bmp"):
            write(tmp_path / name, {f"a.{suffix}": encoded(pixels, suffix)})
    registry = b"key,status,x,y,w,h,width,height\n*,denied,40,30,20,24,120,90\n"
    (tmp_path / "r.csv").write_bytes(registry)
    for name in ("one", "two"):
        run(tmp_path / name, tmp_path / f"{name}-out", {"consent": {"registry": str(tmp_path / "r.csv")}})
    assert files(tmp_path / "one-out") == files(tmp_path / "two-out")
    assert len(files(tmp_path / "one-out")) == 2


def test_links_and_special_files_are_reported_and_never_followed(tmp_path):
    secret = write(tmp_path / "elsewhere", {"private.png": photo(1)})
    lake = write(tmp_path / "in", {"a.png": photo(2), ".b.png.anon-0123456789abcdef.tmp": photo(3)})
    (lake / "link.png").symlink_to(secret / "private.png")
    (lake / "folder").symlink_to(secret)
    summary = run(lake, tmp_path / "out")
    table = rows(tmp_path / "out")
    assert set(files(tmp_path / "out")) == {"a.png"}
    assert table["link.png"]["error_code"] == table["folder"]["error_code"] == "not_a_regular_file"
    assert table[".b.png.anon-0123456789abcdef.tmp"]["error_code"] == "reserved_key"
    assert summary.listed == len(table) == 4


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold only UTF-8")
def test_a_name_that_is_no_text_and_the_name_that_spells_it(tmp_path):
    lake = write(
        tmp_path / "in", {"a\\xff.png": photo(1), os.fsdecode(b"a\xff.png"): photo(2), "b\n\x1b[31m.png": photo(3)}
    )
    for _ in range(2):
        summary = run(lake, tmp_path / "out")
        table = rows(tmp_path / "out")
        assert summary.listed == len(table) == 3
        assert {key: row["error_code"] for key, row in table.items()} == {
            "./a\\xff.png": "unsafe_key",
            "a\\xff.png": None,
            "b\n\x1b[31m.png": None,
        }
        assert set(files(tmp_path / "out")) == {"a\\xff.png", "b\n\x1b[31m.png"}
        assert verify(config("", tmp_path / "out")).exit_status == 0
    assert summary.unchanged == 3


def test_single_file(tmp_path):
    lake = write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    assert run(lake / "a.png", tmp_path / "out").exit_status == 0
    assert set(files(tmp_path / "out")) == {"a.png"}


def test_an_empty_folder_is_no_error(tmp_path):
    (tmp_path / "in").mkdir()
    summary = run(tmp_path / "in", tmp_path / "out")
    assert (summary.exit_status, summary.listed) == (0, 0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"include": ["*.png"]}, {"album/1.png", "b.png"}),
        ({"exclude": ["album/*"]}, {"b.png", "c.jpg"}),
        ({"limit": 1}, {"album/1.png"}),
        ({"limit": 0}, set()),
    ],
)
def test_filters(tmp_path, settings, expected):
    contents = {"album/1.png": photo(1), "b.png": photo(2), "c.jpg": photo(3, image_format="JPEG")}
    run(write(tmp_path / "in", contents), tmp_path / "out", settings)
    assert set(files(tmp_path / "out")) == expected if (tmp_path / "out").exists() else not expected


@pytest.mark.parametrize(("limit", "status"), [("0", 3), ("1", 3), ("2", 0), ("10%", 3), ("20%", 0)])
def test_max_failures(lake, tmp_path, limit, status):
    assert run(lake, tmp_path / "out", {"max_failures": limit}).exit_status == status


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"max_failures": "many"}, ConfigError),
        ({"as_of": "yesterday"}, ConfigError),
        ({"consent": {"registry": "missing.csv"}}, RegistryError),
        ({"detector": {"name": "yunet"}}, ConfigError),
        ({"redaction": {"method": "solid", "fill": "red"}}, ConfigError),
        ({"output": "in/out"}, ConfigError),
        ({"manifest": "out/manifest"}, ConfigError),
        ({"input": "missing"}, ListingError),
    ],
)
def test_what_is_wrong_is_said_before_any_work(lake, tmp_path, monkeypatch, settings, error):
    monkeypatch.chdir(tmp_path)
    values = {"input": "in", "output": "out"} | settings
    with pytest.raises(error) as caught:
        run(values["input"], values["output"], {k: v for k, v in settings.items() if k not in ("input", "output")})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_relative_paths_are_refused_inside_a_ray_job():
    from anonymizer.run.start.paths import resolved

    with pytest.raises(ConfigError, match="relative"):
        resolved(config("in", "/out"), inside_job=True)
    with pytest.raises(ConfigError, match="both"):
        resolved(RunConfig(), inside_job=False)
    with pytest.raises(ConfigError, match="--manifest"):
        resolved(config("s3://in/a", "s3://bucket"), inside_job=False)


def test_an_unreachable_cluster_is_one_line(lake, tmp_path, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(RunError, match="no Ray cluster answers"):
        run(lake, tmp_path / "out", {"engine": {"address": "127.0.0.1:1"}})


def test_the_start_says_which_library_writes_jpeg_and_no_work_says_nothing(lake, tmp_path, monkeypatch, caplog):
    missing = turbo_library.search([], ["/nowhere/libturbojpeg.so.0"])
    monkeypatch.setattr(turbo_library, "found", lambda: missing)
    with caplog.at_level(logging.INFO, logger="anonymizer"):
        run(lake, tmp_path / "out")
    assert [record.getMessage() for record in caplog.records].count(str(missing)) == 1
    assert "encoded again from pixels" in str(missing)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="anonymizer"):
        run(lake, tmp_path / "out")
    assert str(missing) not in caplog.text


def test_local_paths_on_several_nodes_are_refused_unless_the_disk_is_shared(lake, tmp_path, monkeypatch):
    from anonymizer.run.engine import cluster

    monkeypatch.setattr(cluster, "live_nodes", lambda: 3)
    with pytest.raises(ConfigError, match=r"local path and the cluster has 3 nodes"):
        run(lake, tmp_path / "out")
    assert run(lake, tmp_path / "out", {"storage": {"shared": True}}).listed == len(files(lake))
