"""The committed list of what tools may name in a file of ours (infra/docs/structural_tags.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from anonymizer.image.codec import sniff
from anonymizer.image.profiles import PROFILES

LIST = Path(__file__).parents[3] / "infra" / "docs" / "structural_tags.toml"


@cache
def groups() -> tuple[dict[str, Any], ...]:
    """The entries of the list, in its order."""
    return tuple(tomllib.loads(LIST.read_text(encoding="utf-8"))["tags"])


def beyond(found: Mapping[str, Any], format_name: str) -> list[str]:
    """`group:tag = value` of all that ExifTool names and the list does not allow in this format."""
    return [f"{name} = {value}" for name, value in found.items() if not _known(name, str(value), format_name)]


def beyond_mat2(found: Mapping[str, str], format_name: str) -> list[str]:
    """`name = value` of all that mat2 names and the list does not allow in this format."""
    return [f"{name} = {value}" for name, value in found.items() if not _known_to_mat2(name, value, format_name)]


def foreign_profile(data: bytes) -> bool:
    """Whether a file holds a colour profile that is none of ours; in JPEG XL our check lets none pass."""
    if sniff(data) == "jxl":
        return False
    try:
        with Image.open(BytesIO(data)) as image:
            profile = image.info.get("icc_profile")
    except UnidentifiedImageError:
        # JPEG of 12 bit, whose profile would be one segment.
        profile = data.partition(b"ICC_PROFILE\0\1\1")[2]
        return bool(profile) and not any(map(profile.startswith, PROFILES.values()))
    return bool(profile) and profile not in PROFILES.values()


def _known(name: str, value: str, format_name: str) -> bool:
    for group in groups():
        if format_name not in group["formats"]:
            continue
        if any(fnmatchcase(name, pattern) for pattern in group.get("exiftool", ())):
            return True
        if any(fnmatchcase(name, key) and value in fine for key, fine in group.get("values", {}).items()):
            return True
    return False


def _known_to_mat2(name: str, value: str, format_name: str) -> bool:
    for group in groups():
        if format_name not in group["formats"] or name not in group.get("mat2", ()):
            continue
        pinned = [fine for key, fine in group.get("values", {}).items() if key.partition(":")[2] == name]
        if all(value in fine for fine in pinned):
            return True
    return False
