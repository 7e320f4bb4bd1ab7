"""`anonymizer verify` on what runs published: here, on Ray, on a bucket, and as a program with its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from anonymizer import verify
from anonymizer.chunks import as_chunk
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError, RunError
from anonymizer.verify import run as verify_run
from tests.fake_s3 import ENVIRONMENT
from tests.integration.runs import QUICK, files, rows, run, write
from tests.pictures import encoded, photo, scene

pytestmark = pytest.mark.usefixtures("cluster")

REPOSITORY = Path(__file__).parents[2]
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP"}


def checked(output, **settings):
    return verify.verify(from_mapping(RunConfig, {"output": str(output), "engine": QUICK["engine"], **settings}))


@pytest.fixture
def on_ray(monkeypatch):
    monkeypatch.setattr(verify_run, "MANY_OUTPUTS", 0)


@pytest.fixture
def published(tmp_path):
    """Photos in every old format, text, a broken one; run."""
    lake = {f"a b/{i:02}.{name}": photo(i, image_format=kind) for i, (name, kind) in enumerate(FORMATS.items())}
    lake |= {f"{i:02}.png": photo(i) for i in range(12)}
    write(tmp_path / "in", lake | {"notes.txt": b"text", "broken.png": b"\x89PNG\r\n\x1a\n rest"})
    run(tmp_path / "in", tmp_path / "out")
    return tmp_path / "out"


def test_what_a_run_publishes_is_verified(published):
    result = checked(published)
    assert (result.named, result.expected, result.checked) == ([], 16, 16)
    assert result.checked_bytes == sum(map(len, files(published).values()))
    assert result.unfinished is None


def test_what_was_kept_on_purpose_is_what_the_row_says(tmp_path):
    pixels = scene(60, 40)
    photos = {"a.jpg": encoded(pixels, "JPEG", dpi=(300, 300)), "b.png": encoded(pixels, "PNG", dpi=(300, 300))}
    run(write(tmp_path / "in", photos), tmp_path / "out", {"metadata": {"keep": ["dpi"]}})
    assert [row["metadata_kept"] for row in rows(tmp_path / "out").values()] == [["dpi"], ["dpi"]]
    assert checked(tmp_path / "out").named == []


def test_what_is_wrong_is_found_on_ray_too(published, on_ray):
    (published / "00.png").unlink()
    data = (published / "01.png").read_bytes()
    (published / "01.png").write_bytes(bytes([*data[:-30], data[-30] ^ 1, *data[-29:]]))
    (published / "02.png").write_bytes(data + b"MARKER")
    write(published, {"a b/copy.jpg": photo(0, image_format="JPEG")})
    result = checked(published)
    assert result.named == [
        ("00.png", "missing"),
        ("01.png", "hash_mismatch"),
        ("02.png", "size_mismatch"),
        ("a b/copy.jpg", "no_row"),
    ]
    assert (result.exit_status, result.expected, result.checked) == (4, 16, 14)


def test_a_bucket_is_verified(tmp_path, s3_server, on_ray):
    client = boto3.client("s3", endpoint_url=s3_server.endpoint_url)
    client.create_bucket(Bucket="lake-out")
    reach = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}
    settings = {"storage": {"output": s3_server.options | reach}}
    run(write(tmp_path / "in", {f"ü {i}.png": photo(i) for i in range(6)}), "s3://lake-out/run", settings)
    assert checked("s3://lake-out/run", **settings).named == []
    client.put_object(Bucket="lake-out", Key="run/stray.png", Body=photo(1))
    client.delete_object(Bucket="lake-out", Key="run/ü 3.png")
    assert checked("s3://lake-out/run", **settings).named == [("stray.png", "no_row"), ("ü 3.png", "missing")]
    with pytest.raises(ConfigError, match="no manifest"):
        checked("s3://lake-out/other", **settings)
    with pytest.raises(RunError):
        checked("s3://no-such-bucket/run", **settings)
    client.close()


def test_local_paths_need_a_disk_that_every_node_sees(published, on_ray, monkeypatch):
    monkeypatch.setattr("anonymizer.engine.cluster.live_nodes", lambda: 2)
    with pytest.raises(ConfigError, match="2 nodes"):
        checked(published)
    assert checked(published, storage={"shared": True}).named == []


@pytest.mark.parametrize("start", [["-m", "anonymizer", "verify"], ["jobs/verify.py"]])
def test_the_program_tells_by_its_exit_status(published, start):
    def main(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *start, *map(str, arguments)]
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    fine = main(published)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "findings     0" in fine.stdout
    (published / "00.png").unlink()
    wrong = main(published, "--verbose")
    assert wrong.returncode == 4
    assert "missing: 00.png" in wrong.stdout
    assert "00.png: missing" in wrong.stderr
    nowhere = main(published.parent / "other")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert len(nowhere.stderr.splitlines()) == 1
    assert main(published, "--method", "solid").returncode == 2


def test_what_a_worker_had_no_time_for_is_checked_again(published, on_ray, monkeypatch):
    def hurried(task, **limits):
        return replace(as_chunk(task, **limits), time_s=0.0 if task.attempt == 1 else 60.0)

    monkeypatch.setattr("anonymizer.engine.loop.as_chunk", hurried)
    result = checked(published)
    assert (result.named, result.checked) == ([], 16)
