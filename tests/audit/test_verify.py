"""What is published, held against the manifest: every code of a finding from a folder that deserves it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from anonymizer import cli
from anonymizer.audit import verify
from anonymizer.audit.verify import run as verify_run
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import AccessDenied, ConfigError, NotARegularFile, RunError, SourceChanged, SourceGone
from anonymizer.image import codec
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import join_uri, mark_content, normalize_uri, open_root
from anonymizer.lake.storage.local.root import LocalRoot
from anonymizer.records import NO_CONSENT, Chunk, Frame, ImageRef, ManifestRow, Picture, WorkItem
from anonymizer.run.chunks import Task
from tests.pictures import encoded, scene

RUN_ID = "r20260101T000000000000Z-00000000"
NOW = datetime.now(UTC)


def clean(seed: int = 0) -> bytes:
    """A 24 × 16 PNG as we write it."""
    return codec.encode(Picture("png", (Frame(scene(24, 16, seed=seed)),))).data


def carrying(text: str) -> bytes:
    """The same with a text chunk."""
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text("Author", text)
    Image.fromarray(scene(24, 16)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


class Lake:
    """An OUTPUT with its manifest, made by hand."""

    def __init__(self, folder):
        self.folder = folder / "out"
        self.folder.mkdir()
        self.uri = normalize_uri(str(self.folder))
        self.manifest = ManifestStore(open_root(f"{self.uri}.manifest"))
        self.rows: list[ManifestRow] = []

    def put(self, key: str, data: bytes) -> bytes:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def row(self, key: str, data: bytes, **changes: Any) -> None:
        row = ManifestRow(
            key=key,
            source_uri=f"file:///in/{key}",
            status="no_face",
            processed_at=NOW,
            output_uri=join_uri(self.uri, key),
            output_sha256=hashlib.sha256(data).hexdigest(),
            output_size=len(data),
            format="png",
            width=24,
            height=16,
            frame_count=1,
        )
        self.rows.append(replace(row, **changes))

    def publish(self, key: str, data: bytes | None = None, **changes: Any) -> None:
        self.row(key, self.put(key, clean() if data is None else data), **changes)

    def verify(self, **settings: Any) -> verify.Verification:
        if self.rows:
            self.manifest.write_part(RUN_ID, "c0ffee", 1, self.rows)
        return verify.verify(from_mapping(RunConfig, {"output": str(self.folder), **settings}))


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


def found(result: verify.Verification) -> dict[str, str]:
    assert sum(result.findings.values()) == len(result.named)
    assert result.exit_status == (4 if result.named else 0)
    assert set(result.findings) <= set(verify.CODES)
    return dict(result.named)


def test_nothing_is_found_where_nothing_is_wrong(lake):
    keys = ["a.png", "a/b.png", "a!.png", "Z/ü 1#?%20.png", "ab/" + "0" * 32 + ".png"]
    for key in keys:
        lake.publish(key)
    lake.row("gone.png", b"", status="removed", output_uri=None, output_sha256=None, output_size=None)
    lake.row("text.txt", b"", status="skipped", output_uri=None)
    lake.publish("kept.png", status="failed", error_code="decode_error")
    result = lake.verify()
    assert found(result) == {}
    assert (result.expected, result.checked, result.checked_bytes) == (6, 6, 6 * len(clean()))


def test_an_empty_output_is_fine_if_nothing_was_published(lake):
    lake.row("a.txt", b"", status="skipped", output_uri=None)
    lake.folder.rmdir()
    assert found(lake.verify()) == {}


def test_outputs_are_found_by_the_rows_url_not_by_the_sources_key(lake):
    # The sources' order is not that of the outputs.
    for key, name in {"a.heic": "a.heic.png", "a.heic-x.png": "a.heic-x.png", "z.png": "00/1.png"}.items():
        lake.row(key, lake.put(name, clean()), output_uri=join_uri(lake.uri, name))
    assert found(lake.verify()) == {}


@pytest.mark.parametrize("key", ["a.png", "m.png", "z.png"])
def test_a_file_without_a_row(lake, key):
    lake.publish("b.png")
    lake.publish("y.png")
    lake.put(key, clean())
    assert found(lake.verify()) == {key: "no_row"}


@pytest.mark.parametrize("key", ["a.png", "m.png", "z.png"])
def test_a_row_without_its_file(lake, key):
    lake.publish("b.png")
    lake.publish("y.png")
    lake.row(key, b"")
    assert found(lake.verify()) == {key: "missing"}


def test_rows_whose_whole_output_is_gone(lake):
    lake.row("a.png", b"")
    lake.folder.rmdir()
    assert found(lake.verify()) == {"a.png": "missing"}


def test_a_taken_down_output_that_is_there_again(lake):
    lake.publish("a.png")
    lake.rows[-1] = replace(lake.rows[-1], status="removed", output_uri=None)
    assert found(lake.verify()) == {"a.png": "no_row"}


def test_a_changed_byte(lake):
    lake.publish("a.png")
    data = clean()
    lake.put("a.png", data[:60] + bytes([data[60] ^ 1]) + data[61:])
    assert found(lake.verify()) == {"a.png": "hash_mismatch"}


def test_a_byte_more_is_seen_without_reading(lake, monkeypatch):
    lake.publish("a.png")
    lake.put("a.png", clean() + b"\0")
    monkeypatch.setattr(LocalRoot, "read", lambda *_: pytest.fail("it was read"))
    result = lake.verify()
    assert found(result) == {"a.png": "size_mismatch"}
    assert result.checked == 0


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (carrying("MARKER"), {}),
        (clean() + b"MARKER", {}),
        (b"", {}),
        (b"\x89PNG\r\n\x1a\n", {}),
        (encoded(scene(24, 16), "JPEG"), {}),
        (clean(), {"width": 25}),
        (clean(), {"height": 15}),
        (clean(), {"format": "jpeg"}),
        (clean(), {"format": "exe"}),
        (clean(), {"format": None}),
        (clean(), {"width": None}),
        (clean(), {"metadata_kept": ("dpi",)}),
    ],
)
def test_a_file_that_we_never_write(lake, data, changes):
    lake.publish("a.png", data, **changes)
    assert found(lake.verify()) == {"a.png": "container"}


def test_a_walker_that_fails_proves_nothing(lake, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyError("MARKER")

    lake.publish("a.png")
    monkeypatch.setattr("anonymizer.image.metadata.check", broken)
    assert found(lake.verify()) == {"a.png": "container"}


def test_an_output_past_its_retention(lake):
    lake.publish("late.png", retained_until=NOW - timedelta(seconds=1))
    lake.publish("early.png", retained_until=NOW + timedelta(days=1))
    lake.row("gone.png", clean(), retained_until=NOW - timedelta(days=1))
    assert found(lake.verify()) == {"late.png": "past_retention", "gone.png": "missing"}


def test_two_rows_for_one_output(lake):
    lake.publish("a.heic.jpg")
    lake.row("a.heic", clean(), output_uri=join_uri(lake.uri, "a.heic.jpg"))
    assert found(lake.verify()) == {"a.heic.jpg": "claimed_twice"}


def test_a_row_that_names_another_place(lake):
    lake.publish("a.png", output_uri=f"{lake.uri}-old/a.png")
    assert lake.verify().named == [("a.png", "elsewhere"), ("a.png", "no_row")]


def test_links_and_special_files(lake, tmp_path):
    lake.row("link.png", (tmp_path / "outside.png").write_bytes(clean()) and clean())
    (lake.folder / "link.png").symlink_to(tmp_path / "outside.png")
    os.mkfifo(lake.folder / "pipe")
    assert found(lake.verify()) == {"link.png": "not_regular", "pipe": "not_regular"}


def test_what_a_killed_process_left(lake):
    lake.publish("b.png")
    lake.put(".b.png.anon-00ff.tmp", clean())
    lake.put(".b.png.anon-0123456789abcdef.tmp", clean())
    assert found(lake.verify()) == {
        ".b.png.anon-00ff.tmp": "reserved_key",
        ".b.png.anon-0123456789abcdef.tmp": "stale_temporary",
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (".x.jpg.anon-00ff.tmp", "reserved_key"),
        ("deep/.x.jpg.anon-00FF.tmp", "reserved_key"),
        (".x.jpg.anon-0123456789abcdef.tmp", "stale_temporary"),
        (".x.jpg.anon-00ff.tmp/inside.jpg", "no_row"),
        (".out.anon-lock", "no_row"),
        (f"deep/.anon-output-{32 * '0'}", "no_row"),
        (f".anon-output-{31 * '0'}", "no_row"),
        (f".anon-output-{32 * 'F'}", "no_row"),
    ],
)
def test_an_output_of_nothing_but_such_names(lake, name, code):
    lake.publish("a.png")
    (lake.folder / "a.png").unlink()
    lake.put(name, b"{}")
    assert found(lake.verify()) == {"a.png": "missing", name: code}
    assert lake.verify().exit_status == 4


def test_links_of_such_names(lake):
    lake.publish("a.png")
    names = (".x.jpg.anon-00ff.tmp", f".anon-output-{32 * '0'}")
    for name in names:
        (lake.folder / name).symlink_to("a.png")
    assert found(lake.verify()) == dict.fromkeys(names, "reserved_key")


MARKED = "0123456789abcdef" * 2
MARK = f".anon-output-{MARKED}"


def test_the_mark_of_an_output_is_ours(lake):
    lake.publish("a.png")
    lake.put(MARK, mark_content(MARKED))
    assert found(lake.verify()) == {}


@pytest.mark.parametrize(
    "content",
    [clean(), b"", b"{}", mark_content(MARKED) + b" ", mark_content(MARKED[::-1])],
    ids=["photo", "", "{}", "longer", "another's"],
)
def test_only_what_a_mark_can_hold(lake, content):
    lake.publish("a.png")
    lake.put(MARK, content)
    assert found(lake.verify()) == {MARK: "reserved_key"}


def test_a_name_that_is_no_text_hides_nothing(lake):
    for key in ("a.png", "z.png"):
        lake.publish(key)
    (lake.folder / os.fsdecode(b"m\xff.png")).touch()
    assert list(found(lake.verify()).values()) == ["unsafe_key"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AccessDenied(), "unreadable"),
        (OSError("MARKER"), "unreadable"),
        (SourceGone(), "missing"),
        (SourceChanged(), "changed"),
        (NotARegularFile(), "not_regular"),
    ],
)
def test_an_output_that_cannot_be_read(lake, monkeypatch, error, code):
    def fails(self: object, ref: ImageRef) -> bytes:
        raise error

    lake.publish("a.png")
    monkeypatch.setattr(LocalRoot, "read", fails)
    result = lake.verify()
    assert found(result) == {"a.png": code}
    assert result.checked == 0


def test_an_output_for_which_there_is_no_time_is_not_proven(lake, monkeypatch):
    lake.publish("a.png")
    original, calls = verify.Checker.process, []

    def hurried(self: verify.Checker, chunk: Chunk) -> Any:
        calls.append(chunk.attempt)
        return original(self, replace(chunk, time_s=0.0))

    monkeypatch.setattr(verify.Checker, "process", hurried)
    assert found(lake.verify(engine={"attempts": 2})) == {"a.png": "unreadable"}
    assert calls == [1, 2]


def test_only_as_many_files_as_threads_are_held(lake, monkeypatch):
    held, most, lock, original = [0], [0], threading.Lock(), verify.Checker._check

    def counting(*arguments: Any) -> Any:
        with lock:
            held[0] += 1
            most[0] = max(most[0], held[0])
        try:
            return original(*arguments)
        finally:
            with lock:
                held[0] -= 1

    monkeypatch.setattr(verify.Checker, "_check", counting)
    for i in range(40):
        lake.publish(f"{i}.png")
    result = lake.verify(engine={"io_threads": 3})
    assert (found(result), result.checked) == ({}, 40)
    assert most[0] <= 3


def test_nothing_is_written(lake, tmp_path):
    lake.publish("a.png")
    lake.put("b.png", clean())
    lake.verify()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    lake.rows.clear()
    lake.verify()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_manifest_elsewhere(lake, tmp_path):
    lake.publish("a.png")
    assert found(lake.verify()) == {}
    (tmp_path / "out.manifest").rename(tmp_path / "evidence")
    lake.rows.clear()
    with pytest.raises(ConfigError, match=r"there is no manifest at .*out\.manifest; --manifest"):
        lake.verify()
    assert found(lake.verify(manifest=str(tmp_path / "evidence"))) == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"output": ""}, "OUTPUT is needed"),
        ({"output": "/data/out", "manifest": "/data/out/manifest"}, "inside one another"),
        ({"output": "s3://u:secret@bucket"}, "password"),
    ],
)
def test_wrong_usage(settings, said):
    with pytest.raises(ConfigError, match=said):
        verify.verify(from_mapping(RunConfig, settings))


def test_relative_paths_inside_a_job_are_refused():
    with pytest.raises(ConfigError, match="relative"):
        verify.verify(RunConfig(output="out"), inside_job=True)


def test_a_damaged_manifest_is_no_result(lake):
    lake.publish("a.png")
    lake.verify()
    part = next((lake.folder.parent / "out.manifest" / "_journal").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-9])
    lake.rows.clear()
    with pytest.raises(RunError):
        lake.verify()


@pytest.mark.parametrize(("many", "many_bytes"), [(2, 2**30), (2000, 3 * len(clean()) - 1)])
def test_ray_is_started_for_large_outputs_only(lake, monkeypatch, many, many_bytes):
    def no_ray(*_: object, **__: object) -> None:
        raise RunError("Ray was started")

    monkeypatch.setattr("anonymizer.run.engine.connected", no_ray)
    monkeypatch.setattr(verify_run, "MANY_OUTPUTS", many)
    monkeypatch.setattr(verify_run, "MANY_BYTES", many_bytes)
    for key in ("a.png", "b.png"):
        lake.publish(key)
    assert found(lake.verify()) == {}
    lake.rows.clear()
    lake.publish("c.png")
    lake.manifest.write_part(RUN_ID, "c0ffee2", 1, lake.rows)
    lake.rows.clear()
    with pytest.raises(RunError, match="Ray was started"):
        lake.verify()


def test_the_table_names_the_first_findings_and_counts_all(lake):
    lake.publish("fine.png")
    for i in reversed(range(25)):
        lake.put(f"{i:02}.png", b"")
    lake.row("gone.png", b"")
    result = lake.verify()
    assert [key for key, _ in result.named] == [f"{i:02}.png" for i in range(20)]
    text = verify.table(result)
    assert "expected     2 outputs" in text
    assert f"no_row       25 ({verify.CODES['no_row']})" in text
    assert "no_row: 19.png" in text
    assert "20.png" not in text
    assert "6 more" in text
    assert "exit status  4" in text


def test_a_key_cannot_play_with_the_terminal(lake):
    lake.publish("fine.png")
    lake.put("a\x1b[2J\n.png", b"")
    assert "no_row: 'a\\x1b[2J\\n.png'" in verify.table(lake.verify()).splitlines()


def test_an_unfinished_run_is_named(lake):
    lake.publish("a.png")
    lake.manifest.write_run(RUN_ID, {"finished": None})
    assert f"run {RUN_ID} is not finished" in verify.table(lake.verify())
    lake.rows.clear()
    lake.manifest.write_run(RUN_ID, {"finished": NOW.isoformat()})
    assert "not finished" not in verify.table(lake.verify())


def test_a_stopped_checker_begins_nothing_more(lake):
    lake.publish("a.png")
    checker = verify.Checker(from_mapping(RunConfig, {"output": lake.uri}))
    ref = next(iter(open_root(lake.uri).list()))
    assert isinstance(ref, ImageRef)
    chunk = Chunk("c0ffee", (WorkItem(ref, NO_CONSENT, None, lake.rows[0]),), 1, 0, 60.0)
    assert checker.process(chunk).statuses == {"a.png": "no_face"}
    checker.stop()
    assert checker.process(chunk).unfinished == ("a.png",)


def test_a_poison_file_is_not_proven():
    account = verify_run._Account(verify.Verification("out", "out.manifest"), RunConfig().engine)
    item = WorkItem(ImageRef("a.png", "out/a.png", "v", 1, None), NO_CONSENT, None)
    account.poison(Task((item,)))
    assert account._result.named == [("a.png", "unreadable")]


def test_pixels_do_not_matter(lake):
    lake.publish("a.png", codec.encode(Picture("png", (Frame(np.zeros((16, 24), np.uint8)),))).data)
    assert found(lake.verify()) == {}


def test_the_command_line(lake, capsys):
    lake.publish("a.png")
    lake.verify()
    assert cli.main(["verify", str(lake.folder)], {}) == 0
    assert "findings     0" in capsys.readouterr().out
    lake.put("b.png", b"")
    manifest = ["--manifest", f"{lake.uri}.manifest"]
    assert cli.main(["verify", str(lake.folder), *manifest, "--workers", "1", "--set", "engine.io_threads=1"], {}) == 4
    assert "no_row: b.png" in capsys.readouterr().out
    assert cli.main(["verify", f"{lake.folder}-other"], {}) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("anonymizer: there is no manifest")
    (lake.folder / "b.png").unlink()
    next((lake.folder.parent / "out.manifest/_journal").rglob("*.parquet")).write_bytes(b"")
    assert cli.main(["verify", str(lake.folder)], {}) == 1


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["out", "--method", "solid"],
        ["in", "out"],
        ["out", "--workers", "0"],
        ["out", "--sample", "0"],
        ["out", "--sample", "few"],
        ["out", "--sample", "3", "--detector", "eyes"],
    ],
)
def test_wrong_usage_of_the_command_line(argv, capsys):
    assert cli.main(["verify", *argv], {}) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("number", ["few", "0", "-1", "1.5"])
def test_a_wrong_sample_size_is_named(number, capsys):
    assert cli.main(["verify", "out", f"--sample={number}"], {}) == 2
    assert f"argument --sample: must be a whole number of at least 1, not '{number}'" in capsys.readouterr().err


def test_the_environment_names_the_cluster(monkeypatch):
    seen = []

    def verified(config: RunConfig, *, inside_job: bool, sample: object) -> verify.Verification:
        assert sample is None
        seen.append((config.engine.address, inside_job))
        return verify.Verification(config.output, "")

    monkeypatch.setattr("anonymizer.audit.verify.verify", verified)
    assert cli.main(["verify", "out"], {"RAY_ADDRESS": "head:6379", "RAY_JOB_CONFIG_JSON_ENV_VAR": "{}"}) == 0
    assert cli.main(["verify", "out", "--address", "local"], {"RAY_ADDRESS": "head:6379"}) == 0
    assert seen == [("head:6379", True), ("local", False)]
