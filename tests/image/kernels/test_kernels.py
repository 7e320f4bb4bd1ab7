"""One input gives one output on every processor: the libraries' kernels are switched, one process each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Only what this processor has can be switched off.
NUMPY = " ".join(np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", []))
OPENCV = "SSSE3,SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,AVX512-SKX"

SWITCHED = {
    "BLAS of an old processor": {"OPENBLAS_CORETYPE": "Nehalem"},
    "other BLAS and Intel's library of an old processor": {"OPENBLAS_CORETYPE": "Haswell", "OPENCV_IPP": "sse42"},
    "NumPy without its kernels": {"NPY_DISABLE_CPU_FEATURES": NUMPY, "OPENBLAS_CORETYPE": "Zen"},
    "OpenCV without its kernels": {"OPENCV_CPU_DISABLE": OPENCV, "OPENCV_IPP": "disabled"},
    "all that can be switched off": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": NUMPY,
        "OPENCV_CPU_DISABLE": OPENCV,
        "OPENCV_IPP": "disabled",
        "JSIMD_FORCENONE": "1",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-FMA",
    },
}


@cache
def outputs(*switches: tuple[str, str]) -> dict[str, Any]:
    root = Path(__file__).parents[3]
    plain = {name: value for name, value in os.environ.items() if name not in SWITCHED["all that can be switched off"]}
    # Whole paths first: a process of its own imports this tree.
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "tests.image.kernels.probe"]
    done = subprocess.run(
        command,
        cwd=root,
        env=plain | {"PYTHONPATH": path} | dict(switches),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", SWITCHED)
def test_other_kernels_give_the_same_bytes_boxes_and_scores(name):
    ours, theirs = outputs(), outputs(*sorted(SWITCHED[name].items()))
    assert [key for key in ours if ours[key] != theirs[key]] == []
    assert ours.keys() == theirs.keys()


def test_boxes_and_scores_are_on_their_grids():
    faces = [face for name, run in outputs().items() if name.startswith("run") for face in run[1]]
    assert len(faces) > 8
    assert all((value * 8).is_integer() for face in faces for value in face[1:5])
    assert all((face[5] * 1024).is_integer() for face in faces)
