#!/usr/bin/env bash
# WHAT:     OpenCV turns JPEG, PNG and WebP upright as their EXIF orientation says, but not AVIF as its `irot` and `imir` say, with any
#           flag. libvips turns all four.
# PACKAGES: opencv-python-headless 4.14.0.x, pyvips 3.2.0, pyvips-binary 8.18.7, pillow 13.0.0 (writes the files), numpy 2.4.6
# GUESSED:  One library has one rule: what is turned in one format is turned in all.
# SEEN:     2026-11-30, below: (width, height) of a picture stored as 80 x 40 with orientation 6, which is upright at 40 x 80.
# WHOM:     Faces in AVIF photos of phones are looked for sideways, where detectors find far fewer; boxes of two tools do not fit.
# SOURCE:   ISO/IEC 23008-12, 6.5.10 (`irot`); the output below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'opencv-python-headless==4.14.0.*' pyvips==3.2.0 pyvips-binary==8.18.7 \
    pillow==13.0.0 numpy==2.4.6
cat > "$work/seen.py" <<'PY'
import io

import cv2
import numpy as np
import pyvips
from PIL import Image

sideways = Image.Exif()
sideways[274] = 6
for name in ("JPEG", "PNG", "WEBP", "AVIF"):
    file = io.BytesIO()
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(file, name, exif=sideways.tobytes())
    data = file.getvalue()
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[1::-1]
    by_vips = pyvips.Image.new_from_buffer(data, "").autorot()
    print(name, "OpenCV", by_opencv, "libvips", (by_vips.width, by_vips.height))
PY
seen=$("$work/venv/bin/python" "$work/seen.py")
expected='JPEG OpenCV (40, 80) libvips (40, 80)
PNG OpenCV (40, 80) libvips (40, 80)
WEBP OpenCV (40, 80) libvips (40, 80)
AVIF OpenCV (80, 40) libvips (40, 80)'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
