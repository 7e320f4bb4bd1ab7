"""Run CenterFace's network in ONNX Runtime, on a GPU if the worker has one, otherwise on one CPU thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import DetectionFailed
from anonymizer.image.detectors.centerface.stem import cells
from anonymizer.records import Pixels

Maps = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

#: Scores, log sizes and offsets (in cells) are rounded to multiples of 1/steps: finer than a box needs, and far coarser
#: than the differences between processors (infra/docs/performance.md).
HEAT_STEPS, SCALE_STEPS, OFFSET_STEPS = 1024, 256, 64

_INPUT = "input.1"
_OUTPUTS = ["537", "538", "539"]


def providers(available: Sequence[str]) -> list[str]:
    """The execution providers to use among those that this build of the runtime offers; the CPU is always the last.

    A worker sees only the GPU that it requested (Ray sets CUDA_VISIBLE_DEVICES). If none is visible, the runtime falls
    back to the next provider in the list.
    """
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in available or name == wanted[-1]]


def session(weights: bytes) -> Any:
    """An inference session with one thread, because each worker has one CPU."""
    # Imported here: the driver never runs the network, and the import would take a tenth of its memory.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=providers(onnxruntime.get_available_providers()))


def run(session: Any, pictures: Pixels) -> Maps:
    """Runs the network on a batch of RGB pictures.

    All outputs are rounded to the steps above, so that results do not depend on the processor.

    Args:
        session: See `session`.
        pictures: (N, H, W, 3) uint8; sides are multiples of 32.

    Returns:
        Heatmaps (N, 1, h, w), scales and offsets (N, 2, h, w), float32.

    Raises:
        DetectionFailed: The network could not be run, or an output is not finite.
    """
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    # The int8 network takes uint8 input (`quantized`).
    in_integers = session.get_inputs()[0].type == "tensor(uint8)"
    given = cells(np.ascontiguousarray(pictures)) if in_integers else _channels_first(pictures)
    try:
        heatmap, scale, offset = session.run(_OUTPUTS, {_INPUT: given})
    except (Fail, RuntimeException, MemoryError):
        raise DetectionFailed("the network could not be run") from None
    if not all(np.isfinite(values).all() for values in (heatmap, scale, offset)):
        raise DetectionFailed("the network's output is not finite")
    return (
        _rounded_to_steps(heatmap, HEAT_STEPS),
        _rounded_to_steps(scale, SCALE_STEPS),
        _rounded_to_steps(offset, OFFSET_STEPS),
    )


def _channels_first(pictures: Pixels) -> NDArray[np.float32]:
    return np.asarray(pictures.transpose(0, 3, 1, 2).astype(np.float32, order="C"))


def _rounded_to_steps(values: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Rounds to multiples of 1/steps in a new array; exact otherwise, because the steps are powers of two."""
    whole = values * np.float32(steps)
    np.rint(whole, out=whole)
    whole *= np.float32(1 / steps)
    return whole


def model_errors() -> tuple[type[Exception], ...]:
    """The runtime's exceptions for a file that is not a valid network and for an input that does not fit it."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NotImplemented,
        state.RuntimeException,
    )
