"""The page: what it says, what it keeps to itself, what it refuses."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from anonymizer import cli
from anonymizer.audit.evidence import Evidence, Table, dumps
from anonymizer.audit.report.build import FAILURES, THUMBNAILS
from anonymizer.lake.storage import open_root
from anonymizer.records import Face
from tests.audit.report.lake import RUN, Lake
from tests.integration.runs import files
from tests.pictures import photo

HOSTILE = "<script>alert(1)<\\script>&\"'.png"
TURNED = "gnp.\u202ecod\n.png"
VOID = {"meta", "link", "img", "rect", "path", "image", "br"}


class Outline(HTMLParser):
    """What is on a page, and whether it is well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


@pytest.fixture
def lake(tmp_path) -> Lake:
    made = Lake(tmp_path)
    made.add({"a/one.png": photo(1), "two.jpg": photo(2, image_format="JPEG"), HOSTILE: photo(3), TURNED: photo(4)})
    made.add({"plain.png": photo(5, faces=())}, consent_status="denied")
    made.add({"broken.png": b"\x89PNG\r\n\x1a\n rest", "<b>.psd": b"8BPS\0\1" + bytes(30)})
    # `patch` gives every face a score of 1: these are doubted, so that they are shown.
    made.rows = [_doubted(row) for row in made.rows]
    return made


def _doubted(row):
    faces = tuple(Face(f.frame, f.x, f.y, f.w, f.h, 0.2, f.redacted) for f in row.faces)
    return dataclasses.replace(row, faces=faces)


def test_what_happened_is_on_the_page(lake):
    lake.commit(exit_status=3)
    text, made = lake.report()
    page = Outline(text)
    assert (made.rows, made.photos, made.refused) == (7, 4, 0)
    for said in (RUN, "Exit status 3.", "7 listed, 7 written, 0 unchanged", "unsupported_format", "denied", ".psd"):
        assert said in page.text, said
    assert page.text.count("holds") == 3
    assert "Confidential." in page.text
    assert "secret.csv" in page.text
    images = [a["href"] or "" for a in page.all("image")]
    assert len(images) == 4
    assert all(uri.startswith("data:image/webp;base64,") for uri in images)


def test_keys_are_text_and_nothing_else(lake):
    lake.commit()
    page = Outline(lake.report()[0])
    assert HOSTILE in page.text
    assert "<b>.psd" in page.text
    # What would turn or break the line is spelled out.
    assert "\u202e" not in page.text
    assert ascii(TURNED) in page.text
    assert not page.all("script", "b", "iframe", "object", "form", "base")
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag


