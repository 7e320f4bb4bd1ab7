"""What ExifTool and mat2 name in files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from anonymizer.image.codec import MEDIA_TYPES
from tests.image.formats.kinds import Kind
from tests.image.formats.probes import NO, NOT_APPLICABLE, YES, soiled
from tests.image.formats.tags import beyond, beyond_mat2

EXIFTOOL, MAT2 = shutil.which("exiftool"), shutil.which("mat2")

#: Groups that speak of the file in the file system, of the tool, or of values computed from others.
_BESIDE = ("ExifTool", "System", "Composite")
#: Tools go by the name of a file; ours are called as their source was.
_EXTENSIONS = {name: name for name in MEDIA_TYPES} | {"jpeg": "jpg", "tiff": "tif"}
_MAT2_FILE = re.compile(r"^\[\+\] Metadata for (?P<path>.*):$")
_MAT2_CLEAN = re.compile(r"^ *No metadata found in (?P<path>.*)\.$")
# It opens pictures first, with the system's libjpeg, which may read neither lossless JPEG nor 12 bit.
_MAT2_UNREAD = re.compile(
    r"^\[-\] (?:(?P<path>.*?)'s format .* is not supported|something went wrong when processing (?P<jpeg>.*\.jpg): )$"
)
_MAT2_PAIR = re.compile(r"^ +(?P<name>[^:]+): (?P<value>.*)$")


def exiftool(paths: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """`group:tag` to value, all that it knows of each file, unknown and repeated tags too."""
    assert EXIFTOOL is not None
    found: dict[Path, dict[str, Any]] = {}
    for start in range(0, len(paths), 500):
        command = [EXIFTOOL, "-json", "-G1", "-s", "-a", "-u", "-U", "-ee", "-api", "RequestAll=3"]
        command += map(str, paths[start : start + 500])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for entry in json.loads(done.stdout):
            path = Path(entry.pop("SourceFile"))
            found[path] = {name: value for name, value in entry.items() if name.partition(":")[0] not in _BESIDE}
    return found


def mat2(paths: Sequence[Path]) -> dict[Path, dict[str, str] | None]:
    """Name to value, all that it would remove; None where it does not know the format.

    Raises:
        ValueError: It says something that is not understood, or nothing of a file.
    """
    assert MAT2 is not None
    found: dict[Path, dict[str, str] | None] = {}
    for start in range(0, len(paths), 50):
        some = paths[start : start + 50]
        done = subprocess.run([MAT2, "--show", *map(str, some)], capture_output=True, text=True, check=False)
        names: dict[str, str] = {}
        for line in done.stdout.splitlines():
            if match := _MAT2_FILE.match(line) or _MAT2_CLEAN.match(line):
                names = {}
                found[Path(match["path"])] = names
            elif match := _MAT2_UNREAD.match(line):
                found[Path(match["path"] or match["jpeg"])] = None
            elif match := _MAT2_PAIR.match(line):
                names[match["name"]] = match["value"]
            elif line.strip():
                raise ValueError(line)
        if not set(some) <= set(found):
            raise ValueError(min(set(some) - set(found)))
    return found


def clean(tool: str, kinds: Sequence[Kind]) -> dict[str, str]:
    """Name of a kind of file to whether `tool` names nothing beyond the list in what became of it, or "–"."""
    with TemporaryDirectory() as folder:
        images = {kind.name: soiled(kind) for kind in kinds}
        paths = {name: Path(folder) / f"{n}.{_EXTENSIONS[im.format]}" for n, (name, im) in enumerate(images.items())}
        for name, path in paths.items():
            path.write_bytes(images[name].data)
        if tool == "ExifTool":
            seen = exiftool(list(paths.values()))
            return {name: NO if beyond(seen[path], images[name].format) else YES for name, path in paths.items()}
        shown = mat2(list(paths.values()))
    return {name: _answer(shown[path], images[name].format) for name, path in paths.items()}


def _answer(names: dict[str, str] | None, format_name: str) -> str:
    if names is None:
        return NOT_APPLICABLE
    return NO if beyond_mat2(names, format_name) else YES
