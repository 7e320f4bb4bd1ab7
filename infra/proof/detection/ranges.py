"""Measures the ranges of the network's activations, on which `anonymizer.image.detectors.quantized` sets its steps.

The photographs are `wider_events`, in which nothing else of the detector is fitted or measured.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from anonymizer.image.detectors.network import session
from anonymizer.image.detectors.quantized import activations

STEP = 7
#: Times the size of the photo, in turns: faces of one size fill the layers differently from those of another.
SIZES = (0.5, 1.0, 1.5)
_INPUT = "input.1"
_STRIDE = 32


def run(weights: bytes, data: Path) -> str:
    """The module `anonymizer.image.detectors.ranges`.

    Args:
        weights: What `weights.cleaned` returned.
        data: Folder of the labelled sets.
    """
    import onnx

    model = onnx.load_model_from_string(weights)
    names = [name for name in activations(model.graph) if name != _INPUT]
    outputs = {value.name for value in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in outputs
    )
    network = session(model.SerializeToString())
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for number, path in enumerate(sorted((data / "wider_events").glob("*/*.jpg"))[::STEP]):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            raise ValueError(f"{path} cannot be read")
        times = SIZES[number % len(SIZES)]
        width, height = (max(1, int(side * times) // _STRIDE) * _STRIDE for side in picture.shape[1::-1])
        blob = cv2.resize(picture, (width, height)).transpose(2, 0, 1)[None].astype(np.float32)
        for name, values in zip(names, network.run(names, {_INPUT: blob}), strict=True):
            range_ = found[name]
            range_[0], range_[1] = min(range_[0], float(values.min())), max(range_[1], float(values.max()))
    # A picture's samples are bytes: in eight bits they stay what they are.
    lines = [f'    "{_INPUT}": (0.0, 255.0),']
    lines += [f'    "{name}": ({least:.4f}, {greatest:.4f}),' for name, (least, greatest) in found.items()]
    return (
        '"""Written by `python -m infra.proof.detection ranges --write`; not by hand."""\n\n'
        "#: Least and greatest value of each of `quantized.activations`.\n"
        "RANGES: dict[str, tuple[float, float]] = {\n" + "\n".join(lines) + "\n}\n"
    )
