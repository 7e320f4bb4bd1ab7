"""Where TurboJPEG is found: in the wheel `turbojpeg`, else on the system, where that has API version 3 or later.

The wheel exists for x86-64 Linux, Windows and Apple silicon, and not for Python 3.14; elsewhere the system's package
takes its place, such as `libturbojpeg0` of Debian 14 (12 and 13 have 2.1, which is too old).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

NEEDED = (
    *("tj3Init", "tj3Destroy", "tj3Set", "tj3Get", "tj3Free"),
    "tj3SetScalingFactor",
    *("tj3DecompressHeader", "tj3Decompress8", "tj3Decompress12", "tj3Decompress16"),
    *("tj3Compress8", "tj3Compress12", "tj3Compress16", "tj3Transform"),
)
"""Functions of `turbojpeg.h`, API version 3, that are called; libjpeg-turbo has all of them from 3.0 on."""

_OF_EVERY_VERSION = "tjInitTransform"
"""A function of TurboJPEG since version 1.2: what has it and lacks one of `NEEDED` is an older TurboJPEG."""

_SYSTEM = (
    "libturbojpeg.so.0",
    "libturbojpeg.dylib",
    "/opt/libjpeg-turbo/lib64/libturbojpeg.so.0",
    "/opt/homebrew/lib/libturbojpeg.dylib",
    "/usr/local/lib/libturbojpeg.dylib",
)
"""Names for the loader, then the places of libjpeg-turbo's own packages and of Homebrew, where it does not look."""


@dataclass(frozen=True)
class Found:
    """What the search came to.

    Attributes:
        library: Has every function of `NEEDED`; None where there is no such library.
        origin: Where it lies, or why there is none; part of a sentence.
    """

    library: ctypes.CDLL | None
    origin: str

    def __str__(self) -> str:
        if self.library is not None:
            return f"JPEG is written exactly, by TurboJPEG from {self.origin}"
        return f"JPEG is encoded again from pixels, without TurboJPEG: {self.origin}"


@functools.cache
def found() -> Found:
    """Searches once."""
    return search(_wheel(), _system())


def search(wheel: Iterable[str], system: Iterable[str]) -> Found:
    """The first library that has every function, the wheel's before the system's.

    Args:
        wheel: Paths.
        system: Paths, or names for the loader.
    """
    too_old: str | None = None
    for origin, candidates in (("its wheel", wheel), ("the system", system)):
        for path in candidates:
            try:
                library = ctypes.CDLL(path)
            except OSError:
                continue
            missing = [name for name in NEEDED if not hasattr(library, name)]
            if not missing:
                return Found(library, f"{origin} ({path})")
            if hasattr(library, _OF_EVERY_VERSION):
                too_old = too_old or f"{path} is of libjpeg-turbo before 3.0 (it has no {missing[0]})"
    return Found(None, too_old or "neither its wheel is installed nor libturbojpeg 3 on the system")


def _wheel() -> Iterator[str]:
    try:
        files = importlib.metadata.files("turbojpeg") or []
    except importlib.metadata.PackageNotFoundError:
        return
    yield from (str(path.locate()) for path in files if path.name.startswith("libturbojpeg"))


def _system() -> Iterator[str]:
    yield from _SYSTEM
    # Starts programs (ldconfig, compilers), so it comes last.
    find: Callable[[str], str | None] = ctypes.util.find_library
    last = find("turbojpeg")
    if last is not None:
        yield last
