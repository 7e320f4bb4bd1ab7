"""Faces found in HDR versions of labelled photos, against the photos themselves.

Each photo is graded to PQ and HLG as ITU-R BT.2408-7 says for content of standard range: its white is light of 203
cd/m2, its colours stay. The samples are those of ten bits in BT.2020, as cameras and phones write them, in a PNG with
cICP. Once more with a lamp of 10,000 cd/m2 in a corner, so that everything else has to make room for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig, DetectorConfig, Preset
from anonymizer.image import codec
from anonymizer.image.codec.depth import spread
from anonymizer.image.views.hdr import REFERENCE_WHITE_NITS, pq_signal
from anonymizer.pipeline import detect
from anonymizer.records import HLG, PQ, CodePoints, Frame, Picture, Pixels, Samples
from infra.docs.generate.figures import FORMS
from infra.proof.detection import shares
from infra.proof.detection.photos import photos
from infra.proof.detection.seen import Seen, detector_of, judged

#: Of `wider_val`, one photo in so many.
STEP = 6

_DEPTH, _LAMP_NITS, _LAMP_SHARE = 10, 10_000.0, 1 / 24
# ITU-R BT.2087-0: linear BT.709 in BT.2020. BT.2100-2, table 5: the display's 1,000 cd/m2, HLG's gamma and curve.
_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
_LUMA = np.array([0.2627, 0.6780, 0.0593])
_HLG_NITS, _HLG_GAMMA = 1_000.0, 1.2
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073

Floats = NDArray[np.float64]


def graded(pixels: Pixels, transfer: int, *, lamp: bool = False) -> Samples:
    """An sRGB photo as ten-bit HDR in samples of 16.

    Args:
        pixels: (H, W, 3) uint8.
        transfer: `PQ` or `HLG`.
        lamp: A corner shines with 10,000 cd/m2, in HLG as bright as it can.
    """
    share = pixels / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    nits = np.clip(linear @ _TO_BT2020.T, 0, 1) * REFERENCE_WHITE_NITS
    if lamp:
        rows, columns = (max(1, round(side * _LAMP_SHARE)) for side in pixels.shape[:2])
        nits[:rows, :columns] = _LAMP_NITS if transfer == PQ else _HLG_NITS
    signal = pq_signal(nits) if transfer == PQ else _hlg_signal(nits)
    return spread(np.rint(signal * (2**_DEPTH - 1)).astype(np.uint16), _DEPTH)


def _hlg_signal(nits: Floats) -> Floats:
    """BT.2100-2, table 5: the inverse OOTF of a display of 1,000 cd/m2, and the OETF."""
    luma = np.maximum(nits @ _LUMA, 1e-6)[..., None] / _HLG_NITS
    scene = np.clip(nits / _HLG_NITS * luma ** ((1 - _HLG_GAMMA) / _HLG_GAMMA), 0, 1)
    bright = _A * np.log(np.maximum(12 * scene - _B, 1e-9)) + _C
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright))


def versions(pixels: Pixels) -> Iterator[tuple[str, Frame]]:
    """Name and frame of a photo as it is, and of what is read of its HDR versions."""
    yield "sRGB", Frame(pixels)
    for name, transfer in (("PQ", PQ), ("HLG", HLG)):
        read = _read(graded(pixels, transfer), transfer)
        yield name, read
        yield f"{name}, with a lamp", _read(graded(pixels, transfer, lamp=True), transfer)
        yield f"{name}, taken for sRGB", replace(read, hdr=None)


def _read(samples: Samples, transfer: int) -> Frame:
    """A frame once written to a PNG and read again."""
    written = codec.encode(Picture("png", (Frame(samples, hdr=CodePoints(9, transfer)),)))
    return codec.decode(written.data, CodecConfig()).frames[0]


def measured(data: Path, preset: Preset = "balanced", step: int = STEP) -> dict[str, Any]:
    """Figures by name (`PQ.recall20`, `PQ.outside`).

    Args:
        data: Folder of the labelled sets.
        preset: See `detector.preset`.
        step: Of `wider_val`, one photo in so many.
    """
    config = DetectorConfig(preset=preset)
    detector = detector_of(config)
    seen: dict[str, list[Seen]] = {}
    for photo in photos(data / "wider_val", step=step):
        for name, frame in versions(photo.pixels):
            seen.setdefault(name, []).append(judged(photo, detect(detector, [frame]).xyxy, config.padding))
    values: dict[str, Any] = {"photos": len(seen["sRGB"])}
    for name, found in seen.items():
        values[f"{name}.recall20"] = shares.of_faces(shares.covered(found))
        values[f"{name}.outside"] = round(shares.outside(found), 4)
    return values


def table(values: Mapping[str, Any]) -> str:
    """Markdown: a line for each version."""
    lines = ["| version | faces ≥ 20 px covered | against sRGB | outside |", "|---|---:|---:|---:|"]
    plain = values["sRGB.recall20"]["hits"]
    for name in [name.removesuffix(".recall20") for name in values if name.endswith(".recall20")]:
        recall, outside = values[f"{name}.recall20"], values[f"{name}.outside"]
        against = recall["hits"] / max(1, plain) - 1
        cells = f"{FORMS['counts'](recall)} = {FORMS['plain'](recall)} | {against:+.2%} | {FORMS['percent'](outside)}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
