"""From redacted pixels to the quantized coefficients of the blocks that they touch (ITU-T T.81, annex A.3)."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.jpeg.layout import BLOCK, Component, Layout, Model
from anonymizer.image.codec.jpeg.turbo import Patch
from anonymizer.records import Frame, Mask, Samples

# JFIF 1.02: RGB to Y, Cb, Cr. The offset of the latter two (128) and the level shift of all cancel out.
_TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]], np.float32
)
_LEVEL_SHIFT = np.float32(128)

# What Huffman codes of 8-bit pictures can hold (T.81, tables F.1 and F.2).
_MAX_DC, _MAX_AC = 1024, 1023

# MCUs at a time, so that the memory does not grow with the mask.
_SLAB = 1024

# Blocks at a time: what is worked on then stays in the processor's cache.
_BLOCKS = 512

# cos(k pi / 16) / 2 for k = 0 to 7, and what of them stands in rows of even and odd numbers (T.81, A.3.3).
_COSINES = np.array(
    [0.5, 0.490392640, 0.461939766, 0.415734806, 0.353553391, 0.277785117, 0.191341716, 0.097545161], np.float32
)
_EVEN = np.stack([_COSINES[[4, 4, 4, 4]], _COSINES[[2, 6, 6, 2]], _COSINES[[4, 4, 4, 4]], _COSINES[[6, 2, 2, 6]]])
_EVEN *= np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, -1, 1], [1, -1, 1, -1]], np.float32)
_ODD = np.stack([_COSINES[[1, 3, 5, 7]], _COSINES[[3, 7, 1, 5]], _COSINES[[5, 1, 7, 3]], _COSINES[[7, 5, 3, 1]]])
_ODD *= np.array([[1, 1, 1, 1], [1, -1, -1, -1], [1, -1, 1, 1], [1, -1, 1, -1]], np.float32)


def patches(frame: Frame, layout: Layout) -> dict[int, Patch]:
    """New blocks for every MCU that a frame's mask touches.

    Args:
        frame: Upright, 8 bit; `redacted` is rounded out to whole MCUs.
        layout: Upright.

    Returns:
        Number of each component to its blocks; empty without a mask. Blocks that reach beyond the border repeat its
        pixels.
    """
    if frame.redacted is None or not frame.redacted.any():
        return {}
    rows, columns = np.nonzero(_touched(frame.redacted, layout))
    found: dict[int, list[Patch]] = {number: [] for number in range(len(layout.components))}
    for start in range(0, len(rows), _SLAB):
        part = slice(start, start + _SLAB)
        for number, patch in enumerate(_patches_of(frame.pixels, layout, rows[part], columns[part])):
            found[number].append(patch)
    return {number: _joined(parts) for number, parts in found.items()}


def _touched(mask: Mask, layout: Layout) -> Mask:
    """(MCU rows, MCU columns) bool."""
    width, height = layout.mcu
    beyond = (0, -mask.shape[0] % height), (0, -mask.shape[1] % width)
    padded = np.pad(mask, beyond) if any(map(any, beyond)) else mask
    # One axis after the other, by bits: many times as fast as both at once.
    rows = np.bitwise_or.reduce(padded.reshape(-1, height, padded.shape[1]), axis=1)
    touched: Mask = np.bitwise_or.reduce(rows.reshape(len(rows), -1, width), axis=2)
    return touched


def _patches_of(pixels: Samples, layout: Layout, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Iterator[Patch]:
    """Blocks of each component for some MCUs."""
    planes = _components(_mcus(pixels, layout, rows, columns), layout)
    for number, component in enumerate(layout.components):
        yield _patch(planes[number], component, layout, rows, columns)


def _mcus(pixels: Samples, layout: Layout, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Samples:
    """(N, height, width) or with channels: the samples of some MCUs, those at the border repeated beyond it."""
    width, height = layout.mcu
    first, last = (int(rows[0]), int(columns.min())), (int(rows[-1]) + 1, int(columns.max()) + 1)
    part = pixels[first[0] * height : last[0] * height, first[1] * width : last[1] * width]
    beyond = (-part.shape[0] % height, -part.shape[1] % width, 0)
    if any(beyond):
        part = np.pad(part, [(0, count) for count in beyond[: part.ndim]], mode="edge")
    # Cut up along both sides first: then whole rows of an MCU are copied, not single samples.
    cut = part.reshape(last[0] - first[0], height, last[1] - first[1], width, *part.shape[2:])
    return cut[rows - first[0], :, columns - first[1]]


def _components(mcus: Samples, layout: Layout) -> dict[int, NDArray[np.float32]]:
    """What each component holds, level shift included, averaged down to its sampling.

    Args:
        mcus: (N, height, width) gray, or with 3 or 4 channels. Ink is stored as paper (Adobe's way, which Pillow
            undoes); YCCK turns inks into RGB first and codes those (`jdcolor.c`), which takes paper back to ink.
        layout: How colours are coded and sampled.

    Returns:
        Number of each component to (N, height, width) in its own samples.
    """
    width, height = layout.mcu
    wanted: dict[tuple[int, int], list[int]] = {}
    for number, part in enumerate(layout.components):
        ratio = height // BLOCK // part.vertical, width // BLOCK // part.horizontal
        wanted.setdefault(ratio, []).append(number)
    found: dict[int, NDArray[np.float32]] = {}
    for (down, across), numbers in wanted.items():
        for samples in _phases(mcus, down, across):
            for number in numbers:
                own = _coded(samples, layout.model, number)
                found[number] = np.add(found[number], own, out=found[number]) if number in found else own
        for number in numbers if down * across > 1 else ():
            found[number] /= np.float32(down * across)
    return found


def _phases(mcus: Samples, down: int, across: int) -> Iterator[list[NDArray[np.float32]]]:
    """The channels of each of the `down` times `across` samples that are averaged, row by row."""
    count, height, width, channels = *mcus.shape[:3], mcus[0, 0, 0].size
    lines = mcus.reshape(count, height // down, down, width * channels)
    for y in range(down):
        # OpenCV parts interleaved bytes many times as fast as a copy with strides.
        own = np.ascontiguousarray(lines[:, :, y]).reshape(-1, width // across, across * channels)
        planes = [np.asarray(plane).reshape(count, height // down, -1).astype(np.float32) for plane in cv2.split(own)]
        for x in range(across):
            yield planes[x * channels : (x + 1) * channels]


def _coded(channels: list[NDArray[np.float32]], model: Model, number: int) -> NDArray[np.float32]:
    """One component of samples that are given channel by channel; see `_components`."""
    if model in ("gray", "rgb"):
        return channels[number] - _LEVEL_SHIFT
    if model == "cmyk" or number == 3:
        return 255 - channels[number] - _LEVEL_SHIFT
    # Product by product, not one of matrices: those are slow on three columns, and BLAS takes threads for it.
    red, green, blue = _TO_YCBCR[number]
    total: NDArray[np.float32] = channels[0] * red
    total += channels[1] * green
    total += channels[2] * blue
    if number == 0:
        total -= _LEVEL_SHIFT
    return total


def _patch(
    coarse: NDArray[np.float32],
    component: Component,
    layout: Layout,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Patch:
    """One component's blocks: cut up, transformed and quantized."""
    across, down = component.horizontal, component.vertical
    count = len(coarse)
    blocks = coarse.reshape(count, down, BLOCK, across, BLOCK).swapaxes(2, 3).reshape(-1, BLOCK, BLOCK)
    quantized = _quantized(blocks, component)
    block_rows = np.broadcast_to((rows[:, None] * down + np.arange(down))[:, :, None], (count, down, across)).ravel()
    block_columns = np.broadcast_to(
        (columns[:, None] * across + np.arange(across))[:, None, :], (count, down, across)
    ).ravel()
    # Blocks that lie wholly beyond the border only fill up an MCU: the library makes them itself.
    mcu_width, mcu_height = layout.mcu
    there = (block_rows < -(-layout.height * down // mcu_height)) & (
        block_columns < -(-layout.width * across // mcu_width)
    )
    return Patch(block_rows[there], block_columns[there], quantized[there])


def _quantized(blocks: NDArray[np.float32], component: Component) -> NDArray[np.int16]:
    """(N, 64) int16 coefficients of (N, 8, 8) level-shifted samples."""
    table = np.array(component.table, np.float32).reshape(BLOCK, BLOCK, 1)
    quantized = np.empty(blocks.shape, np.int16)
    for start in range(0, len(blocks), _BLOCKS):
        part = slice(start, start + _BLOCKS)
        divided = _transformed(blocks[part])
        divided /= table
        np.rint(divided, out=divided)
        mean = np.clip(divided[0, 0], -_MAX_DC, _MAX_DC)
        np.minimum(divided, _MAX_AC, out=divided)
        np.maximum(divided, -_MAX_AC, out=divided)
        divided[0, 0] = mean
        quantized[part] = divided.astype(np.int16).transpose(2, 0, 1)
    return quantized.reshape(-1, BLOCK * BLOCK)


def _transformed(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(8, 8, N) coefficients, rows of vertical frequencies, of (N, 8, 8) samples."""
    columns = _along_first(np.ascontiguousarray(blocks.transpose(1, 2, 0)))
    both = _along_first(np.ascontiguousarray(columns.swapaxes(0, 1)))
    return np.ascontiguousarray(both.swapaxes(0, 1))


def _along_first(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The transform along the first of (8, 8, N), one addition and one product after the other.

    A product of matrices is BLAS's, which sums in another order on each kind of processor: some coefficients that lie
    half way between two steps would be rounded otherwise, and one input would give two files.
    """
    mirrored = samples[:3:-1]
    result = np.empty_like(samples)
    result[0::2] = _weighted(_EVEN, samples[:4] + mirrored)
    result[1::2] = _weighted(_ODD, samples[:4] - mirrored)
    return result


def _weighted(weights: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4, 8, N) sums of (4, 8, N) with each row of (4, 4), in the order in which they stand."""
    columns = weights[:, :, None, None]
    total: NDArray[np.float32] = columns[:, 0] * parts[0]
    for number in range(1, len(parts)):
        total += columns[:, number] * parts[number]
    return total


def _joined(parts: list[Patch]) -> Patch:
    """One patch in the order of rows."""
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    return Patch(
        rows[order],
        np.concatenate([part.columns for part in parts])[order],
        np.concatenate([part.coefficients for part in parts])[order],
    )