def test_nothing_is_loaded_and_only_this_style_is_allowed(lake):
    lake.commit()
    text, _ = lake.report()
    page = Outline(text)
    for attributes in page.all("a", "img", "image", "link"):
        target = attributes.get("href") or attributes.get("src") or ""
        assert target.startswith(("#", "data:")), target
    (policy,) = [a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    style = re.findall(r"<style>(.*)</style>", text, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style


def test_it_can_be_read_without_seeing_it(lake):
    evidence = Evidence("privacy", ("One.",), (Table("T", "N", ("a", "b"), (("x", "1"),)),), {})
    (lake.folder / "e.json").write_text(dumps(evidence))
    lake.commit()
    page = Outline(lake.report(evidence=(str(lake.folder / "e.json"),))[0])
    names = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(names) == len(set(names))
    for _, attributes in page.tags:
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in names
    for attributes in page.all("a"):
        assert (attributes["href"] or "")[1:] in names
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(a.get("scope") in ("row", "col") for a in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    for attributes in page.all("svg"):
        labelled = attributes.get("aria-label") or attributes.get("aria-labelledby")
        assert attributes.get("aria-hidden") == "true" or (attributes.get("role") == "img" and labelled)
    assert all(a.get("alt") for a in page.all("img"))
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.tags}


def test_a_public_page_names_nobody(lake):
    lake.commit()
    text, made = lake.report(public=True)
    page = Outline(text)
    assert made.photos == 0
    assert "data:image" not in text
    assert "Public copy." in page.text
    for secret in ("a/one", "two.jpg", "psd", "denied", "registry", "secret.csv", str(lake.folder), "ab" * 32):
        assert secret not in text, secret
    assert "unsupported_format" in page.text
    assert "redaction.method" in page.text


def test_published_files_that_were_changed_are_named_and_not_shown(lake):
    lake.commit()
    path = lake.output / "two.jpg"
    path.write_bytes(path.read_bytes() + b"x")
    text, made = lake.report()
    page = Outline(text)
    assert (made.photos, made.refused) == (4, 1)
    assert "size_mismatch" in page.text
    assert "Published files do not match the manifest." in page.text
    assert len(page.all("image")) == 3


def test_an_account_that_does_not_balance_is_said_loudly(lake):
    lake.commit(counts={"listed": 9, "unchanged": 0, "statuses": {"anonymized": 8}})
    page = Outline(lake.report()[0])
    assert "Reconciliation failed." in page.text
    assert "9 listed, 8 written" in page.text
    assert "Differing counts" in page.text


def test_a_run_that_has_not_finished_is_shown_as_such(lake):
    lake.commit(fold=False, finished=None, exit_status=None, counts=None)
    text, made = lake.report()
    page = Outline(text)
    assert made.rows == 7
    assert "The newest run has not finished." in page.text
    assert "the newest run has not recorded its counts" in page.text


def test_rows_of_a_run_without_a_record_are_shown_as_such(lake):
    lake.commit()
    lake.store.write_part("r9later", "c1", 1, lake.rows[:1])
    assert "The newest rows belong to a run without a record." in Outline(lake.report()[0]).text


def test_a_manifest_without_rows_has_a_page(tmp_path):
    lake = Lake(tmp_path)
    lake.commit()
    page = Outline(lake.report()[0])
    assert "Exit status 0." in page.text
    assert "No object failed." in page.text


def test_the_numbers_of_photos_and_keys_can_be_said(lake):
    lake.commit()
    text, made = lake.report(thumbnails=1, failures=0)
    assert made.photos == 1
    assert "broken.png" not in text
    assert lake.report(thumbnails=0)[1].photos == 0


def test_evidence_is_shown_and_its_suspects_come_first(lake):
    files_of = []
    seen = {"frame": 0, "xyxy": [3.0, 4.0, 33.0, 44.0], "score": 0.77, "covered": 0.1}
    suspects = [seen | {"key": "plain.png"}, seen | {"key": "two.jpg"}]
    for kind, figures in (("verification", {"suspects": suspects}), ("utility", {})):
        table = Table(f"Table of {kind}", "A note & more", ("method", "drop"), (("smooth", "0.4 ± 0.8"),))
        (lake.folder / f"{kind}.json").write_text(dumps(Evidence(kind, (f"Said of {kind}.",), (table,), figures)))
        files_of.append(str(lake.folder / f"{kind}.json"))
    lake.commit()
    page = Outline(lake.report(evidence=tuple(files_of))[0])
    assert page.text.index("Said of utility.") < page.text.index("Said of verification.")
    assert "A note & more" in page.text
    assert page.text.index("Faces found by the second detector") < page.text.index(
        "Photos without a confident detection"
    )
    queue = page.text[
        page.text.index("Faces found by the second detector") : page.text.index("Photos without a confident detection")
    ]
    assert "plain.png" in queue
    assert "two.jpg" in queue
    assert queue.count("0.77") == 2
    assert "two.jpg" not in page.text[page.text.index("Photos without a confident detection") :]
    boxes = [(a["x"], a["y"], a["width"], a["height"]) for a in page.all("rect") if a.get("class") == "box focus"]
    assert boxes.count(("3.0", "4.0", "30.0", "40.0")) == 2


def test_the_command_writes_it_anywhere_and_changes_nothing_in_output(lake, capsys):
    lake.commit()
    before = files(lake.output)
    assert cli.main(["report", str(lake.output), "--html", "memory://reports/page.html"], {}) == 0
    assert "is confidential" in capsys.readouterr().out
    assert b"Anonymization report" in open_root("memory://reports").get("page.html")
    assert files(lake.output) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["OUT", "--html", "OUT/report.html"], "OUTPUT, which holds images only"),
        (["OUT", "--html", "OUT.manifest/report.html"], "the manifest's folder"),
        (["OUT", "--html", "r.html", "--manifest", "OUT/m"], "inside one another"),
        (["nowhere", "--html", "r.html"], "there is no manifest at"),
        (["s3://bucket", "--html", "r.html"], "give --manifest URI"),
        (["OUT", "--html", "r.html", "--evidence", "none.json"], "none.json"),
        (["OUT", "--html", "r.html", "--evidence", "bad.json"], "--evidence bad.json: the evidence is not"),
        (["OUT", "--html", "r.html", "--evidence", "odd.json"], "the suspects of a verification"),
        (["OUT", "--html", "r.html", "--thumbnails", "-1"], "from 0 on"),
        (["OUT", "--html", "r.html", "--thumbnails", "many"], "invalid int"),
        (["OUT"], "--html"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_exit_status_2(lake, monkeypatch, capsys, arguments, said):
    lake.commit()
    monkeypatch.chdir(lake.folder)
    odd = Evidence("verification", (), (), {"suspects": [{"key": "a", "frame": 0, "xyxy": [1, 2, 1, 4], "score": 1}]})
    (lake.folder / "odd.json").write_text(dumps(odd))
    (lake.folder / "bad.json").write_text(json.dumps({"schema_version": 1}))
    given = [argument.replace("OUT", str(lake.output)) for argument in arguments]
    assert cli.main(["report", *given], {}) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not (lake.folder / "r.html").exists()


def test_nothing_is_left_beside_the_page(lake):
    lake.commit()
    lake.report("reports/page.html")
    assert [path.name for path in (lake.folder / "reports").iterdir()] == ["page.html"]
    assert not list(lake.folder.glob(".report*"))
    (lake.folder / "file").write_text("no folder")
    assert cli.main(["report", str(lake.output), "--html", str(lake.folder / "file/page.html")], {}) == 2


@pytest.mark.parametrize(("public", "others"), [(False, 0), (True, 0o044)])
def test_a_page_is_for_its_owner_unless_it_is_public(lake, public, others):
    lake.commit()
    previous = os.umask(0o022)
    try:
        lake.report("page.html", public=public)
    finally:
        os.umask(previous)
    assert (lake.folder / "page.html").stat().st_mode & 0o077 == others


def test_what_help_says_of_numbers_is_what_is_done():
    given = cli.parser().parse_args(["report", "out", "--html", "r.html"])
    assert (given.thumbnails, given.failures) == (THUMBNAILS, FAILURES) == (60, 50)
