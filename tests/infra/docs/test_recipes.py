"""What `running.md` and `operations.md` tell a reader to do: every block is run here as it stands, or says why not."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from ray.scripts.scripts import cli as ray_cli

from anonymizer import cli, errors
from anonymizer.lake import manifest
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import open_root
from infra.proof.days.engine import in_this_process
from infra.proof.days.steps import Steps
from tests.infra.docs.pages import DOCS, ROOT, Block, blocks, commands
from tests.integration.runs import run, write
from tests.lake.manifest.rows import FULL, row
from tests.pictures import photo
from tests.real_s3 import RealS3

PAGES = ("running.md", "operations.md")
BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]

ANONYMIZER = f"""#!{sys.executable}
import os, sys
from anonymizer.cli import main
from infra.proof.days.engine import in_this_process
from infra.proof.days.steps import Steps
with in_this_process(Steps(), workers_die=False):
    sys.exit(main(sys.argv[1:], os.environ))
"""
MAKE = f'#!/bin/sh\nexec grep -q "^$1:" {shlex.quote(str(ROOT / "Makefile"))}\n'


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


# --- Every line is one that its program understands.


def ours(words: list[str]) -> None:
    parsed = cli.parser().parse_args(words)
    if parsed.command != "manifest":
        cli.settings(parsed)


def rays(words: list[str]) -> None:
    """Parses the line with Ray's own parser, and what a job runs with ours."""
    command: click.Command = ray_cli
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(click.Context(command), name)
        assert found is not None, name
        command = found
    entrypoint = command.make_context(command.name, words).params.get("entrypoint")
    if entrypoint:
        python, script, *rest = entrypoint
        assert (python, script) in {("python", "jobs/anonymize.py"), ("python", "jobs/verify.py")}
        ours(["run" if script == "jobs/anonymize.py" else "verify", *rest])


def docker(words: list[str]) -> None:
    if words[0] == "build":
        assert (ROOT / words[words.index("-f") + 1]).is_file()
    else:
        ours(words[words.index("ray-anonymizer") + 1 :])


def pip(words: list[str]) -> None:
    for option, name in itertools.pairwise(words):
        assert option != "-r" or (ROOT / name).is_file()


def make(words: list[str]) -> None:
    assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def builtin(words: list[str]) -> None:
    """The shell has no options to get wrong."""


PARSERS = {"anonymizer": ours, "ray": rays, "docker": docker, "pip": pip, "make": make}
PARSERS |= dict.fromkeys(("export", "printf"), builtin)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_every_command_is_one_that_its_program_takes(block: Block):
    found = list(commands(block.text))
    assert found
    for program, *words in found:
        PARSERS[Path(program).name](words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_sentences_are_ours(page):
    for span in re.findall(r"`(anonymizer [a-z]+ [^`]+)`", text_of(page)):
        ours(["3" if word == "N" else word for word in shlex.split(span)[1:]])


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text_of(page)):
        assert (DOCS / target).exists(), target


