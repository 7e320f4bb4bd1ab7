"""Second decoders of TIFF and BMP, where they are at hand: they have no line in common with the code under test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

_TIFF2RGBA, _CONVERT = shutil.which("tiff2rgba"), shutil.which("convert")


def by_libtiff(data: bytes) -> NDArray[np.uint8] | None:
    """(H, W, 3) what libtiff's own tool makes of a file; None where the tool is not there, or refuses the file."""
    if _TIFF2RGBA is None:
        return None
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.tif", Path(folder) / "target.tif"
        source.write_bytes(data)
        command = [_TIFF2RGBA, "-c", "none", str(source), str(target)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        if done.returncode or not target.is_file():
            return None
        return by_tifffile(target.read_bytes())[..., :3].astype(np.uint8)


def by_imagemagick(data: bytes, suffix: str, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """(H, W, 3) what ImageMagick makes of a file; None where it is not there, or refuses the file."""
    if _CONVERT is None:
        return None
    with TemporaryDirectory() as folder:
        source = Path(folder) / f"source.{suffix}"
        source.write_bytes(data)
        command = [_CONVERT, str(source), "-depth", "8", "rgb:-"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        whole = done.returncode == 0 and len(done.stdout) == shape[0] * shape[1] * 3
        return np.frombuffer(done.stdout, np.uint8).reshape(shape[0], shape[1], 3) if whole else None


def by_tifffile(data: bytes) -> NDArray[Any]:
    """The samples of the first page as tifffile reads them: nothing is made of colours."""
    tifffile = pytest.importorskip("tifffile")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "source.tif"
        path.write_bytes(data)
        return np.asarray(tifffile.imread(path, key=0))


def as_rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    """Gray as three equal channels."""
    return np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
