"""The other decoders: those in our lock, and those that are asked where somebody has installed them."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from infra.proof.formats.readers import (
    LIMIT_S,
    MAGICK,
    Asked,
    Unread,
    by_imagecodecs,
    by_imagemagick,
    by_libvips,
    by_opencv,
    by_pi_heif,
    by_pillow,
    by_tifffile,
)
from infra.proof.formats.seen import Seen


@dataclass(frozen=True, slots=True)
class Decoder:
    """One of them.

    Attributes:
        name: As the table calls it.
        decode: Every frame of a file.
        is_here: Whether it is installed.
        install: How to install it; empty where it is in the lock.
    """

    name: str
    decode: Callable[[Asked], list[Seen]]
    is_here: bool = True
    install: str = ""

    def read(self, asked: Asked) -> list[Seen]:
        """Every frame of a file, upright.

        Raises:
            Unread: It does not read this file, for whatever reason.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seen = self.decode(asked)
        except Unread:
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise about anything for files that they do not read
            raise Unread(f"{type(error).__name__}: {error}") from None
        if not seen:
            raise Unread("no frame")
        return seen


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


DECODERS: tuple[Decoder, ...] = (
    Decoder("Pillow", by_pillow),
    Decoder("OpenCV", by_opencv),
    Decoder("tifffile", by_tifffile, _has("tifffile")),
    Decoder("pi_heif", by_pi_heif, _has("pi_heif")),
    Decoder("libvips", by_libvips, _has("pyvips"), "pip install pyvips pyvips-binary"),
    Decoder("ImageMagick", by_imagemagick, MAGICK is not None, "apt-get install imagemagick"),
    Decoder("imagecodecs", by_imagecodecs, _has("imagecodecs")),
)


def versions() -> str:
    """Of those that are here: `Pillow 13.0.0, libvips 8.18.7, ...`."""
    return ", ".join(f"{decoder.name} {_version(decoder.name)}" for decoder in here())


def _version(name: str) -> str:
    if name == "ImageMagick" and MAGICK is not None:
        told = subprocess.run([MAGICK, "-version"], capture_output=True, check=False, timeout=LIMIT_S, text=True)
        return told.stdout.split()[2]
    if name == "libvips":
        pyvips = importlib.import_module("pyvips")
        return ".".join(str(pyvips.version(place)) for place in range(3))
    return importlib.metadata.version({"OpenCV": "opencv-python-headless"}.get(name, name))


def here() -> list[Decoder]:
    """Those that are installed."""
    return [decoder for decoder in DECODERS if decoder.is_here]
