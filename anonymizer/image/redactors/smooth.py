"""`smooth`: a smooth fill from what stays visible, with a soft oval of one warm tone. The default."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes, head_mask
from anonymizer.image.redactors.clusters import Cluster, clusters
from anonymizer.image.redactors.patches import only, paste, widened
from anonymizer.image.redactors.solid import LUMA
from anonymizer.records import PIXELS, Grid, Mask, Pixels

Floats = NDArray[np.float32]

#: Working pixels across the shorter side of the smallest face of a crop: a fill has no finer detail.
FACE_WORK_PX = 48
#: Working pixels of a crop at most.
CROP_WORK_PX = 150_000
#: A crop is not halved once more where it is larger than wanted by no more than this factor, 2 ** 0.3.
HALVING_SLACK = 1.2311444
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
#: Standard deviation with which the fill is softened, as a share of the smallest face's shorter side.
SOFTENING = 0.06
#: A picture in which nothing stays visible becomes this gray.
NOTHING_VISIBLE = 128
_TINY = np.float32(1e-6)

#: Steps of a level and of a weight that OpenCV is given. It sums with weights that are whole numbers of 256ths (64ths
#: where it doubles), so that no sum has more than the 24 bits of a float32: every order of adding, with or without
#: fused operations, gives the same number on every processor.
LEVEL_STEPS = np.float32(2**8)
WEIGHT_STEPS = np.float32(2**16)
#: Likewise for the softening, whose weights are 4096ths.
SOFT_LEVEL_STEPS = np.float32(2**4)
SOFT_WEIGHT_STEPS = np.float32(2**12)
SOFT_KERNEL_STEPS = 2**12


class Smooth:
    """Fills all masks smoothly from the pixels around them and lays a soft oval of one warm tone on each.

    What it leaks: nothing of what lies under any mask. The output is a function of the boxes and of the pixels
    outside all masks, bit for bit: masked pixels are zeroed and weighted 0 before anything is computed. What can
    be learned from it is what `solid` shows as well: hair, clothes and places around the mask.

    The fill is the push-pull interpolation of Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.5. It is the
    same on every processor: whole numbers wherever OpenCV adds up, single operations of NumPy elsewhere.
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
    # By products, not by a logarithm, whose last bit may differ.
    return next(count for count in itertools.count() if scale <= HALVING_SLACK * 2**count)


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
        colour, known = (
            _array(cv2.pyrDown(_stepped(plane, steps)))
            for plane, steps in ((colour, LEVEL_STEPS), (weight, WEIGHT_STEPS))
        )
        # Gortler's saturation: a quarter of a pixel known is enough to count as known.
        weight = np.minimum(known * 4, 1)
        colour = _times(colour.reshape(*known.shape, -1), weight / np.maximum(known, _TINY))
        levels.append((colour, weight))
    colour, weight = levels.pop()
    filled = _times(colour, 1 / np.maximum(weight, _TINY))
    for colour, weight in reversed(levels):
        doubled = _array(cv2.pyrUp(_stepped(filled, LEVEL_STEPS), dstsize=weight.shape[::-1])).reshape(colour.shape)
        filled = colour + _times(doubled, 1 - weight)
    return filled


def _softened(filled: Floats, weight: Floats, sigma_px: float) -> Floats:
    """The fill blurred among hidden pixels only: fill is blended with fill."""
    hidden = 1 - weight
    kernel = _gaussian(max(sigma_px, 0.5))
    near_hidden = _blurred(hidden, kernel, SOFT_WEIGHT_STEPS)
    blurred = _blurred(_times(filled, hidden), kernel, SOFT_LEVEL_STEPS).reshape(filled.shape)
    soft = _times(blurred, 1 / np.maximum(near_hidden, _TINY))
    # Half of what surrounds a pixel at the mask's edge is hidden, all deep inside: the edge keeps its fill, so that
    # no seam shows.
    depth = np.clip(2 * near_hidden - 1, 0, 1)
    return filled + _times(soft - filled, hidden * depth)


