"""`smooth`: a smooth fill from what stays visible, with a soft oval of one warm tone. The default."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.geometry import IntBoxes, head_mask
from anonymizer.records import PIXELS, Grid, Mask, Pixels
from anonymizer.redactors.clusters import Cluster, clusters
from anonymizer.redactors.patches import only, paste, widened
from anonymizer.redactors.solid import LUMA

Floats = NDArray[np.float32]

#: Working pixels across the shorter side of the smallest face of a crop: a fill has no finer detail.
FACE_WORK_PX = 48
#: Working pixels of a crop at most.
CROP_WORK_PX = 150_000
#: A crop is halved once more where that makes it smaller than wanted by less than this power of two.
HALVING_SLACK = 0.3
#: Red, green and blue of the oval at luma 1: the same for everybody.
WARM_TONE = (1.20, 0.94, 0.80)
#: The oval's tone is taken from at most about this many of them, evenly spread.
TONE_SAMPLES = 2_000
#: Percentile of the visible luma around that is the oval's.
TONE_PERCENTILE = 75.0
#: The oval's luma is the first plus that percentile times the second: no hole in a dark place, no lamp in a bright one.
TONE_LUMA = (62.0, 0.55)
#: Mean spread between the channels of the visible pixels from which on the oval has its whole colour; below it fades
#: to gray, which it is among pixels that are all gray.
COLOURED = 9.0
#: Half axes of the oval as shares of the padded box's, and how far down its middle lies: where a face lies in a head.
OVAL = (0.66, 0.76)
OVAL_DOWN = 0.04
#: Distance from the middle, in half axes, where the oval starts to fade and where it ends; opacity in the middle.
OVAL_FADE = (0.35, 1.25)
OVAL_OPACITY = 0.9
#: Pixels across the oval that all others are scaled from.
OVAL_PX = 128
#: Standard deviation with which the fill is softened, as a share of the smallest face's shorter side.
SOFTENING = 0.06
#: A picture in which nothing stays visible becomes this gray.
NOTHING_VISIBLE = 128
_TINY = np.float32(1e-6)


class Smooth:
    """Fills all masks smoothly from the pixels around them and lays a soft oval of one warm tone on each.

    What it leaks: nothing of what lies under any mask. The output is a function of the boxes and of the pixels
    outside all masks, bit for bit: masked pixels are zeroed and weighted 0 before anything is computed. What can
    be learned from it is what `solid` shows as well: hair, clothes and places around the mask.

    The fill is the push-pull interpolation of Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.5.
    """

    name = "smooth"
    output_revision = 4

    def __init__(self, config: RedactionConfig) -> None:
        del config  # There is nothing to set: one look for everybody.

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask filled; see `Redactor.redact`."""
        height, width = pixels.shape[:2]
        mask = head_mask(xyxy, width, height, grid)
        if not mask.any():
            return pixels.copy()
        redacted = pixels.copy()
        for cluster in clusters(xyxy, width, height, grid):
            fill = _fill(pixels, ~_hidden(mask, cluster, grid.reach), cluster)
            # A crop touches no mask of another cluster, so each pixel is written once and none is read after that.
            paste(redacted, cluster.rows, cluster.columns, fill, mask[cluster.rows, cluster.columns])
        return redacted


def _hidden(mask: Mask, cluster: Cluster, reach: int) -> Mask:
    """Of a cluster's crop, the pixels that lie under a mask or within `reach` of one, in the crop or beside it."""
    top, left = min(reach, cluster.rows.start), min(reach, cluster.columns.start)
    around = mask[cluster.rows.start - top : cluster.rows.stop + reach, cluster.columns.start - left :]
    around = around[:, : cluster.columns.stop + reach - cluster.columns.start + left]
    height, width = cluster.shape
    return widened(around, reach)[top : top + height, left : left + width]


