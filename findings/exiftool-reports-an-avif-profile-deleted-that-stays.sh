#!/usr/bin/env bash
# WHAT:     `exiftool -all=` on an AVIF that has a colour profile beside its code points (as libavif writes it) says "ICC_Profile deleted",
#           ends with status 0 and leaves the profile in the file to the byte; Exif beside it is removed. The file counts as unchanged
#           where the profile was all it had.
# PACKAGES: exiftool-vendored.pl 13.59.3 (npm: ExifTool 13.59; needs perl and npm), pillow 13.0.0, numpy 2.4.6
# GUESSED:  Either the profile goes, as it does from JPEG and PNG, or ExifTool says that it cannot remove it.
# SEEN:     2026-11-30, below.
# WHOM:     Who cleans a lake with ExifTool and trusts its words or its status: profiles of scanners, cameras and monitors hold the maker,
#           model, serial number, owner and date.
# SOURCE:   The output below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" exiftool-vendored.pl@13.59.3 > /dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$work"
cat > seen.py <<'PY'
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
exif = Image.Exif()
exif[0x10E] = "Marker-4711"
picture = Image.fromarray(np.full((64, 64, 3), 128, np.uint8))
for name in ("photo.avif", "photo.png", "photo.jpg"):
    picture.save(name, icc_profile=profile, exif=exif.tobytes())
    done = subprocess.run(
        ["perl", "node_modules/exiftool-vendored.pl/bin/exiftool", "-all=", "-overwrite_original", name], capture_output=True, text=True
    )
    with Image.open(name) as opened:
        left = opened.info.get("icc_profile") == profile
    said = "says deleted" if "ICC_Profile deleted" in done.stderr else "says nothing"
    print(name, f"status {done.returncode}, {said}, profile {'stays' if left else 'is gone'}, Exif", "stays" if b"Marker-4711" in Path(name).read_bytes() else "is gone")
PY
seen=$(venv/bin/python seen.py)
expected='photo.avif status 0, says deleted, profile stays, Exif is gone
photo.png status 0, says deleted, profile is gone, Exif is gone
photo.jpg status 0, says deleted, profile is gone, Exif is gone'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
