#!/usr/bin/env bash
# WHAT:     libvips 8.18 loads an Ultra HDR JPEG with its gain map as a metadata field and writes the field back with the picture. Paint
#           over a part, save as an ordinary .jpg, and the map beside the picture still shows what was there. A crop keeps the map
#           of the whole frame. Only `keep=` without "gainmap" leaves it out.
# PACKAGES: pyvips 3.2.0, pyvips-binary 8.18.7, numpy 2.4.6
# GUESSED:  An operation on pixels drops the map or applies itself to it; a JPEG without `uhdr` in its name has none.
# SEEN:     2026-11-30, below: a bright square, painted over in the picture, is ten times as bright as its surroundings in the map.
# WHOM:     Whoever redacts or crops photos of current phones with libvips (and what stands on it): faces and number plates that were
#           covered can be read from a file that looks redacted on every screen.
# SOURCE:   libvips 8.18's release notes (Ultra HDR: uhdrload, uhdrsave); the output below.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cat > "$work/seen.py" <<'PY'
import numpy as np
import pyvips

light = np.full((256, 256, 3), 0.2, np.float32)
light[96:160, 96:160] = 6.0  # what has to go
source = pyvips.Image.new_from_array(light).copy(interpretation="scrgb").uhdrsave_buffer(Q=90)
photo = pyvips.Image.new_from_buffer(source, "")
covered = photo.draw_rect([128, 128, 128], 80, 80, 96, 96, fill=True)


def look(name, data):
    picture = pyvips.Image.new_from_buffer(data, "")
    if "gainmap-data" not in picture.get_fields():
        print(f"{name}: no map")
        return
    gains = pyvips.Image.new_from_buffer(picture.get("gainmap-data"), "").numpy()
    size = len(gains)
    shows = gains[size // 2, size // 2].max() > 5 * gains[size // 16, size // 16].max()
    print(f"{name}: map of {size} px, {'shows the square' if shows else 'does not show it'}")


look("source", source)
look("covered, .jpg", covered.write_to_buffer(".jpg"))
look("corner of 64 px, .jpg", photo.extract_area(0, 0, 64, 64).write_to_buffer(".jpg"))
look("covered, .jpg[keep=icc]", covered.write_to_buffer(".jpg", keep="icc"))
PY
seen=$("$work/venv/bin/python" "$work/seen.py")
expected='source: map of 128 px, shows the square
covered, .jpg: map of 128 px, shows the square
corner of 64 px, .jpg: map of 128 px, shows the square
covered, .jpg[keep=icc]: no map'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }
