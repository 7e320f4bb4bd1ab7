"""Compose the demo's photographs from public-domain images in the scikit-image wheel.

Faces come from two of them: `astronaut` (NASA, public domain) and `camera` (CC0). Group photos show several prints of
these on a wall or on the ground; a detector finds printed faces like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) gray."""

PORTRAIT_CROP = (96, 0, 352, 256)
"""Head and shoulders in `astronaut`: x1, y1, x2, y2."""

BORDER_PX = 10
SHADOW_PX = 7
WHITE = (246, 244, 238)
BLACK = (32, 30, 30)


@dataclass(frozen=True)
class Print:
    """A print on a wall: `pixels` scaled to `side` pixels, its upper left corner at (`x`, `y`)."""

    pixels: Pixels
    x: int
    y: int
    side: int
    frame: tuple[int, int, int] = WHITE

    @property
    def region(self) -> tuple[int, int, int, int]:
        """`x, y, w, h` of the print without its frame, in pixels of the wall."""
        return self.x, self.y, self.side, self.side


def astronaut() -> Pixels:
    """The portrait, 512 × 512."""
    return np.asarray(skimage.data.astronaut(), dtype=np.uint8)


def photographer() -> Pixels:
    """A man with a camera, gray, 512 × 512."""
    return np.asarray(skimage.data.camera(), dtype=np.uint8)


def still(name: str) -> Pixels:
    """A picture without people: `rocket`, `coffee` or `chelsea` (a cat)."""
    return _rgb(np.asarray(getattr(skimage.data, name)(), dtype=np.uint8))


def portrait() -> Pixels:
    """Head and shoulders of the astronaut, 256 × 256."""
    return _cut(astronaut(), PORTRAIT_CROP)


def mirrored(pixels: Pixels) -> Pixels:
    """Left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])


def warm(pixels: Pixels) -> Pixels:
    """As on old colour film: more red, less blue."""
    return np.asarray(np.clip(pixels * np.array([1.06, 0.97, 0.78]), 0, 255), dtype=np.uint8)


def gray(pixels: Pixels) -> Pixels:
    """Without colour, still three channels."""
    return _rgb(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8))


def enlarged(pixels: Pixels, factor: float) -> Pixels:
    """Scaled by `factor` with a cubic filter."""
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def wall(texture: str, width: int, height: int, tint: tuple[float, float, float]) -> Pixels:
    """A surface of `brick`, `grass` or `gravel`, enlarged to fill the picture."""
    tile = np.rot90(np.asarray(getattr(skimage.data, texture)(), dtype=np.uint8))
    side = max(width, height)
    surface = cv2.resize(tile, (side, side), interpolation=cv2.INTER_CUBIC)[:height, :width]
    return np.asarray(np.clip(surface[..., None] * np.array(tint), 0, 255), dtype=np.uint8)


def hang(background: Pixels, prints: Sequence[Print]) -> Pixels:
    """The background with framed prints, each with a soft shadow to its lower right."""
    scene = background.astype(np.float32)
    for item in prints:
        _hang_one(scene, item)
    return np.asarray(np.clip(scene, 0, 255), dtype=np.uint8)


def gallery() -> tuple[Pixels, tuple[Print, ...]]:
    """Six prints on a brick wall, 1200 × 800: five faces and a cat. The first print is the upper left one."""
    face, cat = portrait(), _cut(still("chelsea"), (80, 0, 380, 300))
    prints = (
        Print(face, 90, 80, 270),
        Print(gray(mirrored(face)), 465, 60, 220, BLACK),
        Print(warm(face), 800, 90, 300),
        Print(gray(face), 130, 455, 260, BLACK),
        Print(cat, 480, 390, 200),
        Print(mirrored(face), 790, 490, 230, BLACK),
    )
    return hang(wall("brick", 1200, 800, (1.15, 0.83, 0.7)), prints), prints


def lawn() -> tuple[Pixels, tuple[Print, ...]]:
    """Three prints on a lawn, 900 × 500; the first is the one whose consent covers a region."""
    face = portrait()
    prints = (
        Print(face, 70, 120, 230),
        Print(mirrored(warm(face)), 365, 70, 190),
        Print(gray(face), 620, 180, 210),
    )
    return hang(wall("grass", 900, 500, (0.95, 1.15, 0.65)), prints), prints


def gravel_path() -> Pixels:
    """Two prints on gravel, 640 × 400."""
    face = portrait()
    prints = (Print(mirrored(face), 60, 90, 210), Print(warm(face), 370, 110, 180, BLACK))
    return hang(wall("gravel", 640, 400, (1.0, 0.97, 0.9)), prints)


def coffee_table() -> Pixels:
    """A cup of coffee with a print beside it, 600 × 400."""
    return hang(still("coffee"), [Print(portrait(), 410, 30, 150)])


def _hang_one(scene: NDArray[np.float32], item: Print) -> None:
    """Draws one print into `scene`, in place."""
    x1, y1 = item.x - BORDER_PX, item.y - BORDER_PX
    x2, y2 = item.x + item.side + BORDER_PX, item.y + item.side + BORDER_PX
    shadow = np.zeros(scene.shape[:2], dtype=np.float32)
    shadow[y1 + SHADOW_PX : y2 + SHADOW_PX, x1 + SHADOW_PX : x2 + SHADOW_PX] = 0.55
    scene *= 1 - cv2.GaussianBlur(shadow, (0, 0), 5)[..., None]
    scene[y1:y2, x1:x2] = item.frame
    print_ = cv2.resize(item.pixels, (item.side, item.side), interpolation=cv2.INTER_AREA)
    scene[item.y : item.y + item.side, item.x : item.x + item.side] = print_


def _cut(pixels: Pixels, box: tuple[int, int, int, int]) -> Pixels:
    x1, y1, x2, y2 = box
    return np.ascontiguousarray(pixels[y1:y2, x1:x2])


def _rgb(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
