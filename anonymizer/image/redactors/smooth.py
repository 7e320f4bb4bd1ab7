"""`smooth`, the default: fill masks smoothly from the surrounding pixels and draw a soft oval of one warm tone."""

from __future__ import annotations

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import IntBoxes, head_mask, reduced_mask
from anonymizer.image.redactors.clusters import Cluster, clusters
from anonymizer.image.redactors.ovals import ovals
from anonymizer.image.redactors.patches import only, paste, widened
from anonymizer.image.redactors.solid import LUMA
from anonymizer.records import PIXELS, Grid, Mask, Partial, Pixels

Floats = NDArray[np.float32]

#: The fill is computed at reduced size, with this many pixels across the smallest face's shorter side: it has no finer
#: detail.
FACE_WORK_PX = 48
#: Maximum number of pixels of a reduced crop.
CROP_WORK_PX = 150_000
#: Crops are reduced by factors of two; a crop may exceed the wanted size by this factor, 2 ** 0.3.
HALVING_SLACK = 1.2311444
#: Red, green and blue of the oval relative to its luma; the same for everybody.
WARM_TONE = (1.20, 0.94, 0.80)
#: The oval's tone is computed from about this many visible pixels at most, evenly spread.
TONE_SAMPLES = 2_000
#: Percentile of the visible pixels' luma that determines the oval's luma.
TONE_PERCENTILE = 75.0
#: The oval's luma is the first value plus the second times that percentile: neither black in dark surroundings nor
#: glaring in bright ones.
TONE_LUMA = (62.0, 0.55)
#: Mean difference between the channels of the visible pixels at which the oval has its full colour; below, it fades to
#: gray, so that it is gray in a gray picture.
COLOURED = 9.0
#: Standard deviation of the blur of the fill, as a share of the smallest face's shorter side.
SOFTENING = 0.06
#: Gray level of a picture without visible pixels.
NOTHING_VISIBLE = 128
_TINY = np.float32(1e-6)

#: Values passed to OpenCV are rounded to this many steps per level and per unit of weight. pyrDown and pyrUp use
#: weights that are multiples of 1/256 and 1/64, so sums fit in the 24 bits of a float32 and are exact: every order of
#: additions, with or without fused multiply-add, gives the same number on every processor.
LEVEL_STEPS = np.float32(2**8)
WEIGHT_STEPS = np.float32(2**16)
#: The same for the blur, whose weights are multiples of 1/4096.
SOFT_LEVEL_STEPS = np.float32(2**4)
SOFT_WEIGHT_STEPS = np.float32(2**12)
SOFT_KERNEL_STEPS = 2**12


class Smooth:
    """Fills all masks smoothly from the pixels around them and draws a soft oval of one warm tone on each.

    What it leaks: nothing below any mask. The output is a function of the boxes and the pixels outside all masks, bit
    for bit: masked pixels are set to 0 with weight 0 before anything is computed. An observer learns no more than with
    `solid`: hair, clothes and surroundings of the mask.

    The fill is the push-pull interpolation of Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.5. It is the
    same on every processor: whole numbers wherever OpenCV adds up, single operations of NumPy elsewhere.
    """

    name = "smooth"
    output_revision = 4

    def __init__(self, config: RedactionConfig) -> None:
        del config  # The method has no settings.

    def redact(self, pixels: Pixels, xyxy: IntBoxes, grid: Grid = PIXELS) -> Pixels:
        """A copy of `pixels` with every mask filled; see `Redactor.redact`."""
        redacted = pixels.copy()
        _paint(redacted, pixels, 1, xyxy, grid)
        return redacted

    def reduction(self, xyxy: IntBoxes, width: int, height: int, grid: Grid) -> int:
        """Twice as many times as the fill is computed smaller anyway; see `FromReduced.reduction`.

        The fill of a face that is `FACE_WORK_PX` wide has no detail finer than three of its pixels (`SOFTENING`).
        """
        return 2 << min((_halvings(cluster) for cluster in clusters(xyxy, width, height, grid)), default=0)

    def redact_reduced(self, pixels: Pixels, whole: Partial, xyxy: IntBoxes, grid: Grid) -> Pixels:
        """Every mask filled; see `FromReduced.redact_reduced`."""
        redacted = np.zeros((whole.height, whole.width, *pixels.shape[2:]), np.uint8)
        _paint(redacted, pixels, whole.factor, xyxy, grid)
        return redacted


