"""Define the values of `detector.preset`; they were chosen from measurements (infra/docs/detection.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anonymizer.config import DetectorConfig, Precision, Preset
from anonymizer.image.detectors.contract import WORK_FACE_PX


@dataclass(frozen=True, slots=True)
class Search:
    """CenterFace's search parameters.

    Attributes:
        scale: Network input pixels per pixel of the picture, before the limits below.
        max_area_px: Maximum number of network input pixels; None = no limit.
        min_face_px: Faces of at least this height are searched for in pictures of any size, overriding `max_area_px`;
            None = no such guarantee.
        halved: Whether a second pass runs at half the scale.
        min_score: Threshold of the calibrated score.
        lone_score: Threshold for rescored proposals; higher, because a false positive among them redacts a photo
            without people.
        second_looks: Maximum number of proposals to rescore in a photo without a confident detection.
        precision: Precision of the network, float32 or int8.
    """

    scale: float
    max_area_px: int | None
    min_face_px: float | None
    halved: bool
    min_score: float
    lone_score: float
    second_looks: int
    precision: Precision


PRESETS: dict[Preset, Search] = {
    "fast": Search(0.66, 1_000_000, None, False, 0.05, 0.3, 6, "int8"),
    "balanced": Search(0.75, 1_200_000, None, False, 0.026, 0.17, 12, "int8"),
    "thorough": Search(1.0, 2_560_000, 24.0, True, 0.0105, 0.05, 12, "float32"),
}


def search(config: DetectorConfig) -> Search:
    """The preset's parameters, overridden by individual settings."""
    chosen = PRESETS[config.preset]
    if config.scale is not None:
        chosen = replace(chosen, scale=config.scale)
    if config.min_face_px is not None:
        promised = WORK_FACE_PX / config.min_face_px
        scale = chosen.scale if config.scale is not None else promised
        chosen = replace(chosen, scale=scale, min_face_px=config.min_face_px)
    if config.max_area_px is not None:
        chosen = replace(chosen, max_area_px=config.max_area_px, min_face_px=config.min_face_px)
    if config.min_score is not None:
        chosen = replace(chosen, min_score=config.min_score, lone_score=config.min_score)
    if config.second_looks is not None:
        chosen = replace(chosen, second_looks=config.second_looks)
    if config.precision is not None:
        chosen = replace(chosen, precision=config.precision)
    return chosen
