"""What a run would publish and record, as one JSON object; run in a process of its own under other kernels."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage.data import astronaut

from anonymizer import Anonymizer
from anonymizer.config import CodecConfig, DetectorConfig, RedactionConfig
from anonymizer.image import codec, detectors, redactors
from anonymizer.image.codec.icc import linear_profile, to_srgb
from anonymizer.image.detectors.centerface import crop_rescoring
from anonymizer.image.profiles import PROFILES
from anonymizer.image.views.hdr import as_sdr
from anonymizer.records import HLG, PQ, CodePoints, Frame, Grid

MODELS = Path(__file__).parents[3].parent / "shared" / "models"


def outputs() -> Iterator[tuple[str, Any]]:
    """Names and what belongs to them: hashes of bytes and pixels, faces as the manifest has them."""
    cv2.setNumThreads(1)
    random = np.random.default_rng(7)
    noise = random.integers(0, 256, (512, 768, 3)).astype(np.uint8)
    photo = np.tile(astronaut()[:256], (2, 2, 1))[:, :768]
    picture = np.asarray(photo // 5 * 4 + noise // 5, np.uint8)
    for subsampling in (0, 2):
        yield f"exact JPEG {subsampling}", _digest(_redacted_noise(noise, subsampling))
        for factor in (2, 4):
            yield f"smaller JPEG {subsampling} {factor}", _digest(_made_smaller(noise, subsampling, factor))
    wide = random.integers(0, 2**16, (64, 64, 3)).astype(np.uint16)
    for name, profile in PROFILES.items():
        curves = linear_profile(profile)
        if curves is not None:
            given = wide if curves.matrix is not None else wide[..., 0]
            yield f"16 bit from {name}", _digest(to_srgb(given, curves).tobytes())
    for transfer in (PQ, HLG):
        yield f"HDR {transfer}", _digest(as_sdr(wide, CodePoints(9, transfer)).tobytes())
    corners = random.integers(-40, 460, (40, 2))
    boxes = np.concatenate([corners, corners + random.integers(6, 200, (40, 2))], axis=1).astype(np.int32)
    inside = boxes[(boxes[:, :2] >= 0).all(axis=1)] + 0.3
    for crop in (crop_rescoring.FULL, *(glance.crop for glance in crop_rescoring.GLANCES)):
        yield f"second looks {crop.side_px}", _digest(crop_rescoring.crops(picture, inside, crop).tobytes())
    for method in redactors.METHODS:
        redactor = redactors.make(RedactionConfig(method=method))
        for grid in (Grid(1, 1), Grid(16, 16, 1)):
            pixels = [redactor.redact(picture, boxes[i : i + 4], grid).tobytes() for i in range(0, len(boxes), 4)]
            yield f"{method} {grid.width}", _digest(b"".join(pixels))
    yield from _runs(photo)


def _redacted_noise(noise: np.ndarray, subsampling: int) -> bytes:
    """An exact JPEG in which every block is new."""
    source = BytesIO()
    Image.fromarray(noise).save(source, "JPEG", quality=95, subsampling=subsampling)
    decoded = codec.decode(source.getvalue(), CodecConfig())
    frame = Frame(noise[::-1], None, np.ones(noise.shape[:2], bool))
    return codec.encode(replace(decoded, frames=(frame,))).data


def _made_smaller(noise: np.ndarray, subsampling: int, factor: int) -> bytes:
    """The pixels that a large JPEG is read as, and the fill of its masks."""
    source = BytesIO()
    Image.fromarray(noise).save(source, "JPEG", quality=95, subsampling=subsampling)
    picture = codec.decode(source.getvalue(), CodecConfig(), lambda _width, _height: factor)
    boxes = np.array([[40, 40, 440, 470]], np.int32)
    filled = redactors.redact_frame(redactors.make(RedactionConfig()), picture.frames[0], boxes, picture.grid)
    return picture.frames[0].pixels.tobytes() + codec.encode(replace(picture, frames=(filled,))).data


def _runs(photo: np.ndarray) -> Iterator[tuple[str, Any]]:
    source = BytesIO()
    Image.fromarray(photo).save(source, "JPEG", quality=90)
    settings = [
        {"preset": "balanced"},
        {"preset": "thorough", "precision": "int8"},
        {"preset": "thorough"},
        {"name": "haar"},
    ]
    model = MODELS / "face_detection_yunet_2023mar.onnx"
    settings += [{"name": "yunet", "weights": str(model)}] if model.exists() else []
    for number, detector in enumerate(settings):
        made = Anonymizer({"detector": detector})(source.getvalue())
        faces = [[face.frame, face.x, face.y, face.w, face.h, face.score, face.redacted] for face in made.faces]
        yield f"run {number} {detector.get('preset', detector.get('name'))}", [made.sha256, faces]
    config = DetectorConfig()
    found = detectors.make(config, detectors.load_weights(config, lambda _: b"")).detect(photo)
    yield "boxes and scores", _digest(b"".join(part.tobytes() for part in found))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    json.dump(dict(outputs()), sys.stdout)
