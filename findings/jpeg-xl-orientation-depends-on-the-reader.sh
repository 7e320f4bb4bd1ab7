#!/usr/bin/env bash
# WHAT:     One JPEG XL file, two readers, two orientations. A file made losslessly from a camera's sideways JPEG is upright in
#           libjxl's own reading (imagecodecs) and sideways, with the tag, in pillow-jxl-plugin. A file that the plugin writes
#           with `exif=` holding an orientation is turned by `ImageOps.exif_transpose`, and shown unturned by everybody else:
#           in JPEG XL the codestream's orientation decides, and the plugin leaves it at 1.
# PACKAGES: pillow-jxl-plugin 1.3.8, pillow 13.0.0, imagecodecs 2026.3.6, numpy 2.4.6
# GUESSED:  Each of the two files is shown the same way up by both.
# SEEN:     2026-11-30, below: (width, height) of a picture stored as 80 x 40 with orientation 6.
# WHOM:     Boxes of faces from one reader lie elsewhere in the other's picture; labels of training data too.
# SOURCE:   ISO/IEC 18181-1, image metadata (orientation); the outputs below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow-jxl-plugin==1.3.8 pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
cat > seen.py <<'PY'
import io

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401 - registers the format
from PIL import Image, ImageOps

sideways = Image.Exif()
sideways[274] = 6
stored = Image.fromarray(np.zeros((40, 80, 3), np.uint8))
jpeg, written = io.BytesIO(), io.BytesIO()
stored.save(jpeg, "JPEG", exif=sideways)
stored.save(written, "JXL", exif=sideways.tobytes())
for name, data in (("from a JPEG", imagecodecs.jpegxl_encode_jpeg(jpeg.getvalue())), ("with exif=", written.getvalue())):
    opened = Image.open(io.BytesIO(data))
    height, width = imagecodecs.jpegxl_decode(data).shape[:2]
    print(f"{name}: plugin {opened.size} tag {opened.getexif().get(274)}, transposed {ImageOps.exif_transpose(opened).size}, libjxl {(width, height)}")
PY
seen=$(venv/bin/python seen.py)
expected='from a JPEG: plugin (80, 40) tag 6, transposed (40, 80), libjxl (40, 80)
with exif=: plugin (80, 40) tag 6, transposed (40, 80), libjxl (80, 40)'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
