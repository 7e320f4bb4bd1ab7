"""The model card's shares and intervals, and its pieces."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from infra.docs.generate.figures import FORMS
from infra.proof.detection import card, shares
from infra.proof.detection.intervals import clustered
from infra.proof.detection.seen import LabelledFace, Seen, pieces
from tests.pictures import encoded, scene


def test_faces_in_one_photo_are_not_so_many_trials():
    apart = [(int(i >= 10), 1) for i in range(100)]
    together = [(10 if i else 0, 10) for i in range(10)]
    assert sum(a for a, _ in apart) == sum(a for a, _ in together)
    width = [np.ptp(clustered(pairs)) for pairs in (apart, together)]
    assert width[1] > 2 * width[0]
    # A tenth of 100 independent trials: 1.96 standard errors on either side.
    assert clustered(apart) == pytest.approx((0.9 - 0.059, 0.9 + 0.059), abs=0.015)
    assert clustered(apart) == clustered(apart)


def test_where_nothing_varies_photos_are_the_trials():
    # Clopper-Pearson for 0 of 20: 1 - 0.025 ** (1 / 20).
    low, high = clustered([(0, 5)] * 20)
    assert (low, high) == pytest.approx((0, 0.1684), abs=1e-4)
    assert clustered([(5, 5)] * 20) == pytest.approx((1 - 0.1684, 1), abs=1e-4)
    assert clustered([(0, 0), (0, 0)]) == (0, 1)
    assert FORMS["interval"](shares.of_faces([(0, 0)])) == "none"
    assert FORMS["interval"](shares.of_faces([(9, 10), (0, 0)])) == "0.900 [0.900, 0.900] of 10"


def seen(name, *faces, boxes=1, middle=True):
    known = tuple(LabelledFace(height, share, kinds) for height, share, kinds in faces)
    return Seen(name, boxes, middle, known, stray_px=3, all_px=100, cpu_s=0.1, plain_cpu_s=0.2)


@pytest.fixture
def values():
    masked = {"class": "with_mask"}
    sets = {
        "wider_val": [
            seen("a/1.jpg", (30, 0.9, {"occlusion": "2", "pose": "0"}), (12, 0.1, {"pose": "0"})),
            seen("a/2.jpg", (200, 0.79, {"occlusion": "0", "pose": "0"}), (20, 0.8, {"pose": "1"})),
        ],
        "wider_events": [seen("b/2.jpg", (30, 0.0, {})), seen("b/3.jpg", (30, 1.0, {}))],
        "mask853": [seen("1.png", (30, 0.9, masked))],
        "mask_wearing149": [seen("1.jpg", (300, 0.5, {"class": "mask"}))],
        "nonface": [seen("1.jpg", boxes=0), seen("2.jpg", boxes=2)],
        "london": [seen("1.jpg")],
    }
    sets |= {f"lfw{turn}": [seen("1.jpg", middle=turn != "@180")] for turn in ("", "@90", "@180", "@270")}
    return {card._of(preset, name): value for preset in ("fast", "balanced") for name, value in card.figures(sets)}


def test_the_tables(values):
    text = card.tables(values)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert "| fast | balanced |" in text
    assert "0.667" in rows["`wider_val`: faces covered"]
    assert "0.500 [0.013, 0.987] of 2" in rows["`wider_val`: photos with every face covered"]
    # The other photo of `wider_events` is in `wider_val` too.
    assert "1.000 [0.025, 1.000] of 1" in rows["`wider_events` without the photos of `wider_val`: faces covered"]
    assert "of 1" in rows["`mask_wearing149`: heads covered by 40%"]
    assert "0.500 [0.013, 0.987] of 2" in rows["`nonface`: photos in which something is covered"]
    assert "0.000 [0.000, 0.975] of 1" in rows["10 to 19 px"]
    assert "of 2" in rows["20 to 39 px"]
    assert "none" in rows["40 to 79 px"]
    assert "of 1" in rows["heavily occluded"]
    assert "1.000" in rows["atypical pose"]
    assert "0.000 [0.000, 0.975] of 1" in rows["turned by 180°"]


def test_of_sets_that_are_not_there_nothing_is_known():
    known = {name: [] for name in card.SETS} | {"wider_val": [seen("a/1.jpg", (30, 0.9, {"pose": "0"}))]}
    values = {card._of("fast", name): value for name, value in card.figures(known)}
    assert card.summary(values).splitlines()[-1].startswith("| fast | 1 of 1 = 100.0 % | 100.0 % | 3.0 % | none | ")
    assert "| `london`: portraits found | none |" in card.tables(values)


def test_the_summary(values):
    assert card.summary(values).splitlines()[2:] == [
        f"| {preset} | 2 of 3 = 66.7 % | 50.0 % | 3.0 % | 100.0 % | 1 of 2 = 50.0 % | 66.7 % | 0.50 |"
        for preset in ("fast", "balanced")
    ]


def test_a_piece_is_measured_once_and_again_when_the_detector_has_changed(tmp_path, monkeypatch):
    photos = tmp_path / "data/wider_val"
    photos.mkdir(parents=True)
    (photos / "a.png").write_bytes(encoded(scene(64, 48)))
    with (photos / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "x", "y", "w", "h", "ignore", "pose"], ["a.png", 4, 4, 20, 20, 0, 1]])
    looks = []

    class Detector:
        name, sha256, output_revision = "centerface", "00", 1

        def detect(self, pixels):
            looks.append(pixels.shape)
            return np.array([[4, 4, 24, 24]], np.float32), np.array([0.9], np.float32)

    monkeypatch.setattr("infra.proof.detection.seen.detector_of", lambda _: Detector())
    for _ in range(2):
        found = pieces(tmp_path / "data", tmp_path / "pieces", "fast", ("wider_val",))
    assert looks == [(48, 64, 3)]
    assert found["wider_val"] == [Seen("a.png", 1, False, (LabelledFace(20, 1.0, {"pose": "1"}),))]
    monkeypatch.setattr(Detector, "output_revision", 2)
    pieces(tmp_path / "data", tmp_path / "pieces", "fast", ("wider_val",))
    assert len(looks) == 2
