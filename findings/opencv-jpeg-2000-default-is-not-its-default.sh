#!/usr/bin/env bash
# WHAT:     OpenCV documents 1000 (lossless) as the default of IMWRITE_JPEG2000_COMPRESSION_X1000. Given, 1000 is lossless; left
#           out, the file is about a fifth of the size and samples are off by a third of the range, in 8 and in 16 bit.
# PACKAGES: opencv-python-headless 4.14.0.x, numpy 2.4.6
# GUESSED:  Leaving a parameter out is the same as giving its documented default.
# SEEN:     2026-11-30, below: largest difference on noise of 64 x 64.
# WHOM:     Archives that keep masters or medical and survey images as JPEG 2000 through OpenCV and believe them lossless.
# SOURCE:   The documentation of cv::ImwriteFlags (imgcodecs) names 1000 as the default of this flag; the output below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'opencv-python-headless==4.14.0.*' numpy==2.4.6
cat > "$work/seen.py" <<'PY'
import cv2
import numpy as np

dice = np.random.default_rng(0)
for name, picture in (("8 bit", dice.integers(0, 256, (64, 64, 3), np.uint8)), ("16 bit", dice.integers(0, 65536, (64, 64), np.uint16))):
    for given in ([], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]):
        _, data = cv2.imencode(".jp2", picture, given)
        apart = np.abs(cv2.imdecode(data, cv2.IMREAD_UNCHANGED).astype(int) - picture).max() / np.iinfo(picture.dtype).max
        print(name, "given" if given else "left out", "exact" if not apart else "off by a tenth of the range or more" if apart > 0.1 else "nearly")
PY
seen=$("$work/venv/bin/python" "$work/seen.py")
expected='8 bit left out off by a tenth of the range or more
8 bit given exact
16 bit left out off by a tenth of the range or more
16 bit given exact'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
