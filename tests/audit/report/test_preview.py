"""The preview shows the original with its boxes, and what each method leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from anonymizer import cli
from anonymizer.audit.report.preview import COLUMNS, methods_of, preview
from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from tests.pictures import photo

PATCH = from_mapping(RunConfig, {"detector": {"name": "patch"}})


def test_every_method_has_its_panel_and_the_box_is_drawn():
    one = preview(photo(1), PATCH, ("smooth",))
    several = preview(photo(1), PATCH, ("smooth", "solid", "pixelate", "blur"))
    assert one.faces == several.faces
    assert len(one.faces) == 1
    # Two pictures beside each other; then five in rows of three.
    assert several.picture.shape[1] > one.picture.shape[1]
    assert COLUMNS == 3
    assert several.picture.shape[0] > 1.9 * one.picture.shape[0] - 20
    assert (several.picture == (230, 30, 90)).all(axis=2).any()


def test_methods_are_named_in_order_and_once():
    assert methods_of("blur, smooth,blur") == ("blur", "smooth")
    with pytest.raises(ConfigError, match="none of smooth"):
        methods_of("smooth,mist")


def test_the_command_writes_a_png_and_says_that_it_holds_the_original(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(photo(1))
    out = tmp_path / "preview.png"
    arguments = ["preview", str(tmp_path / "a.png"), "--out", str(out), "--detector", "patch", "--methods", "solid"]
    assert cli.main(arguments, {}) == 0
    assert "contains the original" in capsys.readouterr().out
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert out.stat().st_mode & 0o077 == 0
    assert np.array_equal(drawn[..., ::-1], preview(photo(1), PATCH, ("solid",)).picture)


def test_an_image_that_is_not_there_is_one_line(tmp_path, capsys):
    assert cli.main(["preview", str(tmp_path / "none.png"), "--out", str(tmp_path / "o.png")], {}) == 2
    assert capsys.readouterr().err.count("\n") == 1
