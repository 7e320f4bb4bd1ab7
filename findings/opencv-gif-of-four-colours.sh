#!/usr/bin/env bash
# WHAT:     A picture of four colours, in blocks of eight pixels, comes out of OpenCV's GIF writer with dozens of colours and samples
#           that are wrong by more than a quarter of the range. None of its parameters that was tried (quality 8,
#           dithering off, a colour table of its own) makes it exact.
# PACKAGES: opencv-python-headless 4.14.0.x, numpy 2.4.6
# GUESSED:  GIF holds 256 colours, so a picture with four is stored exactly.
# SEEN:     2026-11-30, below. (Pillow stores the same picture exactly.)
# WHOM:     Masks, label maps and redactions in a signal colour that are written as GIF and told by their colour later.
# SOURCE:   The output below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'opencv-python-headless==4.14.0.*' numpy==2.4.6
cat > "$work/seen.py" <<'PY'
import cv2
import numpy as np

colours = np.array([(10, 20, 30), (200, 100, 50), (255, 255, 255), (0, 128, 255)], np.uint8)
picture = colours[np.random.default_rng(0).integers(0, 4, (12, 16))].repeat(8, 0).repeat(8, 1)
for name, given in (
    ("default", []),
    ("quality 8", [cv2.IMWRITE_GIF_QUALITY, 8]),
    ("no dithering", [cv2.IMWRITE_GIF_DITHER, -1]),
    ("own table", [cv2.IMWRITE_GIF_QUALITY, 8, cv2.IMWRITE_GIF_COLORTABLE, 1]),
):
    _, data = cv2.imencode(".gif", picture, given)
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)
    wrong = np.abs(back.astype(int) - picture).max()
    print(f"{name}: {len(np.unique(back.reshape(-1, 3), axis=0)) > 4 and 'more than 4'} colours, off by {'more than 64' if wrong > 64 else wrong}")
PY
seen=$("$work/venv/bin/python" "$work/seen.py")
expected='default: more than 4 colours, off by more than 64
quality 8: more than 4 colours, off by more than 64
no dithering: more than 4 colours, off by more than 64
own table: more than 4 colours, off by more than 64'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