def _paint(target: Pixels, pixels: Pixels, factor: int, xyxy: IntBoxes, grid: Grid) -> None:
    """Fills every mask of `target`, in place, from pixels of the picture that are `factor` times smaller."""
    height, width = target.shape[:2]
    mask = head_mask(xyxy, width, height, grid)
    if not mask.any():
        return
    masked, reach = reduced_mask(xyxy, width, height, grid, factor), -(-grid.reach // factor)
    for cluster in clusters(xyxy, width, height, grid):
        crop = cluster.rounded(factor)
        fill = _fill(pixels, ~_hidden(masked, crop.reduced(factor), reach), crop, factor)
        inside = fill[cluster.rows.start - crop.rows.start :, cluster.columns.start - crop.columns.start :]
        # A crop touches no mask of another cluster, so the order of the clusters does not matter.
        inside = inside[: cluster.shape[0], : cluster.shape[1]]
        paste(target, cluster.rows, cluster.columns, inside, mask[cluster.rows, cluster.columns])


def _hidden(mask: Mask, crop: Cluster, reach: int) -> Mask:
    """(h, w) pixels of a crop that lie below or within `reach` of any mask, also of one outside the crop."""
    top, left = min(reach, crop.rows.start), min(reach, crop.columns.start)
    around = mask[crop.rows.start - top : crop.rows.stop + reach, crop.columns.start - left :]
    around = around[:, : crop.columns.stop + reach - crop.columns.start + left]
    return widened(around, reach)[top:, left:][: crop.shape[0], : crop.shape[1]]


def _fill(pixels: Pixels, visible: Mask, crop: Cluster, factor: int) -> Pixels:
    """The crop of a cluster, filled from its visible pixels; meaningful only below its masks.

    Args:
        pixels: The picture, `factor` times smaller.
        visible: (h, w) the crop's pixels among those that may be read.
        crop: In the whole picture, from a multiple of `factor` on.
        factor: A power of two.

    Returns:
        At least as large as the crop.
    """
    if not visible.any():
        # The crop has no margin of visible pixels, so it is the whole picture.
        return np.full((*crop.shape, *pixels.shape[2:]), NOTHING_VISIBLE, np.uint8)
    halvings = max(_halvings(crop), factor.bit_length() - 1)
    left = halvings - (factor.bit_length() - 1)
    reduced = crop.reduced(factor)
    # From here on `pixels` is not read: masked pixels are 0 and have weight 0.
    seen = only(pixels[reduced.rows, reduced.columns], visible, 1 << left)
    colour, weight = _reduced(seen, visible, left)
    filled = _softened(_push_pull(colour, weight), weight, SOFTENING * _face_px(crop) / (1 << halvings))
    opacity = ovals(crop, 0.5**halvings, weight.shape)
    with_ovals = _blended(filled, _tone(colour, weight)[:, None, None], opacity)
    return _enlarged(with_ovals, 1 << halvings, seen.ndim)


def _face_px(cluster: Cluster) -> float:
    """The shortest side of all boxes of a cluster."""
    return float(np.min(cluster.boxes[:, 2:].astype(np.int64) - cluster.boxes[:, :2]))


def _halvings(cluster: Cluster) -> int:
    """How often a crop is halved; reducing by exactly two is many times as fast as by other factors."""
    crop_px = cluster.shape[0] * cluster.shape[1]
    scale = max(1.0, _face_px(cluster) / FACE_WORK_PX, math.sqrt(crop_px / CROP_WORK_PX))
    # Products instead of a logarithm, whose last bit may depend on the processor.
    return next(count for count in itertools.count() if scale <= HALVING_SLACK * 2**count)


def _reduced(seen: Pixels, visible: Mask, halvings: int) -> tuple[Floats, Floats]:
    """Reduced crop: (C, h, w) mean visible colour times weight, and (h, w) weight, the visible share of each pixel."""
    weight = np.zeros(seen.shape[:2], np.uint8)
    np.multiply(visible.view(np.uint8), 255, out=weight[: visible.shape[0], : visible.shape[1]])
    for _ in range(halvings):
        seen, weight = _halved(seen), _halved(weight)
    return _array(cv2.split(seen)), _array(weight) * np.float32(1 / 255)


def _halved(plane: Pixels) -> Pixels:
    """Means of 2 × 2 pixels, rounded; the sides are even."""
    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _push_pull(colour: Floats, weight: Floats) -> Floats:
    """(C, h, w) colour everywhere: the pull phase reduces until all pixels are known, the push phase fills the gaps."""
    levels = [(colour, weight)]
    while max(weight.shape) > 1 and float(weight.min()) < 1:
        colour, known = _halved_smoothly(colour, LEVEL_STEPS), _halved_smoothly(weight[None], WEIGHT_STEPS)[0]
        # Gortler's saturation: a pixel of which a quarter is known counts as known.
        weight = np.minimum(known * 4, 1)
        colour *= weight / np.maximum(known, _TINY)
        levels.append((colour, weight))
    colour, weight = levels.pop()
    filled: Floats = _array(colour * (1 / np.maximum(weight, _TINY)))
    for colour, weight in reversed(levels):
        filled = _doubled_smoothly(filled, weight.shape)
        filled *= 1 - weight
        filled += colour
    return filled


def _halved_smoothly(planes: Floats, steps: np.float32) -> Floats:
    height, width = planes.shape[1:]
    result = np.empty((len(planes), (height + 1) // 2, (width + 1) // 2), np.float32)
    for plane, half in zip(_stepped(planes, steps), result, strict=True):
        cv2.pyrDown(plane, half)
    return result


def _doubled_smoothly(planes: Floats, shape: tuple[int, ...]) -> Floats:
    result = np.empty((len(planes), *shape), np.float32)
    for plane, double in zip(_stepped(planes, LEVEL_STEPS), result, strict=True):
        cv2.pyrUp(plane, double, dstsize=shape[::-1])
    return result


def _softened(filled: Floats, weight: Floats, sigma_px: float) -> Floats:
    """Blurs the fill using hidden pixels only, so that only filled pixels are blended."""
    hidden = 1 - weight
    kernel = _gaussian(max(sigma_px, 0.5))
    near_hidden = _blurred(hidden[None], kernel, SOFT_WEIGHT_STEPS)[0]
    soft = _blurred(filled * hidden, kernel, SOFT_LEVEL_STEPS)
    soft *= 1 / np.maximum(near_hidden, _TINY)
    # At the mask's edge half of a pixel's neighbourhood is hidden, deep inside all of it. The blur fades to zero
    # towards the edge, so that no seam is visible.
    depth = np.clip(2 * near_hidden - 1, 0, 1)
    return _blended(filled, soft, hidden * depth)


def _blended(under: Floats, over: Floats, opacity: Floats) -> Floats:
    """(C, h, w) `over` of (h, w) opacity, 0 to 1, on `under`."""
    mixed = over - under
    mixed *= opacity
    mixed += under
    return mixed


def _gaussian(sigma_px: float) -> Floats:
    """(taps,) Gaussian kernel to three standard deviations, in multiples of 1/`SOFT_KERNEL_STEPS` that add up to 1."""
    reach = max(1, round(3 * sigma_px))
    kernel = cv2.getGaussianKernel(2 * reach + 1, sigma_px, cv2.CV_64F).ravel()
    whole = np.rint(kernel * SOFT_KERNEL_STEPS)
    whole[reach] += SOFT_KERNEL_STEPS - int(whole.sum())
    return _array(whole / SOFT_KERNEL_STEPS)


def _blurred(planes: Floats, kernel: Floats, steps: np.float32) -> Floats:
    """Separable filter, one direction after the other; values are rounded before each."""
    for x_kernel, y_kernel in ((kernel, _ONE), (_ONE, kernel)):
        planes = _stepped(planes, steps)
        result = np.empty_like(planes)
        for plane, blurred in zip(planes, result, strict=True):
            cv2.sepFilter2D(plane, -1, x_kernel, y_kernel, blurred)
        planes = result
    return planes


def _stepped(planes: Floats, steps: np.float32) -> Floats:
    """Rounds to multiples of 1/steps, halves to even ones: the last bit of a float32 next to `large` is worth that."""
    large = np.float32(1.5 * 2**23) / steps
    stepped = planes + large
    stepped -= large
    return stepped


def _array(values: object) -> Floats:
    return np.asarray(values, dtype=np.float32)


def _tone(colour: Floats, weight: Floats) -> Floats:
    """(C,) the oval's colour: warm if the visible pixels have colour, with a luma from their upper percentile."""
    sure = np.flatnonzero(weight >= min(0.5, float(weight.max())))
    sure = sure[:: 1 + len(sure) // TONE_SAMPLES]
    seen = colour.reshape(len(colour), -1)[:, sure] / weight.reshape(-1)[sure]
    if len(seen) == 1:
        return np.array([_brightness(seen[0])], np.float32)
    brightness = _brightness(_array(sum(np.float32(part) * plane for part, plane in zip(LUMA, seen, strict=True))))
    # Rounded to whole numbers, because sums of floats depend on the order of additions.
    spread = float(np.rint((seen.max(axis=0) - seen.min(axis=0)) * 256).astype(np.int64).sum()) / (256 * seen.shape[1])
    warmth = min(1.0, spread / COLOURED)
    return np.asarray(brightness * (1 + warmth * (np.array(WARM_TONE) - 1)), dtype=np.float32)


def _brightness(luma: Floats) -> float:
    return TONE_LUMA[0] + TONE_LUMA[1] * float(np.percentile(luma, TONE_PERCENTILE))


def _enlarged(filled: Floats, factor: int, axes: int) -> Pixels:
    """The fill enlarged to the size and type of the whole picture, with as many axes."""
    rounded = cv2.merge(list(np.clip(np.rint(filled), 0, 255).astype(np.uint8)))
    height, width = rounded.shape[0] * factor, rounded.shape[1] * factor
    if factor > 1:
        rounded = cv2.resize(rounded, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(rounded, dtype=np.uint8).reshape((height, width, -1) if axes == 3 else (height, width))


_ONE = np.ones(1, np.float32)
