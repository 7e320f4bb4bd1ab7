"""Define the fuzzing targets and the invariants of each.

A target's function takes an input and says what became of it. It raises `Broken` where something does not hold that
has to; any other exception out of it is a finding too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Literal

from anonymizer.config import CodecConfig, Jpeg, Kept
from anonymizer.errors import EncodeError, ImageTooLarge, ObjectError, ScrubCheckFailed
from anonymizer.image import codec, metadata
from anonymizer.image.metadata import keep
from infra.proof.fuzz.invariants import (
    MAX_PIXELS,
    STRUCTURAL,
    Broken,
    demand_clean,
    demand_same_again,
    demand_sane,
    redacted,
)
from infra.proof.fuzz.mutate import mutated
from infra.proof.fuzz.plant import MARKER, planted

ALL_KEPT: tuple[Kept, ...] = ("orientation", "icc", "capture_year", "gps_coarse", "dpi", "projection")
Corpus = Literal["sources", "written", "both", "kept"]
ANY = "any"
WRITTEN = ("jpeg", "png", "webp", "bmp", "gif", "tiff", "avif", "jp2", "jxl")
"""Formats that are written; HEIC comes out as JPEG or PNG."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An input, with the size and number of frames that its check is told; the note says how it was made."""

    data: bytes
    width: int = 1
    height: int = 1
    frame_count: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an input.

    Attributes:
        accepted: It was read, or passed its check.
        signature: Inputs with a new one came somewhere new.
        out_of_memory: Memory ran out, or was about to by the decoder's own account.
    """

    accepted: bool
    signature: Hashable = None
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz.

    Attributes:
        name: Of the target.
        format: Whose grammar the mutations follow.
        corpus: What is mutated: `sources`, `written` (our own outputs), `both`, or `kept` (sources, and our own outputs
            with values that were kept).
        run: Judges one input.
        make: Makes the next input of a sample of the corpus and another one.
    """

    name: str
    format: str
    corpus: Corpus
    run: Callable[[Sample], Outcome]
    make: Callable[[Random, Sample, Sample, str], Sample] = field(default_factory=lambda: _mutate)


def path_of(error: BaseException | None) -> Hashable:
    """Where an exception, and the one that it replaced, came from: a poor man's coverage."""
    lines: list[object] = []
    while error is not None:
        lines.append(type(error).__name__)
        trace = error.__traceback__
        while trace is not None:
            lines.append(trace.tb_lineno)
            trace = trace.tb_next
        error = error.__context__
    return tuple(lines)


def _sniff(sample: Sample) -> Outcome:
    try:
        name = codec.sniff(sample.data)
    except ObjectError as refused:
        return Outcome(False, path_of(refused))
    if name not in codec.CODECS:
        raise Broken("sniff names a format without a codec")
    return Outcome(True, name)


def _walk(format_name: str, sample: Sample) -> Outcome:
    names = metadata.inventory(sample.data, format_name)
    if list(names) != sorted(set(names)) or not set(names) <= set(metadata.NAMES):
        raise Broken("inventory: unsorted, or not of the vocabulary")
    try:
        metadata.check(sample.data, format_name, sample.width, sample.height, sample.frame_count)
    except ScrubCheckFailed as refused:
        return Outcome(False, (names, path_of(refused)))
    if not set(names) <= STRUCTURAL:
        raise Broken(f"check lets pass what the inventory names: {sorted(set(names) - STRUCTURAL)}")
    return Outcome(True, names)


def _keep(sample: Sample) -> Outcome:
    """Reads values from anything, and takes them out of our own outputs again, whatever those have become."""
    format_name = _sniffed(sample.data)
    values = keep.read(sample.data, format_name, ALL_KEPT)
    clean, names = keep.strip(sample.data, format_name)
    if not names and clean != sample.data:
        raise Broken("strip changed a file that it took nothing from")
    if not names:
        return Outcome(False, (format_name, values))
    again, _ = keep.insert(clean, format_name, keep.read(sample.data, format_name, names))
    if again != sample.data and not keep.strip(again, format_name)[0] == clean:
        raise Broken("strip is no inverse of insert")
    try:
        metadata.check(clean, format_name, sample.width, sample.height, sample.frame_count)
    except ScrubCheckFailed as refused:
        return Outcome(False, (format_name, names, path_of(refused)))
    return Outcome(True, (format_name, names))


def _sniffed(data: bytes) -> str:
    try:
        return codec.sniff(data)
    except ObjectError:
        return "jpeg"


def _codec(jpeg: Jpeg, sample: Sample) -> Outcome:
    """Decodes; what can be read must be written, plain and with a redacted corner, pass the check and keep its frames.

    What is looked at beyond that depends on the input alone, so that a finding can be replayed.
    """
    config = CodecConfig(max_pixels=MAX_PIXELS, jpeg=jpeg, raw="preview")
    try:
        picture = codec.decode(sample.data, config)
    except ObjectError as refused:
        memory = isinstance(refused, ImageTooLarge) and isinstance(refused.__context__, MemoryError)
        return Outcome(False, (path_of(refused), str(refused.__context__)[:24]), memory)
    demand_sane(picture)
    chance = Random(zlib.crc32(sample.data))  # noqa: S311 - not for secrets
    if chance.random() < 0.5:
        picture = redacted(picture, chance)
    signature = (picture.format, picture.grid, picture.profile, picture.converted, len(picture.frames))
    layout = (picture.frames[0].pixels.ndim, str(picture.frames[0].pixels.dtype), picture.frames[0].alpha is None)
    try:
        written = codec.encode(picture)
    except EncodeError as refused:
        return Outcome(False, (signature, layout, path_of(refused)), isinstance(refused.__context__, MemoryError))
    demand_clean(picture, written)
    if chance.random() < 0.25:
        demand_same_again(picture, written, config)
    return Outcome(True, (signature, layout, written.format, written.encoding))


def _marked(format_name: str, sample: Sample) -> Outcome:
    """A foreign part was planted into a file of ours: the check must refuse it."""
    if MARKER not in sample.data:
        raise Broken("nothing was planted")
    try:
        metadata.check(sample.data, format_name, sample.width, sample.height, sample.frame_count)
    except ScrubCheckFailed as refused:
        return Outcome(False, path_of(refused))
    raise Broken(f"check lets a planted marker pass: {sample.note}")


def _plant(rng: Random, sample: Sample, _other: Sample, format_name: str) -> Sample:
    data, how = planted(rng, sample.data, format_name)
    return replace(sample, data=data, note=how)


def _mutate(rng: Random, sample: Sample, other: Sample, format_name: str) -> Sample:
    return replace(sample, data=mutated(rng, sample.data, other.data, format_name))


def targets() -> dict[str, Target]:
    """Every target by its name, for the formats that are registered."""
    found = [Target("sniff", ANY, "sources", _sniff), Target("keep", ANY, "kept", _keep)]
    found += [Target(f"walk-{name}", name, "both", partial(_walk, name)) for name in metadata.WALKERS]
    found += [Target(f"mark-{name}", name, "written", partial(_marked, name), _plant) for name in WRITTEN]
    found += [Target(f"codec-{name}", name, "sources", partial(_codec, "reencode")) for name in codec.CODECS]
    found.append(Target("codec-jpeg-exact", "jpeg", "sources", partial(_codec, "exact")))
    return {target.name: target for target in found}
