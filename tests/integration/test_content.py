"""Photos that change under a consent, and objections that are written otherwise: whole runs, command line and files."""

from __future__ import annotations

import hashlib
import os

import pytest

from anonymizer import cli
from tests.integration.runs import files, rows, run, write
from tests.pictures import photo

pytestmark = pytest.mark.usefixtures("cluster")

CONTENT = {"consent": {"bind": "content"}}


def settings(registry, text, more=None):
    registry.write_text(text)
    consent = {"registry": str(registry), **(more or {}).get("consent", {})}
    return {**(more or {}), "consent": consent}


@pytest.fixture
def lake(tmp_path):
    return write(tmp_path / "in", {"a.png": photo(1)}), tmp_path / "out", tmp_path / "consent.csv"


def status(output):
    return rows(output)["a.png"]["status"]


def replace_photo(source, number):
    write(source, {"a.png": photo(number)})


def test_a_grant_of_content_keeps_that_content_only(lake):
    source, output, registry = lake
    sha256 = hashlib.sha256(photo(1)).hexdigest()
    chosen = settings(registry, f"key,status,source_sha256\na.png,granted,{sha256}\n")
    run(source, output, chosen)
    assert status(output) == "retained"
    replace_photo(source, 2)
    run(source, output, chosen)
    assert status(output) == "anonymized"


def test_a_grant_of_a_version_keeps_that_version_only_and_goes_with_it(lake):
    source, output, registry = lake
    run(source, output, settings(registry, "key,status\n"))
    etag = rows(output)["a.png"]["source_etag"]
    run(source, output, settings(registry, f"key,status,source_etag\na.png,granted,{etag}\n"))
    assert status(output) == "retained"
    # Nobody is left who could redo it: what is taken down is told from the row.
    (source / "a.png").unlink()
    summary = run(source, output, settings(registry, "key,status,source_etag\na.png,granted,another\n"))
    assert (summary.removed_unsafe, files(output)) == (1, {})


GRANT = "key,status,record_id\na.png,granted,1\n"


def test_a_photo_that_changed_has_no_consent_until_it_is_granted_anew(lake):
    source, output, registry = lake
    chosen = settings(registry, GRANT, CONTENT)
    run(source, output, chosen)
    assert status(output) == "retained"
    replace_photo(source, 2)
    run(source, output, chosen)
    assert status(output) == "anonymized"
    run(source, output, {**chosen, "force": True})
    assert status(output) == "anonymized"
    # A night without the registry, one with the photo away, one with a broken file: none of them makes it new.
    run(source, output, settings(registry, "key,status\n", CONTENT))
    (source / "a.png").unlink()
    run(source, output, {**settings(registry, GRANT, CONTENT), "prune": True, "prune_limit": "100%"})
    assert status(output) == "removed"
    write(source, {"a.png": photo(3)[:60]})
    assert run(source, output, settings(registry, GRANT, CONTENT)).exit_status == 3
    (source / "a.png").unlink()
    os.symlink("/nowhere", source / "a.png")  # noqa: PTH211 - a link in place of a photo
    run(source, output, settings(registry, GRANT, CONTENT))
    (source / "a.png").unlink()
    replace_photo(source, 3)
    run(source, output, settings(registry, GRANT, CONTENT))
    assert status(output) == "anonymized"
    run(source, output, settings(registry, "key,status,record_id\na.png,granted,2\n", CONTENT))
    assert status(output) == "retained"


def test_a_broken_file_is_what_a_grant_was_first_seen_with(lake):
    source, output, registry = lake
    write(source, {"a.png": photo(1)[:60]})
    run(source, output, settings(registry, GRANT, CONTENT))
    replace_photo(source, 2)
    run(source, output, settings(registry, GRANT, CONTENT))
    assert status(output) == "anonymized"


def test_by_default_the_key_counts(lake):
    source, output, registry = lake
    run(source, output, settings(registry, GRANT))
    replace_photo(source, 2)
    run(source, output, settings(registry, GRANT))
    assert status(output) == "retained"


@pytest.mark.parametrize("named", [False, True])
def test_in_place_our_own_output_is_the_photo_it_was_made_from(tmp_path, named):
    source, registry = write(tmp_path / "in", {"a.png": photo(1)}), tmp_path / "consent.csv"
    manifest = str(tmp_path / "out.manifest")
    place = {"in_place": True, "discard_originals": True, "manifest": manifest}
    sha256 = hashlib.sha256(photo(1)).hexdigest()
    text = f"key,status,source_sha256\na.png,granted,{sha256}\n" if named else GRANT
    chosen = settings(registry, text, {**CONTENT, **place})
    for more in ({}, {"force": True}, {"force": True}, {"redaction": {"method": "solid"}}):
        run(source, "", {**chosen, **more})
        assert rows(tmp_path / "out")["a.png"]["status"] == "retained"
    replace_photo(source, 2)
    run(source, "", chosen)
    assert rows(tmp_path / "out")["a.png"]["status"] == "anonymized"


def command(source, output, registry, *more):
    quick = ("--set", "detector.name=patch", "--set", "engine.address=auto", "--workers", "1")
    return cli.main(["run", str(source), str(output), "--consent", str(registry), *quick, *more], {})


def test_an_objection_by_the_full_uri_vetoes(lake, capsys):
    source, output, registry = lake
    registry.write_text(f"key,status\na.png,granted\nfile://{source}/./a.png ,denied\n")
    assert command(source, output, registry, "--set", "consent.strict=true") == 0
    assert status(output) == "anonymized"
    assert "match no listed object" not in capsys.readouterr().out


def test_an_objection_that_matches_nothing_is_named_and_strict_publishes_nothing_new(lake, capsys):
    source, output, registry = lake
    registry.write_text("key,status\na.png,granted\nb.png,granted\nc.png,denied\n")
    assert command(source, output, registry, "--set", "consent.strict=true") == 2
    assert "rows 3;" in capsys.readouterr().err
    assert not output.exists() or files(output) == {}
    assert command(source, output, registry, "--dry-run", "--set", "consent.strict=true") == 2
    capsys.readouterr()
    assert command(source, output, registry) == 0
    told = capsys.readouterr().out
    assert "registry: 2 rows match no listed object: rows 2, 3" in told
    assert "registry: 1 of these rows are OBJECTIONS: rows 3" in told


def test_strict_takes_down_before_it_ends(lake):
    source, output, registry = lake
    registry.write_text("key,status\na.png,granted\n")
    assert command(source, output, registry) == 0
    registry.write_text("key,status\nc.png,denied\n")
    assert command(source, output, registry, "--set", "consent.strict=true") == 2
    assert (files(output), status(output)) == ({}, "removed")


@pytest.mark.parametrize("part", ["--keys", "--limit", "--include", "--exclude"])
def test_a_run_over_a_part_says_nothing_of_the_rest(lake, capsys, part):
    source, output, registry = lake
    registry.write_text("key,status\na.png,granted\nb.png,denied\n")
    keys = output.parent / "keys.csv"
    keys.write_text("key\na.png\n")
    value = {"--keys": str(keys), "--limit": "1", "--include": "a*", "--exclude": "x*"}[part]
    assert command(source, output, registry, part, value, "--set", "consent.strict=true") == 0
    assert "match no listed object" not in capsys.readouterr().out
