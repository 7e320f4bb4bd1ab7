"""Several detectors as one, and boxes that speak of the same face."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.config import DetectorConfig, RunConfig, from_mapping
from anonymizer.errors import ConfigError, DetectionFailed
from anonymizer.image import geometry
from anonymizer.image.detectors import Found, Weights, known_answer, load_weights, make, merged
from anonymizer.image.detectors.patch import PATCH_RGB
from tests.image.detectors.conftest import MODELS, scene


def found(*boxes: tuple[float, ...]) -> Found:
    """`x1, y1, x2, y2, score` each."""
    rows = np.asarray(boxes, np.float32).reshape(-1, 5)
    return rows[:, :4], rows[:, 4]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([found()], []),
        ([found(), found()], []),
        ([found((0, 0, 9, 9, 0.5)), found()], [(0, 0, 9, 9, 0.5)]),
        # Half of it shared: the strongest box, wherever it comes from.
        ([found((0, 0, 10, 10, 0.5)), found((2, 0, 12, 10, 0.75))], [(2, 0, 12, 10, 0.75)]),
        # Less: two faces.
        ([found((0, 0, 10, 10, 0.5)), found((5, 0, 15, 10, 0.75))], [(5, 0, 15, 10, 0.75), (0, 0, 10, 10, 0.5)]),
        # A face in a head: the larger box and the better score.
        ([found((0, 0, 10, 10, 0.75)), found((2, 2, 8, 9, 0.5))], [(0, 0, 10, 10, 0.75)]),
        ([found((0, 0, 10, 10, 0.25)), found((2, 2, 8, 9, 0.5))], [(0, 0, 10, 10, 0.5)]),
        # Two boxes of one look are two faces, also where one box of another look holds both.
        ([found((0, 0, 10, 10, 0.75), (1, 0, 10, 10, 0.5)), found()], [(0, 0, 10, 10, 0.75), (1, 0, 10, 10, 0.5)]),
        (
            [found((0, 0, 10, 10, 0.75)), found((0, 0, 5, 10, 0.5), (5, 0, 10, 10, 0.25))],
            [(0, 0, 10, 10, 0.75), (5, 0, 10, 10, 0.25)],
        ),
        # Of two that it may be, the more alike.
        (
            [found((0, 0, 10, 10, 0.75), (1, 1, 9, 9, 0.5)), found((1, 1, 9, 8, 0.25))],
            [(0, 0, 10, 10, 0.75), (1, 1, 9, 9, 0.5)],
        ),
        # A small one before a large one: a child on an arm.
        ([found((0, 0, 10, 10, 0.75)), found((2, 2, 6, 6, 0.5))], [(0, 0, 10, 10, 0.75), (2, 2, 6, 6, 0.5)]),
    ],
)
def test_each_face_once(looks, expected):
    before = [(xyxy.copy(), score.copy()) for xyxy, score in looks]
    xyxy, score = merged(looks)
    assert [(*box, value) for box, value in zip(xyxy.tolist(), score.tolist(), strict=True)] == expected
    for (old_xyxy, old_score), (new_xyxy, new_score) in zip(before, looks, strict=True):
        assert np.array_equal(old_xyxy, new_xyxy)
        assert np.array_equal(old_score, new_score)


BOX = st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 30)] * 2, st.floats(0.0625, 1, width=32))


@given(st.lists(st.lists(BOX, max_size=6), min_size=1, max_size=3))
def test_no_face_is_lost(looks):
    parts = [found(*((x, y, x + w, y + h, s) for x, y, w, h, s in look)) for look in looks]
    xyxy, score = merged(parts)
    assert len(parts) == 1 or (np.diff(score) <= 0).all()
    for part, scores in parts:
        for box, value in zip(part, scores, strict=True):
            # Half of it lies in the box that stayed, which may have been changed for one with nine tenths of it.
            assert geometry.inside_share(box[None], xyxy).max() >= 0.44
            assert score.max() >= value


def portrait_and_patch() -> np.ndarray:
    pixels, _ = scene()
    pixels[20:60, 20:50] = PATCH_RGB
    return pixels


def test_a_union_finds_what_any_part_finds():
    config = DetectorConfig(name="haar,patch")
    union = make(config, load_weights(config, lambda url: b""))
    alone = [make(DetectorConfig(name=name), None) for name in ("haar", "patch")]
    union.self_test()
    xyxy, _ = union.detect(portrait_and_patch())
    assert len(xyxy) == 2
    for detector in alone:
        for box in detector.detect(portrait_and_patch())[0]:
            assert (geometry.iou(box[None], xyxy)[0] == 1).any()
    assert (union.name, union.output_revision) == ("haar+patch", sum(part.output_revision for part in alone))
    named = "\n".join(f"{part.name} {part.sha256}" for part in alone)
    assert union.sha256 == hashlib.sha256(named.encode()).hexdigest()


def test_every_part_is_tested(monkeypatch):
    config = DetectorConfig(name="patch,haar")
    union = make(config, load_weights(config, lambda url: b""))
    monkeypatch.setattr(known_answer, "portrait", lambda: np.zeros((160, 160, 3), np.uint8))
    with pytest.raises(DetectionFailed):
        union.self_test()


def test_each_part_has_its_own_weights_and_least_score():
    files = sorted(MODELS.glob("face_detection_yunet_*.onnx"))
    if not files:
        pytest.skip("no YuNet file at hand")
    config = DetectorConfig(name="centerface,yunet", weights="memory://yunet")
    read: list[str] = []

    def reader(url: str) -> bytes:
        read.append(url)
        return files[0].read_bytes()

    both: Weights = load_weights(config, reader)
    assert isinstance(both, tuple)
    assert read == ["memory://yunet"]
    assert both == (load_weights(DetectorConfig(), reader), files[0].read_bytes())
    union = make(config, both)
    union.self_test()
    pixels, box = scene()
    found_xyxy, _ = union.detect(pixels)
    assert len(found_xyxy) == 1
    assert geometry.iou(found_xyxy, box)[0, 0] > 0.5


def test_weights_that_nobody_takes():
    with pytest.raises(ConfigError, match="takes no weights"):
        load_weights(DetectorConfig(name="haar,patch", weights="memory://w"), lambda url: b"")


@pytest.mark.parametrize("value", ["centerface,yunet", "centerface, yunet", ["centerface", "yunet"]])
def test_several_names_are_a_setting(value):
    assert from_mapping(RunConfig, {"detector": {"name": value}}).detector.name == "centerface,yunet"


@pytest.mark.parametrize("value", ["", "eyes", "centerface,", "haar,haar", [], ["haar", 3], 3, None, True])
def test_names_that_are_none(value):
    with pytest.raises(ConfigError, match=r"detector\.name"):
        from_mapping(RunConfig, {"detector": {"name": value}})
