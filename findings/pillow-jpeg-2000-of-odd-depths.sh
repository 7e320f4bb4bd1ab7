#!/usr/bin/env bash
# WHAT:     Gray JPEG 2000 of 10 to 15 bit comes out of Pillow shifted to 16 bit (12 bit: 4095 becomes 65520, so white is not white),
#           while 12-bit TIFF and 10-bit AVIF have other rules; of 9 bit only the upper 8 are left, in mode L, without a word.
# PACKAGES: pillow 12.0.0 and 13.0.0, imagecodecs 2026.3.6 (writes the files), numpy 2.4.6
# GUESSED:  The samples as they are stored, 0 to 4095, in mode I;16.
# SEEN:     2026-11-30, both versions alike, below.
# WHOM:     Archives and digital cinema (12 bit): whoever scales by the file's bit depth multiplies twice and gets a white picture.
# SOURCE:   The output below; src/libImaging/Jpeg2KDecode.c (shift by 16 - precision).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
cat > "$work/seen.py" <<'PY'
import io

import imagecodecs
import numpy as np
from PIL import Image

for bits in (9, 10, 12, 15, 16):
    stored = np.linspace(0, 2**bits - 1, 64 * 64).astype(np.uint16).reshape(64, 64)
    data = imagecodecs.jpeg2k_encode(stored, level=0, bitspersample=bits, reversible=True)
    with Image.open(io.BytesIO(data)) as opened:
        read = np.asarray(opened)
    print(bits, opened.mode, stored.max(), "->", read.max(), "shifted" if np.array_equal(read, stored.astype(int) << (16 - bits)) else "other")
PY
expected='9 L 511 -> 255 other
10 I;16 1023 -> 65472 shifted
12 I;16 4095 -> 65520 shifted
15 I;16 32767 -> 65534 shifted
16 I;16 65535 -> 65535 shifted'
for version in 12.0.0 13.0.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "pillow==$version" imagecodecs==2026.3.6 numpy==2.4.6
    seen=$("$work/venv/bin/python" "$work/seen.py")
    echo "pillow $version"; echo "$seen"
    [ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
done
