from __future__ import annotations

import numpy as np

from anonymizer.image.detectors.centerface import calibration
from anonymizer.image.detectors.centerface.calibration import calibrate, features, logit, rescore
from anonymizer.image.geometry import as_boxes


def _boxes(*heights: float) -> np.ndarray:
    return as_boxes([(200 * i, 0, 200 * i + h, h) for i, h in enumerate(heights)])


def _ones(count: int) -> np.ndarray:
    return np.ones(count, np.float32)


def test_no_proposal_has_no_score():
    assert calibrate(as_boxes([]), np.zeros(0, np.float32), np.zeros(0, np.float32)).shape == (0,)


def test_scores_are_probabilities_and_grow_with_the_networks():
    score = np.array([0.05, 0.1, 0.3, 0.6, 0.9], np.float32)
    each = [float(calibrate(_boxes(30), score[[i]], _ones(1))[0]) for i in range(5)]
    assert each == sorted(each)
    assert 0 < each[0] < 0.2 < 0.8 < each[-1] < 1


def test_company_of_its_size_makes_a_doubtful_box_a_face():
    doubtful = np.array([0.12], np.float32)
    alone = calibrate(_boxes(30), doubtful, _ones(1))[0]
    crowd = calibrate(_boxes(30, 32, 28, 33, 31), np.array([0.12, 0.8, 0.7, 0.9, 0.6], np.float32), _ones(5))[0]
    other_size = calibrate(_boxes(200, 32, 28, 33, 31), np.array([0.12, 0.8, 0.7, 0.9, 0.6], np.float32), _ones(5))[0]
    assert crowd > 3 * alone
    assert crowd > other_size


def test_features_tell_what_they_are_named_for():
    score = np.array([0.5, 0.2, 0.9], np.float32)
    found = features(_boxes(24, 48, 96), score, np.array([1, 1, 0.5], np.float32))
    np.testing.assert_allclose(found[:, 0], 1)
    np.testing.assert_allclose(found[:, 1], logit(score))
    np.testing.assert_allclose(found[:, 2], np.log([24, 48, 48]) - 3.2, rtol=1e-6)
    np.testing.assert_allclose(found[:, 3], found[:, 2] ** 2)
    np.testing.assert_allclose(found[:, 5], [0.9, 0.9, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found[:, 6], np.log([3, 3, 3]))
    # 24 and 96 have scores that count as faces; each is compared with the others alone.
    np.testing.assert_allclose(found[:, 7], np.log([4, 2, 4]), rtol=1e-6)


def test_the_order_of_proposals_does_not_matter():
    rng = np.random.default_rng(3)
    heights = rng.integers(10, 100, 40).astype(float)
    boxes, score = _boxes(*heights), rng.uniform(0.05, 1, 40).astype(np.float32)
    order = rng.permutation(40)
    np.testing.assert_allclose(
        calibrate(boxes, score, _ones(40))[order], calibrate(boxes[order], score[order], _ones(40)), rtol=1e-5
    )


def test_equal_heights_are_company_and_a_box_is_none_to_itself():
    score = np.array([0.9, 0.9], np.float32)
    assert features(_boxes(30, 30), score, _ones(2))[:, 7].tolist() == [0, 0]
    assert features(_boxes(30), score[:1], _ones(1))[:, 7].tolist() == [calibration._NO_SIMILAR]


def test_a_second_look_moves_the_score_its_way():
    before = np.array([0.2, 0.2], np.float32)
    low, high = rescore(np.array([0.02, 0.95], np.float32), before)
    assert low < 0.2 < high


def test_impossible_numbers_stay_finite():
    score = np.array([1.0, 0.05], np.float32)
    found = calibrate(as_boxes([(0, 0, 1e9, 1e9), (0, 0, 1e-3, 1e-3)]), score, np.array([1e-9, 1e9], np.float32))
    assert np.isfinite(found).all()
