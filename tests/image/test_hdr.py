"""PQ and HLG as a screen of standard range shows them, against values worked out by hand and the standards' own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymizer.image.views import light_of, negatives, to_display, views
from anonymizer.image.views.hdr import as_sdr, hlg_scene, mapped, pq_nits, pq_signal
from anonymizer.records import HLG, PQ, CodePoints, Frame, Samples
from tests.image.codec.samples import photo

_PQ, _HLG = CodePoints(9, PQ), CodePoints(9, HLG)


def _codes(signal: NDArray[np.float64] | list[float]) -> NDArray[np.uint16]:
    """(1, N) gray of 16 bit."""
    return np.rint(np.asarray(signal, np.float64)[None] * 65535).astype(np.uint16)


def graded(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """An sRGB picture as PQ of its own primaries, its white at 203 cd/m2."""
    share = pixels / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.rint(pq_signal(linear * 203) * 65535).astype(np.uint16)


@pytest.mark.parametrize(
    ("nits", "signal"),
    # SMPTE ST 2084 and ITU-R BT.2408-7, table 1: percent of PQ.
    [(0.0, 0.0), (0.1, 0.0625), (1.0, 0.1499), (26.0, 0.3800), (100.0, 0.5081), (203.0, 0.5807), (1000.0, 0.7518),
     (10000.0, 1.0)],
)  # fmt: skip
def test_pq_is_that_of_the_standard(nits: float, signal: float) -> None:
    assert float(pq_signal(np.array(nits))) == pytest.approx(signal, abs=5e-4)
    assert float(pq_nits(pq_signal(np.array(nits)))) == pytest.approx(nits, abs=1e-6)


@pytest.mark.parametrize(("signal", "scene"), [(0.0, 0.0), (0.5, 1 / 12), (0.75, 0.26496), (1.0, 1.0)])
def test_hlg_is_that_of_the_standard(signal: float, scene: float) -> None:
    assert float(hlg_scene(np.array(signal))) == pytest.approx(scene, abs=1e-5)


def test_light_up_to_reference_white_is_shown_as_it_is() -> None:
    # 0.4544 of 203 cd/m2 is sRGB 0.7045: what PQ's 0.5 stands for, 92.25 cd/m2.
    found = as_sdr(_codes([0.0, 0.5, 0.5807]), _PQ)
    np.testing.assert_allclose(found[0] / 65535, [0, 0.7045, 1], atol=4e-4)


def test_hlg_is_shown_as_on_a_display_of_a_thousand() -> None:
    # Three quarters are 203 cd/m2; a half is 1000 * (1/12) ** 1.2 = 50.70, 0.2497 of that, sRGB 0.5370.
    found = as_sdr(_codes([0.0, 0.5, 0.75]), _HLG)
    np.testing.assert_allclose(found[0] / 65535, [0, 0.5370, 1], atol=5e-4)


def test_what_is_brighter_than_white_is_rolled_off_and_what_is_dark_is_not() -> None:
    # From 1000 cd/m2 the knee is at 0.6586 of PQ's 0.7518, 87.8 cd/m2, and 203 become 159.04 (BT.2390, 5.4.1).
    nits = np.array([1.0, 20.0, 80.0, 100.0, 203.0, 500.0, 1000.0])
    found = as_sdr(_codes(pq_signal(nits)), _PQ)[0] / 65535
    plain = as_sdr(_codes(pq_signal(nits[:5])), _PQ)[0] / 65535
    np.testing.assert_allclose(found[:3], plain[:3], atol=1e-3)
    assert found[3] < plain[3]
    assert found[4] == pytest.approx(0.8980, abs=1e-3)
    assert (np.diff(found) > 0).all()
    assert found[-1] == 1


def test_an_srgb_picture_that_was_graded_to_pq_is_seen_as_it_was() -> None:
    for points, pixels in ((CodePoints(1, PQ), photo()), (_PQ, np.dstack([photo()[..., 0]] * 3))):
        seen = as_sdr(graded(pixels), points) / 257
        assert np.abs(seen - pixels).max() < 0.6


def test_colors_are_brought_from_the_primaries_that_are_told() -> None:
    # Red of BT.709 in BT.2020 (BT.2087) and in P3 (SMPTE EG 432-1), at 203 cd/m2.
    for primaries, red in ((9, (0.6274, 0.0691, 0.0164)), (12, (0.8225, 0.0332, 0.0171)), (1, (1.0, 0.0, 0.0))):
        codes = np.rint(pq_signal(203 * np.array([[red]])) * 65535).astype(np.uint16)
        shown = as_sdr(codes, CodePoints(primaries, PQ))[0, 0] / 257
        assert shown[0] > 250
        assert shown[1:].max() < 15


def test_narrow_range_and_eight_bit() -> None:
    for pixels in (np.array([[16, 235, 0, 255]], np.uint8), np.array([[16, 235, 0, 255]], np.uint16) * np.uint16(256)):
        found = as_sdr(pixels, CodePoints(9, PQ, full_range=False))
        assert found.dtype == np.uint16
        assert found.tolist() == [[0, 65535, 0, 65535]]
    eight = as_sdr(np.arange(256, dtype=np.uint8)[None], _PQ)
    wide = as_sdr(np.arange(256, dtype=np.uint16)[None] * np.uint16(257), _PQ)
    np.testing.assert_array_equal(eight, wide)


@pytest.mark.parametrize("points", [_PQ, _HLG], ids=["PQ", "HLG"])
def test_everything_that_looks_at_a_frame_sees_light(points: CodePoints) -> None:
    samples = graded(photo())
    frame = Frame(samples, hdr=points)
    light = light_of(frame)
    np.testing.assert_array_equal(light, as_sdr(samples, points))
    np.testing.assert_array_equal(to_display(frame), light >> 8)
    np.testing.assert_array_equal(next(iter(views(frame))), light >> 8)
    gray = Frame(samples[..., 0], hdr=points)
    assert len(list(negatives(gray))) == 1
    samples_before: Samples = samples.copy()
    list(views(frame))
    np.testing.assert_array_equal(samples, samples_before)


def test_bands_do_not_show() -> None:
    tall = np.repeat(graded(photo(48, 64)), 120, axis=0)
    np.testing.assert_array_equal(as_sdr(tall, _HLG)[::120], as_sdr(graded(photo(48, 64)), _HLG))


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_picture_that_a_screen_without_hdr_cannot_show_is_looked_at_as_it_is_coded_too(transfer: int) -> None:
    """Darker than black, brighter than white, outside of BT.709: there, whatever is drawn becomes one colour."""
    drawing = photo().astype(np.uint16)
    flat = np.full((48, 64), 40_000, np.uint16)
    hidden = {
        "below black": (np.dstack([drawing[..., 1] * np.uint16(15)] * 3), False),
        "above white": (np.dstack([236 * 256 + drawing[..., 1] * np.uint16(18)] * 3), False),
        "less red than there is": (np.dstack([drawing[..., 1] * np.uint16(80), flat, 0 * flat]), True),
    }
    for name, (samples, full_range) in hidden.items():
        points = CodePoints(9, transfer, full_range=full_range)
        assert mapped(samples, points)[1], name
        seen = list(views(Frame(samples, hdr=points)))
        assert any(np.array_equal(one, samples >> 8) for one in seen), name


def test_a_picture_of_bt709_is_not_looked_at_as_it_is_coded() -> None:
    # To BT.2020 (ITU-R BT.2087-0, annex 2), in the ten bits that videos and AVIF have.
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    levels = np.arange(0, 256, 5)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, len(levels), 3) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    for nits in (203, 1000):
        ten_bits = np.rint(pq_signal(nits * (linear @ to_bt2020.T)) * 1023)
        assert not mapped(np.rint(ten_bits * (65535 / 1023)).astype(np.uint16), _PQ)[1]