def _fill(pixels: Pixels, visible: Mask, cluster: Cluster) -> Pixels:
    """The crop of a cluster, filled from what is visible; of use under its masks only."""
    if not visible.any():
        # The margin around a cluster lies under no mask, so this crop has none: it is the whole picture.
        return np.full((*cluster.shape, *pixels.shape[2:]), NOTHING_VISIBLE, np.uint8)
    face_px = float(np.min(cluster.boxes[:, 2:].astype(np.int64) - cluster.boxes[:, :2]))
    halvings = _halvings(face_px, visible.size)
    # From here on nothing reads `pixels`: what lies under any mask is 0, and counts for nothing.
    seen = only(pixels[cluster.rows, cluster.columns], visible, 1 << halvings)
    colour, weight = _reduced(seen, visible, halvings)
    filled = _softened(_push_pull(colour, weight), weight, SOFTENING * face_px / (1 << halvings))
    with_ovals = _with_ovals(filled, _tone(colour, weight), cluster, 0.5**halvings)
    return _enlarged(with_ovals, seen)[: visible.shape[0], : visible.shape[1]]


def _halvings(face_px: float, crop_px: int) -> int:
    """How often a crop is halved before it is worked on: exact halves are many times as fast as other fractions."""
    scale = max(1.0, face_px / FACE_WORK_PX, math.sqrt(crop_px / CROP_WORK_PX))
    return max(0, math.ceil(math.log2(scale) - HALVING_SLACK))


def _reduced(seen: Pixels, visible: Mask, halvings: int) -> tuple[Floats, Floats]:
    """Working pixels: (h, w, C) mean visible colour times weight, and (h, w) weight, the share that is visible."""
    weight = only(visible.view(np.uint8) * np.uint8(255), visible, 1 << halvings)
    for _ in range(halvings):
        seen, weight = _halved(seen), _halved(weight)
    height, width = weight.shape
    return _array(seen).reshape(height, width, -1), _array(weight) * np.float32(1 / 255)


def _halved(plane: Pixels) -> Pixels:
    """Means of two by two pixels of a plane with even sides, in whole numbers."""
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _push_pull(colour: Floats, weight: Floats) -> Floats:
    """(h, w, C) colour everywhere: halved until every pixel is known, then doubled again into the gaps."""
    levels = [(colour, weight)]
    while max(weight.shape) > 1 and float(weight.min()) < 1:
        colour, known = _array(cv2.pyrDown(colour)), _array(cv2.pyrDown(weight))
        # Gortler's saturation: a quarter of a pixel known is enough to count as known.
        weight = np.minimum(known * 4, 1)
        colour = _times(colour.reshape(*known.shape, -1), weight / np.maximum(known, _TINY))
        levels.append((colour, weight))
    colour, weight = levels.pop()
    filled = _times(colour, 1 / np.maximum(weight, _TINY))
    for colour, weight in reversed(levels):
        doubled = _array(cv2.pyrUp(filled, dstsize=weight.shape[::-1])).reshape(colour.shape)
        filled = colour + _times(doubled, 1 - weight)
    return filled


def _softened(filled: Floats, weight: Floats, sigma_px: float) -> Floats:
    """The fill blurred among hidden pixels only: fill is blended with fill."""
    hidden = 1 - weight
    size, sigma = (0, 0), max(sigma_px, 0.5)
    near_hidden = _array(cv2.GaussianBlur(hidden, size, sigma))
    blurred = _array(cv2.GaussianBlur(_times(filled, hidden), size, sigma)).reshape(filled.shape)
    soft = _times(blurred, 1 / np.maximum(near_hidden, _TINY))
    # Half of what surrounds a pixel at the mask's edge is hidden, all deep inside: the edge keeps its fill, so that
    # no seam shows.
    depth = np.clip(2 * near_hidden - 1, 0, 1)
    return filled + _times(soft - filled, hidden * depth)


def _array(values: object) -> Floats:
    return np.asarray(values, dtype=np.float32)


def _times(colour: Floats, plane: NDArray[np.floating]) -> Floats:
    """(h, w, C) by (h, w). As broadcasting does it, but several times as fast."""
    return colour * _array(cv2.merge([plane] * colour.shape[2])).reshape(colour.shape)


