#!/usr/bin/env bash
# WHAT:     OpenCV's x86 wheels carry Intel IPP and use it for some functions of 8-bit pictures. With it switched off (as in every wheel
#           for ARM), cubic resizing and the bilateral filter give other pixels; bilinear and area resizing, median, Gaussian blur,
#           Lanczos, affine warp and colour conversion the same ones.
# PACKAGES: opencv-python-headless 4.13.0.92 (x86-64 Linux), numpy 2.4.6
# GUESSED:  A pinned wheel of a fixed-point image function gives the same bytes wherever it runs; if not, then for all filters alike.
# SEEN:     2026-11-30 on an x86-64 processor with AVX2, below.
# WHOM:     Pipelines that compare hashes of outputs between nodes, caches that are keyed by content, detectors whose input is resized.
# SOURCE:   OpenCV's documentation of OPENCV_IPP; the output below.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "IPP is in x86-64 wheels only: nothing to compare here"; exit 0; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==4.13.0.92 numpy==2.4.6
cat > "$work/hashes.py" <<'PY'
import hashlib

import cv2
import numpy as np

picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
made = {
    "cubic resize": cv2.resize(picture, (500, 300), interpolation=cv2.INTER_CUBIC),
    "linear resize": cv2.resize(picture, (500, 300)),
    "area resize": cv2.resize(picture, (500, 300), interpolation=cv2.INTER_AREA),
    "Lanczos resize": cv2.resize(picture, (500, 300), interpolation=cv2.INTER_LANCZOS4),
    "Gaussian blur": cv2.GaussianBlur(picture, (0, 0), 3.0),
    "median": cv2.medianBlur(picture, 5),
    "bilateral": cv2.bilateralFilter(picture, 5, 30, 30),
    "warp": cv2.warpAffine(picture, np.float32([[1, 0.1, 3], [0, 1, 2.5]]), (640, 480)),
    "Lab": cv2.cvtColor(picture, cv2.COLOR_BGR2Lab),
}
for name, pixels in made.items():
    print(f"{name}\t{hashlib.sha256(pixels.tobytes()).hexdigest()}")
PY
cd "$work"
venv/bin/python hashes.py > with
OPENCV_IPP=disabled venv/bin/python hashes.py > without 2> /dev/null
seen=$({ diff with without || true; } | sed -n 's/^< \([^\t]*\)\t.*/\1/p')
expected='cubic resize
bilateral'
echo "other pixels without IPP:"; echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
