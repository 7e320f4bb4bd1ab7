"""How `smooth` looks, and that clusters keep clear of each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import head_mask, widened
from anonymizer.image.redactors.clusters import clusters
from anonymizer.image.redactors.smooth import NOTHING_VISIBLE, Smooth, _hidden
from anonymizer.records import Grid, Pixels

SMOOTH = Smooth(RedactionConfig())


def flat(colour: int | tuple[int, int, int], height: int = 120, width: int = 160) -> Pixels:
    channels = () if isinstance(colour, int) else (3,)
    return np.full((height, width, *channels), colour, np.uint8)


@pytest.mark.parametrize("colour", [128, (128, 128, 128)])
def test_nothing_visible_gives_a_constant(colour):
    redacted = SMOOTH.redact(flat(colour), np.array([[-500, -500, 700, 700]], np.int32))
    assert (redacted == NOTHING_VISIBLE).all()


@pytest.mark.parametrize("gray", [0, 60, 200, 255])
def test_gray_surroundings_give_a_gray_face(gray):
    box = np.array([[40, 30, 100, 100]], np.int32)
    redacted = SMOOTH.redact(flat((gray, gray, gray)), box)
    assert (np.ptp(redacted.astype(int), axis=2) == 0).all()
    np.testing.assert_array_equal(redacted[..., 0], SMOOTH.redact(flat(gray), box))


def test_the_oval_is_warm_among_colours_and_stays_in_the_middle():
    redacted = SMOOTH.redact(flat((40, 80, 160)), np.array([[40, 20, 110, 110]], np.int32))
    red, green, blue = (int(v) for v in redacted[67, 75])
    assert red > green > blue
    np.testing.assert_array_equal(redacted[20, 75], [40, 80, 160])
    np.testing.assert_array_equal(redacted[67, 40], [40, 80, 160])


@pytest.mark.parametrize("dark", [(0, 0, 10), (5, 20, 5)])
def test_a_dark_place_gets_no_black_hole(dark):
    redacted = SMOOTH.redact(flat(dark), np.array([[40, 20, 110, 110]], np.int32))
    assert redacted[67, 75].mean() > 40


def test_no_seam_at_the_edge_of_the_mask():
    """A ramp goes on across the mask's edge without a step."""
    ramp = np.tile(np.linspace(20, 230, 300).astype(np.uint8), (200, 1))
    box = np.array([[100, 40, 200, 160]], np.int32)
    redacted = SMOOTH.redact(ramp, box).astype(int)
    mask = head_mask(box, 300, 200)
    edge = mask[:, 1:] != mask[:, :-1]
    assert np.abs(np.diff(redacted, axis=1))[edge].max() <= 8


def test_one_tone_for_everybody_in_equal_surroundings():
    boxes = np.array([[20, 20, 60, 70], [220, 120, 260, 170]], np.int32)
    redacted = SMOOTH.redact(flat((40, 80, 160), 200, 300), boxes)
    np.testing.assert_array_equal(redacted[20:70, 20:60], redacted[120:170, 220:260])


LARGE_SCENES = {
    "a large face, so that work is done on a reduced copy": [[150, 100, 800, 850]],
    "several clusters": [[20, 20, 60, 70], [400, 300, 700, 690], [1000, 800, 1060, 870], [1190, 0, 1230, 40]],
    "small ones on and beside a large one": [[200, 100, 700, 700], [300, 200, 330, 240], [705, 300, 725, 330]],
    "a crowd": [[x, y, x + 17, y + 21] for x in range(0, 1200, 60) for y in range(0, 900, 70)],
    "little stays visible": [[-2000, -2000, 1100, 1100], [-2000, -1800, 1150, 1150], [0, 500, 1160, 1400]],
}


@pytest.mark.parametrize("scene", LARGE_SCENES)
@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "rgb"])
def test_non_interference_in_a_large_picture(scene, channels):
    rng = np.random.default_rng(1)
    xyxy = np.array(LARGE_SCENES[scene], np.int32)
    shown = rng.integers(0, 256, (900, 1200, *channels), dtype=np.uint8)
    other = shown.copy()
    mask = head_mask(xyxy, 1200, 900)
    other[mask] = rng.integers(0, 256, other[mask].shape, dtype=np.uint8)
    np.testing.assert_array_equal(SMOOTH.redact(other, xyxy), SMOOTH.redact(shown, xyxy))


BOX = st.tuples(st.integers(-30, 210), st.integers(-30, 160), st.integers(0, 60), st.integers(0, 60))


@settings(deadline=None, max_examples=60)
@given(corners=st.lists(BOX, max_size=12), size=st.sampled_from([(200, 150), (900, 700)]))
def test_clusters_hold_every_box_once_and_keep_clear_of_the_others(corners, size):
    width, height = size
    xyxy = np.array([[x, y, x + w, y + h] for x, y, w, h in corners], np.int32).reshape(-1, 4)
    found = clusters(xyxy, width, height)
    covered = np.zeros((height, width), int)
    for cluster in found:
        own = head_mask(cluster.boxes, width, height)
        crop = np.zeros_like(own)
        crop[cluster.rows, cluster.columns] = True
        others = [other.boxes for other in found if other is not cluster]
        assert not (own & ~crop).any()
        assert not others or not (head_mask(np.concatenate(others), width, height) & crop).any()
        covered += own
    np.testing.assert_array_equal(covered, head_mask(xyxy, width, height))


def test_a_crowd_is_one_cluster_and_distant_faces_are_not():
    x, y = np.meshgrid(np.arange(0, 1000, 50), np.arange(0, 1000, 60))
    crowd = np.stack([x, y, x + 20, y + 24], axis=-1).reshape(-1, 4).astype(np.int32)
    assert len(clusters(crowd, 1000, 1000)) == 1
    assert len(clusters(crowd[[0, -1]], 1000, 1000)) == 2
    assert clusters(crowd[:0], 1000, 1000) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-20, 150), st.integers(-20, 110), st.integers(8, 60), st.integers(8, 60)), max_size=5
    ),
    st.sampled_from([Grid(), Grid(8, 8, 0), Grid(16, 16, 2)]),
)
def test_a_crop_knows_of_every_mask_that_reaches_into_it(corners, grid):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in corners], np.int32).reshape(-1, 4)
    mask = head_mask(boxes, 160, 120, grid)
    whole = widened(mask, grid.reach)
    for cluster in clusters(boxes, 160, 120, grid):
        np.testing.assert_array_equal(_hidden(mask, cluster, grid.reach), whole[cluster.rows, cluster.columns])
