"""Photos graded to HDR mean the light that they had, and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from anonymizer.image.views import to_display
from anonymizer.image.views.hdr import hlg_scene, pq_nits
from anonymizer.records import HLG, PQ, CodePoints, Frame
from infra.proof.detection.hdr import graded, versions


def test_white_is_reference_white() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    for transfer, nits in ((PQ, pq_nits), (HLG, lambda signal: 1000 * hlg_scene(signal) ** 1.2)):
        found = nits(graded(white, transfer) / 65535)
        assert np.abs(found - 203).max() < 2


@pytest.mark.parametrize("transfer", [PQ, HLG], ids=["PQ", "HLG"])
def test_a_photo_is_shown_as_it_was(transfer: int) -> None:
    pixels = astronaut()[:128, 128:256]
    samples = graded(pixels, transfer)
    assert len(np.unique(samples)) <= 1024
    away = np.abs(to_display(Frame(samples, hdr=CodePoints(9, transfer))).astype(int) - pixels)
    assert away.mean() < 1.5
    assert np.percentile(away, 99) <= 6


def test_a_lamp_takes_room_and_hides_nothing() -> None:
    pixels = astronaut()[:128, 128:256]
    named = {name: to_display(frame).astype(int) for name, frame in versions(pixels)}
    assert list(named)[:3] == ["sRGB", "PQ", "PQ, with a lamp"]
    for name in ("PQ, with a lamp", "HLG, with a lamp"):
        shown = named[name]
        assert (shown[:5, :5] >= 254).all()
        assert shown[8:].max() < 255
        assert np.corrcoef(shown[8:].ravel(), pixels[8:].ravel())[0, 1] > 0.98
