"""CenterFace's network in ONNX Runtime: on a GPU where the engine gave one, else on one CPU thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.errors import DetectionFailed

Maps = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

#: Steps of one in which scores, logarithms of sizes and places in cells are held: finer than any box is worth, and
#: far coarser than what one processor's sums differ from another's by (infra/docs/performance.md).
HEAT_STEPS, SCALE_STEPS, OFFSET_STEPS = 1024, 256, 64

_INPUT = "input.1"
_OUTPUTS = ["537", "538", "539"]


def providers(available: Sequence[str]) -> list[str]:
    """What runs the network, of what this build of the runtime offers. The CPU is always the last resort.

    The engine shows a worker no GPU that it did not ask for (Ray sets CUDA_VISIBLE_DEVICES), and without a visible
    one the runtime falls back to the next in the list by itself.
    """
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [name for name in wanted if name in available or name == wanted[-1]]


def session(weights: bytes) -> Any:
    """The network, ready to run. One thread: a worker is given one CPU."""
    # The driver hands the network on and never runs it: it is spared this import, a tenth of its memory.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=providers(onnxruntime.get_available_providers()))


def run(session: Any, blob: NDArray[np.uint8]) -> Maps:
    """Heatmaps (N, 1, h, w), scales and offsets (N, 2, h, w), float32, of an (N, 3, H, W) batch of RGB pictures.

    All are rounded to the steps above, the one place where the last bits of a network's numbers are cut off.

    Raises:
        DetectionFailed: The network could not be run, or a number is not finite.
    """
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    # A network in eight bits takes bytes as they are (`quantized`).
    given = blob if session.get_inputs()[0].type == "tensor(uint8)" else blob.astype(np.float32)
    try:
        heatmap, scale, offset = session.run(_OUTPUTS, {_INPUT: given})
    except (Fail, RuntimeException, MemoryError):
        raise DetectionFailed("the network could not be run") from None
    if not all(np.isfinite(values).all() for values in (heatmap, scale, offset)):
        raise DetectionFailed("the network's answer is not finite")
    return _stepped(heatmap, HEAT_STEPS), _stepped(scale, SCALE_STEPS), _stepped(offset, OFFSET_STEPS)


def _stepped(values: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """A new array; the steps are powers of two, so that only the rounding rounds."""
    whole = values * np.float32(steps)
    np.rint(whole, out=whole)
    whole *= np.float32(1 / steps)
    return whole


def refusals() -> tuple[type[Exception], ...]:
    """What the runtime raises for a file that is no network, and for an input that a network does not take."""
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
