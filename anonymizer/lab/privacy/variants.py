"""Make the variants of a photo that attackers receive: the raw file, a run's output, or a method applied here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from anonymizer.config import Method, RunConfig, from_mapping
from anonymizer.errors import UsageError
from anonymizer.lab.privacy.photos import Shot
from anonymizer.pipeline import Anonymizer

RAW, SOLID, DEFAULT = "raw", "solid", "smooth"
#: Settings that determine a method's strength, and their section.
STRENGTHS = {"cells": "redaction", "sigma": "redaction", "padding": "detector"}
#: Variants that `--strengths` adds to the defaults.
LADDER = (
    *(f"{method}:padding={padding}" for padding in (1.2, 1.8, 2.4) for method in ("smooth", "solid")),
    *(f"{method}:cells={cells}" for cells in (3, 10, 16) for method in ("blur", "pixelate")),
    *(f"gaussian:sigma={sigma}" for sigma in (0.1, 0.5)),
)
#: Extensions that a run appends if the format changes.
_APPENDED = ("", ".jpg", ".png")

Publish = Callable[[str, Shot], bytes]


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant.

    Attributes:
        name: The name given by the user.
        solid: Name of the `solid` variant with the same masks, as the baseline for information outside the masks.
        publish: Maps key and shot to the file to attack; raises ObjectError, or FileNotFoundError if a run did not
            publish it.
        single: Name of the same variant with one copy per photo; None = this one has one copy.
        made_here: Whether this is a method applied here, not a folder.
    """

    name: str
    solid: str
    publish: Publish
    single: str | None = None
    made_here: bool = False


def raw() -> Variant:
    """The raw photos: an upper bound for attackers."""
    return Variant(RAW, SOLID, lambda _, shot: shot.data)


def folder(name: str, root: Path) -> Variant:
    """The output of a run.

    Raises:
        UsageError: There is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"{name}: there is no such folder")

    def publish(key: str, _: Shot) -> bytes:
        for ending in _APPENDED:
            path = root / (key + ending)
            if path.is_file():
                return path.read_bytes()
        raise FileNotFoundError

    return Variant(name, SOLID, publish)


def method(text: str) -> Variant:
    """A method applied as by a run with these settings: `solid`, `pixelate:cells=4`, `smooth:padding=1.8`.

    Raises:
        UsageError: There is no such method or setting, or its value is out of limits.
    """
    name, _, strength = text.partition(":")
    if name not in get_args(Method):
        raise UsageError(f"--methods: {name!r} is none of {', '.join(get_args(Method))}")
    settings: dict[str, dict[str, object]] = {"redaction": {"method": name}, "detector": {}}
    solid = SOLID
    if strength:
        key, _, value = strength.partition("=")
        if key not in STRENGTHS:
            raise UsageError(
                f"--methods: {text!r}: a strength is one of {', '.join(STRENGTHS)}, as in pixelate:cells=4"
            )
        settings[STRENGTHS[key]][key] = value
        solid = f"{SOLID}:{strength}" if key == "padding" else SOLID
    config = from_mapping(RunConfig, {**settings, "boxes": {"mode": "replace"}})
    anonymizer = Anonymizer(config)
    return Variant(text, solid, lambda _, shot: anonymizer(shot.data, given=shot.given).data, made_here=True)


def chosen(names: Sequence[str], folders: Sequence[tuple[str, Path]]) -> tuple[Variant, ...]:
    """Raw, folders and methods, and the `solid` variant to which each is compared.

    Raises:
        UsageError: See `folder` and `method`; or a folder has a name that something else has, or a method's.
    """
    variants = [raw(), *(folder(name, root) for name, root in folders), *map(method, dict.fromkeys(names))]
    known = {variant.name for variant in variants}
    if len(known) < len(variants) or {name.partition(":")[0] for name, _ in folders} & {RAW, *get_args(Method)}:
        raise UsageError("a folder is called like a method or another folder; write NAME=FOLDER")
    missing = dict.fromkeys(variant.solid for variant in variants if variant.solid not in known)
    return (*variants, *map(method, missing))


def with_copies(variants: Sequence[Variant], count: int) -> tuple[Variant, ...]:
    """The methods at default strength again, with several near copies of every photo.

    Args:
        variants: The result of `chosen`.
        count: Copies per photo; with 1 there is nothing to add.
    """
    if count == 1:
        return ()
    defaults = [variant for variant in variants if variant.made_here and variant.name in get_args(Method)]
    return tuple(
        replace(variant, name=_copied(variant.name, count), solid=_copied(SOLID, count), single=variant.name)
        for variant in defaults
    )


def _copied(name: str, count: int) -> str:
    return f"{name} ×{count}"
