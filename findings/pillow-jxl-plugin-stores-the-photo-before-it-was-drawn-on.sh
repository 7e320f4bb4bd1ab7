#!/usr/bin/env bash
# WHAT:     With pillow-jxl-plugin, a JPEG that is opened, drawn on and saved as JPEG XL is stored as the file that it was opened
#           from: what was drawn, a mask over a face for instance, is not in it. `lossless_jpeg` is true unless it is set.
# PACKAGES: pillow-jxl-plugin 1.3.8, pillow 13.0.0, numpy 2.4.6
# GUESSED:  `save` stores the pixels that the image object holds now, as Pillow's own formats do.
# SEEN:     2026-11-30. Half of the picture is painted black before `save`; read again, that half has the mean of the untouched
#           noise. A UserWarning speaks of "JPEG reconstruction", not of lost edits. After `.copy()` the edit is stored.
# WHOM:     Whoever blurs faces or crops with Pillow and archives as JPEG XL: the originals are published, metadata included.
# SOURCE:   The plugin's README (lossless_jpeg); its `_save`, which takes the bytes of `im.filename`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow-jxl-plugin==1.3.8 pillow==13.0.0 numpy==2.4.6
cd "$work"
cat > seen.py <<'PY'
import warnings

import numpy as np
import pillow_jxl  # noqa: F401 - registers the format
from PIL import Image, ImageDraw

warnings.simplefilter("ignore")
noise = np.random.default_rng(0).integers(100, 200, (64, 64, 3), np.uint8)
Image.fromarray(noise).save("source.jpg", quality=95)
opened = Image.open("source.jpg")
ImageDraw.Draw(opened).rectangle((0, 0, 31, 63), fill=(0, 0, 0))
opened.save("drawn.jxl")
opened.copy().save("copied.jxl")
for name in ("drawn", "copied"):
    half = np.asarray(Image.open(f"{name}.jxl").convert("RGB"))[:, :28]
    print(name, "black" if half.mean() < 10 else "as before")
PY
seen=$(venv/bin/python seen.py)
expected='drawn as before
copied black'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