# --- What can be run is run, in the order of the page.


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Where the reader sits: photographs, registries, and the program on PATH, without Ray."""
    contents = {f"{name}.png": photo(i) for i, name in enumerate(("a", "b", "c"))}
    write(tmp_path / "photos", contents)
    write(tmp_path / "INPUT", {f"album/{number}.jpg": photo(number, image_format="JPEG") for number in (42, 43)})
    registry = b"key,status\na.png,granted\nalbum/42.jpg,granted\n"
    write(tmp_path, {"consent.csv": registry, "registry.csv": registry})
    programs = write(tmp_path / "bin", {"anonymizer": ANONYMIZER.encode(), "make": MAKE.encode()})
    for program in programs.iterdir():
        program.chmod(0o755)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(programs)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def executed(block: Block, text: str) -> None:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}: {done.stdout}{done.stderr}"


def test_running_md_runs_as_written(desk, s3_server, s3_client, monkeypatch):
    if isinstance(s3_server, RealS3):
        pytest.skip("the page's credentials are no real ones")
    for name in ("lake", "lake-safe"):
        s3_client.create_bucket(Bucket=name)
    s3_client.put_object(Bucket="lake", Key="photos/a.png", Body=photo(1))
    s3_client.put_object(Bucket="lake", Key="consent.csv", Body=b"key,status\na.png,granted\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint_url)
    connection, ran = duckdb.connect(), 0
    for block in blocks("running.md"):
        if block.reason is not None:
            continue
        text = block.text.replace("http://minio:9000", s3_server.endpoint_url)
        if block.language == "sh":
            executed(block, text)
        elif block.language == "python":
            exec(text, {})
        else:
            assert block.language == "sql"
            connection.execute(text)
        ran += 1
    assert ran
    options = {"endpoint_url": s3_server.endpoint_url}
    assert manifest.current("s3://lake-safe/photos.manifest", options)["key"].to_pylist() == ["a.png"]
    assert (desk / "safe/a.png").exists()


def test_operations_md_runs_as_written(desk):
    subprocess.run(["anonymizer", "run", "INPUT", "OUTPUT"], check=True, capture_output=True)
    for block in SHELL:
        if block.page == "operations.md" and block.reason is None:
            executed(block, block.text)
    # The reader asked for one photo to be done again and for the other to go.
    assert (desk / "OUTPUT/album/42.jpg").exists()
    assert not (desk / "OUTPUT/album/43.jpg").exists()


# --- The recipes give the current rows.


def block_of(language: str, beginning: str) -> str:
    [found] = [b.text for b in BLOCKS if b.language == language and b.text.startswith(beginning)]
    return found


@pytest.fixture
def two_nights(tmp_path):
    """Between the runs one consent was withdrawn, one photo changed, one came, one went; a failure was mended."""
    lake, registry = tmp_path / "in", tmp_path / "consent.csv"
    settings = {"consent": {"registry": str(registry)}}
    write(lake, {f"{i}.png": photo(i) for i in range(4)} | {"broken.png": photo(8)[:300]})
    registry.write_text("key,status\n0.png,granted\n1.png,granted\n")
    with in_this_process(Steps(), workers_die=False):
        run(lake, tmp_path / "safe", settings)
        registry.write_text("key,status\n0.png,granted\n1.png,denied\n")
        write(lake, {"2.png": photo(12), "broken.png": photo(8), "new.png": photo(9)})
        (lake / "3.png").unlink()
        run(lake, tmp_path / "safe", settings | {"prune": True, "prune_limit": "50%"})


@pytest.fixture
def contested(tmp_path):
    """Two workers wrote under one attempt; a part is of an older version; a key was tried twice in a run."""
    store = ManifestStore(open_root(str(tmp_path / "safe.manifest")))
    old, new = "r20260101T000000000000Z-aaaa", "r20260102T000000000000Z-aaaa"
    store.write_part(old, "c1", 0, [row("a"), row("b"), FULL])
    store.compact(old, final=True)
    part = tmp_path / "safe.manifest" / f"run_id={old}" / "part-00000.parquet"
    pq.write_table(pq.read_table(part, partitioning=None).drop_columns(["content_etag", "consent_bound"]), part)
    sha256 = "f" * 64
    store.write_part(new, "c1", 1, [row("a", attempt=1), row("b", attempt=1, status="failed", error_code="timeout")])
    store.write_part(new, "c2", 1, [row("a", attempt=1, output_sha256=sha256), row("b", attempt=2)])
    store.write_part(new, "c3", 1, [row("c", attempt=1, status="failed"), row("d", attempt=1, error_code="x")])
    store.write_part(new, "c4", 1, [row("c", attempt=1, status="skipped"), row("d", attempt=1, error_code="y")])
    store.compact(new, final=True)


def by_key(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {record["key"]: record for record in records}
    assert len(found) == len(records)
    return found


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")
@pytest.mark.parametrize("folder", ["two_nights", "contested"])
def test_recipes_give_the_current_rows(folder, request, tmp_path, monkeypatch):
    request.getfixturevalue(folder)
    monkeypatch.chdir(tmp_path)
    right = by_key(manifest.current("safe.manifest").to_pylist())
    names: dict[str, Any] = {}
    exec(block_of("python", "import duckdb"), names)
    assert by_key(names["rows"].to_pylist()) == right
    assert list(names["frame"]["key"]) == list(right)
    assert sum(count for _, count in names["counts"].fetchall()) == len(right)
    connection = duckdb.connect()
    connection.execute(block_of("sql", "CREATE VIEW rows"))
    assert by_key(connection.sql("FROM rows").to_arrow_table().to_pylist()) == right
    # As the page says: in pandas, and what comes of a reader that is pointed at the folder.
    assert set(connection.sql("FROM rows").df()["key"]) == set(right)
    assert len(pd.read_parquet("safe.manifest")) > len(right)
    for question in block_of("sql", "SELECT status").split(";\n"):
        connection.execute(question)


def test_recipes_of_two_nights_know_what_was_withdrawn_and_mended(two_nights, tmp_path):
    table = by_key(manifest.current(str(tmp_path / "safe.manifest")).to_pylist())
    assert table["1.png"]["consent_status"] != table["0.png"]["consent_status"]
    assert table["broken.png"]["error_code"] is None
    assert (table["3.png"]["status"], table["3.png"]["error_code"]) == ("removed", "source_gone")


# --- The tables for the person on call.


def codes_of(line: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", line.split("|")[1]))


def object_errors(base: type[errors.ObjectError] = errors.ObjectError) -> set[type[errors.ObjectError]]:
    return {base}.union(*(object_errors(one) for one in base.__subclasses__()))


def test_every_error_code_has_its_line_that_says_whether_it_is_tried_again():
    section = text_of("operations.md").partition("## Error codes of rows\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    # The base class and a worker's deadline never stand in a row: what they end is sent again.
    known = {one.code: one for one in object_errors()}
    assert set().union(*map(codes_of, lines)) == set(known) - {"object_error", "deadline_passed"}
    for line in lines:
        for code in codes_of(line):
            again = line.split("|")[2].strip()
            assert not known[code].retryable or again.startswith("every run"), code
            assert known[code].status == "failed" or f"({known[code].status})" in line, code


def test_every_exit_status_has_its_line():
    table = text_of("running.md").partition("## Exit status\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| (\d) \|", table, re.MULTILINE)) == {"0", "1", "2", "3", "5"}
