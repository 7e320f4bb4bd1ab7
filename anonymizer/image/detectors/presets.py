"""What `detector.preset` stands for: named bundles, chosen from measurements (infra/docs/detection.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from anonymizer.config import DetectorConfig, Precision, Preset
from anonymizer.image.detectors.contract import WORK_FACE_PX


@dataclass(frozen=True, slots=True)
class Search:
    """How hard CenterFace looks.

    Attributes:
        scale: Working pixels per pixel of the picture, where nothing else decides.
        max_area_px: Larger pictures are looked at in at most so many working pixels; None: without a limit.
        min_face_px: Faces from this height on are looked for however large the picture is; None: no such promise.
        halved: Whether every picture is looked at a second time at half the scale.
        min_score: Least calibrated score of a face.
        lone_score: Least calibrated score of a face that a second look decided about: a false alarm there costs a
            photo in which nobody is.
        second_looks: At most so many proposals of a photo without a sure face are looked at again.
        precision: Of the network's numbers.
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
    """The preset, and over it what was set by itself."""
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
