"""The arithmetic behind `make bench-detection`; the photographs it is made for are elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from anonymizer.image.detectors.centerface import coefficients
from anonymizer.image.detectors.centerface.calibration import FITTED, Weights
from anonymizer.image.geometry import as_boxes
from anonymizer.records import Grid
from infra.proof.detection import cross, shares
from infra.proof.detection.__main__ import COEFFICIENTS, main
from infra.proof.detection.cross import crossed_preset
from infra.proof.detection.fit import (
    FOLDS,
    Rows,
    fitted,
    left_out,
    logistic,
    reliability,
    reliability_table,
    source,
    truth_of,
)
from infra.proof.detection.photos import Photo, fold, photos
from infra.proof.detection.seen import judged
from tests.pictures import encoded
from tests.pictures import photo as png


def _rows(seed: int, weights: tuple[float, ...], names: int = 40) -> list[Rows]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(names):
        features = np.concatenate([np.ones((60, 1)), rng.normal(0, 2, (60, len(weights) - 1))], axis=1)
        truth = rng.random(60) < 1 / (1 + np.exp(-features @ np.array(weights)))
        found.append(Rows(f"{number}.jpg", features, truth.astype(np.int8), np.ones(60)))
    return found


def _photo(faces: list[tuple[float, ...]], ignored: list[bool]) -> Photo:
    rows = tuple({"pose": "0"} for _ in faces)
    return Photo("a", np.zeros((200, 200, 3), np.uint8), Grid(), as_boxes(faces), np.array(ignored, np.bool_), rows)


def test_a_logistic_regression_finds_the_weights_that_made_its_data() -> None:
    weights = (-1.0, 2.0, -0.5)
    assert fitted(_rows(1, weights, names=200)) == pytest.approx(weights, abs=0.15)


def test_a_heavy_false_alarm_lowers_the_scores_but_they_stay_probabilities() -> None:
    rows = _rows(2, (0.0, 1.5))
    heavy = [Rows(r.name, r.features, r.truth, np.where(r.truth == 0, 5.0, 1.0)) for r in rows]
    chance = 1 / (1 + np.exp(-np.concatenate([r.features for r in heavy]) @ fitted(heavy)))
    assert chance.mean() == pytest.approx(np.concatenate([r.truth for r in rows]).mean(), abs=0.01)


def test_features_without_any_spread_do_no_harm() -> None:
    features = np.ones((20, 2))
    truth = np.array([0, 1] * 10, np.int8)
    assert np.isfinite(logistic(features, truth, np.ones(20))).all()


def test_scores_of_photos_left_out_are_what_they_say() -> None:
    scores, truth = left_out(_rows(3, (-1.0, 1.5), names=150))
    assert len(scores) == len(truth) == 150 * 60
    high = scores > 0.8
    assert truth[high].mean() == pytest.approx(scores[high].mean(), abs=0.05)
    assert reliability_table(reliability(scores, truth)).count("\n") >= 6


def test_every_photo_has_one_part_of_five() -> None:
    parts = [fold(f"{number}.jpg", FOLDS) for number in range(500)]
    assert set(parts) == set(range(FOLDS))
    assert parts == [fold(f"{number}.jpg", FOLDS) for number in range(500)]


def test_truth_is_open_where_labels_are() -> None:
    photo = _photo([(10, 10, 30, 30), (100, 100, 140, 140)], [False, True])
    boxes = as_boxes([(11, 10, 31, 30), (14, 18, 34, 38), (105, 105, 115, 115), (60, 60, 80, 80)])
    assert truth_of(boxes, photo).tolist() == [1, -1, -1, 0]


def test_coverage_counts_faces_waste_and_whole_photos() -> None:
    photo = _photo([(20, 20, 60, 60), (100, 100, 140, 140), (0, 0, 5, 5)], [False, False, False])
    right, wrong = (judged(photo, as_boxes([box]), 1.4) for box in ((20, 20, 60, 60), (150, 20, 190, 60)))
    assert shares.covered([right]) == [(1, 2)]
    assert shares.complete([right])["hits"] == 0
    assert shares.complete([right])["of"] == shares.touched([right])["hits"] == 1
    assert shares.outside([right]) < 0.01
    assert shares.of_faces(shares.covered([right, wrong])).items() >= {"hits": 1, "of": 4}.items()
    assert shares.outside([right, wrong]) > 0.02
    assert [face.share >= 0.8 for face in right.faces] == [True, False, False]
    assert all(face.kinds == {"pose": "0"} for face in right.faces)


def test_a_label_that_does_not_count_is_no_face_and_no_waste() -> None:
    seen = judged(_photo([(20, 20, 60, 60)], [True]), as_boxes([(20, 20, 60, 60)]), 1.0)
    assert (seen.faces, seen.stray_px) == ((), 0)


def test_the_written_module_is_the_one_that_is_there() -> None:
    text = source(np.array(coefficients.CONTEXT), np.array(coefficients.RESCORING))
    assert COEFFICIENTS.read_text(encoding="utf-8") == text


def test_photos_come_with_their_labels(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(png(1))
    (tmp_path / "labels.csv").write_text("image,x,y,w,h,ignore\na.png,1,2,30,40,0\na.png,5,5,0,9,0\n")
    first, second = photos(tmp_path)
    assert first.faces.tolist() == [[1, 2, 31, 42], [5, 5, 5, 14]]
    assert first.ignored.tolist() == [False, True]
    assert len(second.faces) == 0
    assert [turned.pixels.shape for turned in photos(tmp_path, turns=1, step=2)] == [(120, 90, 3)]


def test_a_photo_is_scored_by_the_fit_that_left_it_out(tmp_path: Path) -> None:
    for name in ("wider_val", "nonface"):
        (tmp_path / name).mkdir()
    (tmp_path / "wider_val/face.png").write_bytes(encoded(astronaut()))
    (tmp_path / "wider_val/labels.csv").write_text("image,x,y,w,h\nface.png,185,55,80,130\n")
    (tmp_path / "nonface/wall.png").write_bytes(png(1, ()))
    assert crossed_preset(tmp_path, "fast", [FITTED] * FOLDS)["wider_val.fast.recall20"]["hits"] == 1
    blind = [FITTED] * FOLDS
    blind[fold("face.png", FOLDS)] = Weights((-30.0,) + (0.0,) * 7, (-30.0, 0.0, 0.0))
    line = "| fast | 0 of 1 = 0.0 % | 0.0 % | 0.0 % | 0 of 1 = 0.0 % |"
    assert cross.table(crossed_preset(tmp_path, "fast", blind)).splitlines()[-1] == line


def test_without_photographs_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "--data", str(tmp_path)]) == 2
    assert "no labelled photographs" in capsys.readouterr().err