def _gaussian(sigma_px: float) -> Floats:
    """(taps,) whole numbers of `SOFT_KERNEL_STEPS`, which they add up to, to three standard deviations."""
    reach = max(1, round(3 * sigma_px))
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma_px, cv2.CV_64F).ravel()
    whole = np.rint(kernel * SOFT_KERNEL_STEPS)
    whole[reach] += SOFT_KERNEL_STEPS - int(whole.sum())
    return _array(whole / SOFT_KERNEL_STEPS)


def _blurred(plane: Floats, kernel: Floats, steps: np.float32) -> Floats:
    """One direction after the other, rounded before each."""
    for x_kernel, y_kernel in ((kernel, _ONE), (_ONE, kernel)):
        plane = _array(cv2.sepFilter2D(_stepped(plane, steps), -1, x_kernel, y_kernel))
    return plane


def _stepped(plane: Floats, steps: np.float32) -> Floats:
    whole = plane * steps
    np.rint(whole, out=whole)
    whole *= 1 / steps
    return whole


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
    # Whole numbers again: sums of others depend on their order.
    spread = float(np.rint((seen.max(axis=0) - seen.min(axis=0)) * 256).astype(np.int64).sum()) / (256 * seen.shape[1])
    warmth = min(1.0, spread / COLOURED)
    return np.asarray(brightness * (1 + warmth * (np.array(WARM_TONE) - 1)), dtype=np.float32)


def _brightness(luma: Floats) -> float:
    return TONE_LUMA[0] + TONE_LUMA[1] * float(np.percentile(luma, TONE_PERCENTILE))


def _with_ovals(filled: Floats, tone: Floats, cluster: Cluster, zoom: float) -> Floats:
    """The fill with a soft oval in the middle of every box; where ovals meet, the denser one counts."""
    height, width = filled.shape[:2]
    opacity = np.zeros((height, width), np.float32)
    for x1, y1, x2, y2 in cluster.boxes.tolist():
        down = OVAL_DOWN * (y2 - y1)
        rows, y = _axis((y1 + down, y2 + down), cluster.rows.start, zoom, OVAL[1], height)
        columns, x = _axis((x1, x2), cluster.columns.start, zoom, OVAL[0], width)
        patch = opacity[rows, columns]
        np.maximum(patch, _oval(y, x), out=patch)
    return filled + _times(tone - filled, opacity)


def _axis(side: tuple[float, float], start: int, zoom: float, share: float, length: int) -> tuple[slice, Floats]:
    """Along one axis: the working pixels that an oval can reach, and their distances from its middle in half axes."""
    first, last = ((end - start) * zoom for end in side)
    centre, half = (first + last) / 2, max((last - first) / 2 * share, 0.5)
    low, high = (
        int(min(max(end, 0), length)) for end in (centre - half * OVAL_FADE[1], centre + half * OVAL_FADE[1] + 1)
    )
    return slice(low, high), _array((np.arange(low, high) + 0.5 - centre) / half)


def _oval(y: Floats, x: Floats) -> Floats:
    """(len(y), len(x)) opacity of an oval, to its ends."""
    inward = (y * y)[:, None] + (x * x)[None]
    np.sqrt(inward, out=inward)
    np.subtract(OVAL_FADE[1], inward, out=inward)
    inward *= np.float32(1 / (OVAL_FADE[1] - OVAL_FADE[0]))
    np.clip(inward, 0, 1, out=inward)
    return _array(np.float32(OVAL_OPACITY) * inward * inward * (3 - 2 * inward))


def _enlarged(filled: Floats, seen: Pixels) -> Pixels:
    """Back to the size, the type and the number of axes of what was reduced."""
    rounded = np.clip(np.rint(filled), 0, 255).astype(np.uint8)
    size = (seen.shape[1], seen.shape[0])
    if rounded.shape[:2] != seen.shape[:2]:
        rounded = np.asarray(cv2.resize(rounded, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return rounded.reshape(seen.shape)


_ONE = np.ones(1, np.float32)
