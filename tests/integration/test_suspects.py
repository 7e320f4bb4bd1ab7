"""`verify --sample N --redact-suspects`: what is suspect is redacted, and stays so night after night."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from anonymizer import cli
from anonymizer.config import merge
from anonymizer.errors import RunError
from tests.integration.runs import QUICK, files, rows, run, write
from tests.pictures import decoded, photo

pytestmark = pytest.mark.usefixtures("cluster")

BOTH = ((40, 30, 60, 54), (80, 40, 100, 64))
INK = (1, 2, 3)


@pytest.fixture
def half(tmp_path):
    """Four photos of two patches; the run is told of the first only, and consent keeps nobody."""
    lake = {f"{i}.png": photo(i, BOTH) for i in range(4)}
    write(tmp_path / "in", lake | {"5.png": photo(5)})
    lines = [f"{key},40,30,20,24" for key in [*lake, "5.png"]]
    (tmp_path / "boxes.csv").write_text("\n".join(["key,x,y,w,h", *lines, ""]))
    boxes = {"uri": str(tmp_path / "boxes.csv"), "mode": "replace"}
    return tmp_path, {"boxes": boxes, "redaction": {"method": "solid", "fill": "#010203"}}


def verified(output, *more, **options):
    engine: Any = QUICK["engine"]
    settings = [f"--set=engine.{name}={value}" for name, value in engine.items()]
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return cli.main(["verify", str(output), "--detector", "patch", *settings, *words, *more], {})


def test_a_damaged_list_ends_the_run_but_not_before_withdrawn_outputs_are_gone(tmp_path):
    write(tmp_path / "in", {"a.png": photo(1), "b.png": photo(2)})
    registry, out = tmp_path / "consent.csv", tmp_path / "out"
    registry.write_text("key,status\na.png,granted\n")
    settings = {"consent": {"registry": str(registry)}}
    run(tmp_path / "in", out, settings)
    assert rows(out)["a.png"]["status"] == "retained"
    before = files(out)
    write(tmp_path / "out.manifest" / "_suspects", {"r0-0.jsonl": b"{"})
    registry.write_text("key,status\na.png,withdrawn\n")
    with pytest.raises(RunError, match="suspects"):
        run(tmp_path / "in", out, settings)
    assert files(out) == {"b.png": before["b.png"]}
    (tmp_path / "out.manifest" / "_suspects" / "r0-0.jsonl").unlink()
    run(tmp_path / "in", out, settings)
    assert rows(out)["a.png"]["status"] == "anonymized"


def test_suspects_are_redacted_and_stay_so(half, capsys):
    folder, settings = half
    out = folder / "out"
    run(folder / "in", out, settings)
    before = files(out)
    assert verified(out, "--redact-suspects", sample=100) == 4
    shown = capsys.readouterr().out
    assert re.search(r"^suspect_face +4 ", shown, re.MULTILINE)
    assert "anonymized   4" in shown
    after = files(out)
    assert after["5.png"] == before["5.png"]
    for i in range(4):
        pixels = decoded(after[f"{i}.png"])
        assert all((pixels[y1:y2, x1:x2] == INK).all() for x1, y1, x2, y2 in BOTH)
    table = rows(out)
    assert {row["detector"] for key, row in table.items() if key != "5.png"} == {"boxes+second_look"}
    assert [face["x"] for face in table["0.png"]["faces"]] == [40, 80]
    assert verified(out, "--redact-suspects", sample=100) == 0
    # The next nights: the same arguments, and all of it done again.
    night = run(folder / "in", out, settings)
    assert (night.unchanged, night.statuses.total()) == (5, 0)
    assert files(out) == after
    run(folder / "in", out, settings | {"force": True})
    assert files(out) == after
    planned = run(folder / "in", out, settings | {"dry_run": True})
    assert (planned.unchanged, planned.statuses["to do"]) == (5, 0)


def test_another_photo_under_the_same_name_is_another_photo(half):
    folder, settings = half
    out = folder / "out"
    run(folder / "in", out, settings)
    assert verified(out, "--redact-suspects", sample=100) == 4
    (folder / "in" / "1.png").write_bytes(photo(9))
    run(folder / "in", out, settings)
    assert rows(out)["1.png"]["face_count"] == 1
    assert rows(out)["2.png"]["face_count"] == 2


def test_in_place_the_only_copy_is_redacted(tmp_path):
    lake = write(tmp_path / "in", {f"{i}.png": photo(i, BOTH) for i in range(2)})
    (tmp_path / "boxes.csv").write_text("key,x,y,w,h\n0.png,40,30,20,24\n1.png,40,30,20,24\n")
    settings = {
        "in_place": True,
        "originals": str(tmp_path / "originals"),
        "boxes": {"uri": str(tmp_path / "boxes.csv"), "mode": "replace"},
        "redaction": {"method": "solid", "fill": "#010203"},
    }
    run(lake, "", settings)
    assert verified(lake, "--redact-suspects", sample=100) == 4
    for i in range(2):
        pixels = decoded((lake / f"{i}.png").read_bytes())
        assert all((pixels[y1:y2, x1:x2] == INK).all() for x1, y1, x2, y2 in BOTH)
    assert verified(lake, sample=100) == 0
    assert run(lake, "", settings).unchanged == 2


def test_without_a_suspect_nothing_is_done(half):
    folder, settings = half
    run(folder / "in", folder / "out", merge(settings, {"include": ["5.png"]}))
    before = files(folder)
    assert verified(folder / "out", "--redact-suspects", sample=100) == 0
    assert files(folder) == before


def test_consent_is_asked_about_suspects_too(half):
    folder, settings = half
    (folder / "r.csv").write_text("key,status,scope\n0.png,granted,everyone\n")
    consent = {"consent": {"registry": str(folder / "r.csv")}}
    run(folder / "in", folder / "out", settings)
    run(folder / "in", folder / "out", settings | consent)
    assert rows(folder / "out")["0.png"]["status"] == "retained"
    assert verified(folder / "out", "--redact-suspects", sample=100) == 4
    # What a second look sees besides in a photo in which everybody may be shown is shown.
    assert rows(folder / "out")["0.png"]["status"] == "retained"
    assert rows(folder / "out")["1.png"]["redacted_count"] == 2


@pytest.mark.parametrize("damage", ["settings", "output"])
def test_a_run_that_cannot_be_repeated_is_said(half, capsys, damage):
    folder, settings = half
    run(folder / "in", folder / "out", settings)
    record = next((folder / "out.manifest/_runs").iterdir())
    said = json.loads(record.read_text())
    said["settings"] |= {"later": 1} if damage == "settings" else {"output": "file:///elsewhere"}
    record.write_text(json.dumps(said))
    before = files(folder)
    assert verified(folder / "out", "--redact-suspects", sample=100) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("anonymizer: --redact-suspects")
    assert files(folder) == before


def test_wrong_usage(tmp_path, capsys):
    assert cli.main(["verify", str(tmp_path), "--redact-suspects"], {}) == 2
    assert cli.main(["verify", str(tmp_path), "--seed", "a"], {}) == 2
    assert "--sample N" in capsys.readouterr().err