def _tone(colour: Floats, weight: Floats) -> Floats:
    """(C,) the oval's colour: warm where the visible pixels are coloured, as bright as the brighter of them."""
    sure = np.flatnonzero(weight >= min(0.5, float(weight.max())))
    sure = sure[:: 1 + len(sure) // TONE_SAMPLES]
    # Channel by channel: axes of three are slow to go along.
    seen = np.ascontiguousarray((colour.reshape(-1, colour.shape[2])[sure] / weight.reshape(-1, 1)[sure]).T)
    if len(seen) == 1:
        return np.array([_brightness(seen[0])], np.float32)
    brightness = _brightness(_array(sum(np.float32(part) * plane for part, plane in zip(LUMA, seen, strict=True))))
    warmth = min(1.0, float((seen.max(axis=0) - seen.min(axis=0)).mean()) / COLOURED)
    return np.asarray(brightness * (1 + warmth * (np.array(WARM_TONE) - 1)), dtype=np.float32)


def _brightness(luma: Floats) -> float:
    return TONE_LUMA[0] + TONE_LUMA[1] * float(np.percentile(luma, TONE_PERCENTILE))


def _with_ovals(filled: Floats, tone: Floats, cluster: Cluster, zoom: float) -> Floats:
    """The fill with a soft oval in the middle of every box; where ovals meet, the denser one counts."""
    height, width = filled.shape[:2]
    opacity = np.zeros((height, width), np.float32)
    for x1, y1, x2, y2 in cluster.boxes.tolist():
        down = OVAL_DOWN * (y2 - y1)
        rows, *down_axis = _axis((y1 + down, y2 + down), cluster.rows.start, zoom, OVAL[1], height)
        columns, *across_axis = _axis((x1, x2), cluster.columns.start, zoom, OVAL[0], width)
        patch = opacity[rows, columns]
        if patch.size:
            to_oval = np.array([[across_axis[0], 0, across_axis[1]], [0, down_axis[0], down_axis[1]]])
            oval = cv2.warpAffine(_OVAL, to_oval, patch.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            np.maximum(patch, oval, out=patch)
    return filled + _times(tone - filled, opacity)


def _axis(side: tuple[float, float], start: int, zoom: float, share: float, length: int) -> tuple[slice, float, float]:
    """Along one axis: the working pixels that an oval can reach, and how they map to `_OVAL`: step and offset."""
    first, last = ((end - start) * zoom for end in side)
    centre, half = (first + last) / 2, max((last - first) / 2 * share, 0.5) * OVAL_FADE[1]
    low, high = (int(min(max(end, 0), length)) for end in (centre - half, centre + half + 1))
    step = OVAL_PX / (2 * half)
    return slice(low, high), step, (low + 0.5 - centre) * step + (OVAL_PX - 1) / 2


def _oval() -> Floats:
    """(OVAL_PX, OVAL_PX) opacity of an oval, to its ends."""
    along = (np.arange(OVAL_PX, dtype=np.float32) + np.float32(0.5)) / (OVAL_PX / 2) - 1
    distance = np.sqrt((along * along)[:, None] + (along * along)[None]) * OVAL_FADE[1]
    inward = np.clip((OVAL_FADE[1] - distance) / (OVAL_FADE[1] - OVAL_FADE[0]), 0, 1)
    return _array(OVAL_OPACITY * inward * inward * (3 - 2 * inward))


def _enlarged(filled: Floats, seen: Pixels) -> Pixels:
    """Back to the size, the type and the number of axes of what was reduced."""
    rounded = np.clip(np.rint(filled), 0, 255).astype(np.uint8)
    size = (seen.shape[1], seen.shape[0])
    if rounded.shape[:2] != seen.shape[:2]:
        rounded = np.asarray(cv2.resize(rounded, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return rounded.reshape(seen.shape)


_OVAL = _oval()
