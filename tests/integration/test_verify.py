"""`anonymizer verify` on what runs published: here, on Ray, on a bucket, and as a program with its exit status."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pytest

from anonymizer import cli
from anonymizer.audit import evidence, verify
from anonymizer.audit.verify import run as verify_run
from anonymizer.audit.verify import sample
from anonymizer.config import CodecConfig, RunConfig, from_mapping
from anonymizer.errors import ConfigError, RunError
from anonymizer.image import codec
from anonymizer.lake.manifest import ManifestStore, from_table
from anonymizer.lake.storage import open_root
from anonymizer.run.chunks import as_chunk
from tests.fake_s3 import ENVIRONMENT
from tests.integration.runs import QUICK, files, rows, run, write
from tests.pictures import encoded, photo, scene

pytestmark = pytest.mark.usefixtures("cluster")

REPOSITORY = Path(__file__).parents[2]
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP"}


def checked(output, **settings):
    return verify.verify(from_mapping(RunConfig, {"output": str(output), "engine": QUICK["engine"], **settings}))


@pytest.fixture
def run_on_ray(monkeypatch):
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


def test_what_is_wrong_is_found_on_ray_too(published, run_on_ray):
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


def test_a_bucket_is_verified(tmp_path, s3_server, run_on_ray):
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


def test_local_paths_need_a_disk_that_every_node_sees(published, run_on_ray, monkeypatch):
    monkeypatch.setattr("anonymizer.run.engine.cluster.live_nodes", lambda: 2)
    with pytest.raises(ConfigError, match="2 nodes"):
        checked(published)
    assert checked(published, storage={"shared": True}).named == []


@pytest.mark.parametrize("start", [["-m", "anonymizer", "verify"], ["jobs/verify.py"]])
def test_the_program_tells_by_its_exit_status(published, start):
    def main(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *start, *map(str, arguments)]
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

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


@pytest.fixture
def half_hidden(tmp_path):
    """Photos of two patches; a run that was told of one of them only, and of both in `both.png`."""
    faces = ((10, 30, 30, 54), (80, 40, 100, 64))
    lake = {f"a/{i}.{name}": photo(i, faces, kind) for i, (name, kind) in enumerate(FORMATS.items())}
    write(tmp_path / "in", lake | {"both.png": photo(7, faces), "no.png": photo(8, ()), "notes.txt": b"text"})
    known = [f"{key},10,30,20,24" for key in [*lake, "both.png"]]
    (tmp_path / "boxes.csv").write_text("\n".join(["key,x,y,w,h", *known, "both.png,80,40,20,24", "no.png,,,,", ""]))
    run(tmp_path / "in", tmp_path / "out", {"boxes": {"uri": str(tmp_path / "boxes.csv"), "mode": "replace"}})
    return tmp_path / "out"


def looked(output, count, seed=None):
    config = from_mapping(RunConfig, {"output": str(output), **QUICK})
    return verify.verify(config, sample=verify.Sample(count, seed))


@pytest.mark.parametrize("many", [0, 40])
def test_a_second_look_names_what_the_run_has_left(half_hidden, monkeypatch, many):
    monkeypatch.setattr(sample, "RAY_FROM_PHOTOS", many)
    result = looked(half_hidden, 100)
    look = result.second_look
    assert look is not None
    assert (look.published, look.drawn, look.looked) == (6, 6, 6)
    assert (look.redacted, look.proven, look.unproven) == (6, 6, [])
    assert sorted({key for key, _ in look.suspects}) == [f"a/{i}.{name}" for i, name in enumerate(FORMATS)]
    for _, suspect in look.suspects:
        assert np.allclose(suspect.xyxy, (80, 40, 100, 64), atol=2)
    assert result.findings == {"suspect_face": 4}
    assert result.exit_status == 4
    assert "a/0.png x=80 y=40 w=20 h=24 score=1.00 covered=0%" in verify.table(result)


def test_a_sample_is_the_same_until_something_is_published(half_hidden):
    twice = [looked(half_hidden, 3).second_look for _ in range(2)]
    assert twice[0] == twice[1]
    assert (twice[0].drawn, twice[0].looked) == (3, 3)
    drawn = {tuple(sorted(looked(half_hidden, 1, str(seed)).second_look.suspects)) for seed in range(12)}
    assert len(drawn) > 1


def test_what_cannot_be_looked_at_is_said(half_hidden):
    (half_hidden / "both.png").unlink()
    data = (half_hidden / "no.png").read_bytes()
    (half_hidden / "no.png").write_bytes(bytes([*data[:-30], data[-30] ^ 1, *data[-29:]]))
    result = looked(half_hidden, 100)
    assert result.findings == {"suspect_face": 4, "not_looked": 2, "missing": 1, "hash_mismatch": 1}
    assert (result.second_look.drawn, result.second_look.looked) == (6, 4)


def test_pixels_in_clear_under_a_row_that_says_redacted_are_suspect(half_hidden):
    """Somebody has put the original in its place, and its hash into the manifest."""
    store = ManifestStore(open_root(f"{half_hidden}.manifest"))
    row = next(one for one in from_table(store.current()) if one.key == "both.png")
    data = codec.encode(codec.decode(photo(7, ((10, 30, 30, 54), (80, 40, 100, 64))), CodecConfig())).data
    (half_hidden / "both.png").write_bytes(data)
    forged = replace(
        row, output_sha256=hashlib.sha256(data).hexdigest(), output_size=len(data), attempt=row.attempt + 1
    )
    store.write_part(store.run_ids()[-1], "f0", row.attempt + 1, [forged])
    result = looked(half_hidden, 100)
    assert result.findings == {"suspect_face": 5}
    assert result.second_look.unproven == ["both.png"]
    assert sum(key == "both.png" for key, _ in result.second_look.suspects) == 2


def test_kept_faces_are_not_suspect(tmp_path):
    write(tmp_path / "in", {f"{i}.png": photo(i) for i in range(3)})
    (tmp_path / "r.csv").write_text("key,status\n1.png,granted\n")
    run(tmp_path / "in", tmp_path / "out", {"consent": {"registry": str(tmp_path / "r.csv")}})
    result = looked(tmp_path / "out", 3)
    assert result.findings == {}
    # The redacted ones are no patches any more.
    assert (result.second_look.faces, result.second_look.redacted, result.second_look.proven) == (1, 2, 2)


def test_a_detector_that_cannot_be_had_is_said_before_any_work(half_hidden, capsys, monkeypatch):
    monkeypatch.setattr(verify.Checker, "process", lambda *_: pytest.fail("files were read"))
    assert cli.main(["verify", str(half_hidden), "--sample", "3", "--detector", "yunet"], {}) == 2
    assert "--weights" in capsys.readouterr().err


def test_a_configuration_that_gives_boxes_looks_all_the_same(half_hidden):
    config = from_mapping(RunConfig, {"output": str(half_hidden), **QUICK, "boxes": {"mode": "replace"}})
    assert verify.verify(config, sample=verify.Sample(100)).findings == {"suspect_face": 4}


def test_the_program_looks_again_and_says_what_that_proves(half_hidden, capsys):
    out = half_hidden.parent / "look.json"
    arguments = ["verify", str(half_hidden), "--sample", "100", "--detector", "patch", "--json", str(out)]
    assert cli.main(arguments, {}) == 4
    shown = capsys.readouterr().out
    said = evidence.loads(out.read_bytes())
    assert out.stat().st_mode & 0o077 == 0
    assert all(statement in shown for statement in said.statements)
    assert said.kind == "verification"
    assert "4 of 6 checked photos are suspect" in shown
    suspects = said.figures["suspects"]
    assert [one["key"] for one in suspects] == [f"a/{i}.{name}" for i, name in enumerate(FORMATS)]
    assert np.allclose([one["xyxy"] for one in suspects], [(80, 40, 100, 64)] * 4, atol=2)
    assert not any(key in str((said.statements, said.tables)) for key in ("a/0.png", str(half_hidden)))


def test_what_a_worker_had_no_time_for_is_checked_again(published, run_on_ray, monkeypatch):
    def hurried(task, **limits):
        return replace(as_chunk(task, **limits), time_s=0.0 if task.attempt == 1 else 60.0)

    monkeypatch.setattr("anonymizer.run.engine.loop.as_chunk", hurried)
    result = checked(published)
    assert (result.named, result.checked) == ([], 16)
