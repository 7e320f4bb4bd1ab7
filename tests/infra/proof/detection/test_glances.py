"""What glances rule out: the arithmetic behind `make bench-detection WHAT=glances`."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from anonymizer.config import DetectorConfig
from anonymizer.image.detectors.centerface import calibration
from anonymizer.image.detectors.centerface.crop_rescoring import FULL, GLANCES, STRONGEST, TURNS
from infra.proof.detection.glances import Looked, figures, looked, needed_logits, passed, table
from tests.pictures import encoded

MARGINS = [one.margin for one in GLANCES]
FAR, NEAR = [99.0] * len(GLANCES), [0.0] * len(GLANCES)


def _looked(*shortfalls: list[float], lifted: tuple[int, ...] = (), folder: str = "nonface") -> Looked:
    return Looked(folder, np.isin(np.arange(len(shortfalls)), lifted), np.array(shortfalls))


def test_the_needed_look_is_the_one_that_reaches_the_threshold():
    before = np.array([0.001, 0.02, 0.3], np.float32)
    looks = (1 / (1 + np.exp(-needed_logits(before, 0.17)))).astype(np.float32)
    np.testing.assert_allclose(calibration.rescore(looks, before), 0.17, atol=1e-4)


def test_a_box_passes_glance_by_glance():
    only_the_second = [MARGINS[0] + 1, *NEAR[1:]]
    assert passed(_looked(NEAR, only_the_second, FAR), MARGINS)[:, -1].tolist() == [True, False, False]


def test_the_weaker_ones_count_only_with_one_of_the_strongest():
    weaker = [NEAR] * 2
    assert passed(_looked(*[FAR] * STRONGEST, *weaker), MARGINS)[:, -1].sum() == 0
    assert passed(_looked(*[FAR] * (STRONGEST - 1), NEAR, *weaker), MARGINS)[:, -1].sum() == 3


def test_figures_count_what_is_lost_and_what_is_saved():
    one = [_looked(NEAR, FAR, lifted=(0, 1)), _looked(*[FAR] * (STRONGEST + 1)), _looked(NEAR, folder="lfw@90")]
    found = dict(figures(one))
    assert (found["boxes"], found["lifted"], found["lost"], found["nobody.boxes"]) == (
        STRONGEST + 4,
        2,
        1,
        STRONGEST + 3,
    )
    assert found[f"shortfall.{GLANCES[0].crop.side_px}"] == 99
    sides = [one.crop.side_px**2 * TURNS for one in GLANCES]
    full = (TURNS + 1) * FULL.side_px**2
    seen = (2 + STRONGEST) * sides[0] + sum(sides[1:]) + full
    assert found["nobody.pixels"] == pytest.approx(seen / (full * (STRONGEST + 3)), abs=1e-3)
    assert f"| 2 | 1 | {99:.2f} |" in table({f"fast.{name}": value for name, value in found.items()})


def test_an_upside_down_face_passes_and_is_lifted(tmp_path):
    folder = tmp_path / "nonface"
    folder.mkdir()
    (folder / "1.png").write_bytes(encoded(np.ascontiguousarray(astronaut()[::-1, ::-1])))
    (one,) = looked(tmp_path, DetectorConfig(), ["nonface"])
    assert one.lifted.any()
    assert passed(one, MARGINS)[one.lifted, -1].all()
