"""Provide the seed corpus: generated files, this software's outputs of them, and files of a folder if it exists."""

from __future__ import annotations

import functools
from pathlib import Path

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec
from anonymizer.image.metadata import keep
from infra.proof.fuzz.sources import sources
from infra.proof.fuzz.targets import ANY, Sample, Target

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
"""Files that are no part of this project; they serve where they are at hand."""

_MAX_FOLDER_BYTES = 200_000
_OUTPUT_PIXELS = 100_000

_KEPT = (
    keep.KeptValues(orientation=True),
    keep.KeptValues(icc=True, dpi=(300, 300)),
    keep.KeptValues(True, True, 1999, (-338, 1512), (72, 96)),
)


def samples(target: Target, folder: Path | None = None) -> list[Sample]:
    """The corpus of a target.

    Args:
        target: To be fuzzed.
        folder: More sources, of any kind; None = only those made in code.
    """
    formats = tuple(codec.CODECS) if target.format == ANY else (target.format,)
    found = [sample for name in formats for sample in _of_format(name, target)]
    if folder is not None and target.corpus != "written":
        found += [Sample(data) for data in _files(folder, target.format)]
    return found


def _of_format(name: str, target: Target) -> list[Sample]:
    plain = [Sample(data) for data in sources(name)] if target.corpus != "written" else []
    if target.corpus == "kept":
        return plain + [
            Sample(keep.insert(sample.data, name, values)[0], sample.width, sample.height, sample.frame_count)
            for sample in _written(name)
            for values in _KEPT
        ]
    return plain + (list(_written(name)) if target.corpus in ("written", "both") else [])


@functools.cache
def _written(name: str) -> tuple[Sample, ...]:
    """What we write of the sources; those that cannot be read are for the targets to find."""
    found = []
    for data in sources(name):
        try:
            picture = codec.decode(data, CodecConfig(max_pixels=_OUTPUT_PIXELS))
            written = codec.encode(picture)
        except ObjectError:
            continue
        first = picture.frames[0]
        if written.format == name:
            found.append(Sample(written.data, first.width, first.height, len(picture.frames)))
    return tuple(found)


def _files(folder: Path, format_name: str) -> list[bytes]:
    """Files of a format (or of any kind) below a folder, in the order of their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < _MAX_FOLDER_BYTES)
    found = [path.read_bytes() for path in paths]
    return [data for data in found if format_name == ANY or _kind(data) == format_name]


def _kind(data: bytes) -> str | None:
    try:
        return codec.sniff(data)
    except ObjectError:
        return None
