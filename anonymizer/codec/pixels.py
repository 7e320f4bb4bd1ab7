"""Between Pillow's images and frames: limits, channel layout, alpha, and nothing hidden under it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from anonymizer.codec.color import to_srgb
from anonymizer.codec.orientation import upright
from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.records import Frame, Picture, Pixels


def check_size(width: int, height: int, config: CodecConfig) -> None:
    """Refuses a size that the headers announce, before memory is taken for it.

    Raises:
        DecodeError: There is no pixel.
        ImageTooLarge: There are more pixels than `config.max_pixels`.
    """
    if width <= 0 or height <= 0:
        raise DecodeError
    if width * height > config.max_pixels:
        raise ImageTooLarge


def frame_of(image: Image.Image, profile: bytes | None, orientation: int, alpha: Pixels | None = None) -> Frame:
    """Makes the upright sRGB frame of a decoded image.

    Args:
        image: As the plug-in read it: mode `1`, `L`, `LA`, `P`, `RGB`, `RGBA` or `CMYK`.
        profile: ICC profile of the source or None.
        orientation: EXIF orientation, 1 to 8.
        alpha: (H, W) uint8 as stored, for an alpha that the mode does not show.

    Raises:
        DecodeError: Any other mode.
    """
    color, stored_alpha = _split(image)
    if alpha is not None:
        stored_alpha = Image.fromarray(alpha)
    pixels = np.asarray(upright(to_srgb(color, profile), orientation))
    if stored_alpha is None:
        return Frame(pixels)
    visible = np.asarray(upright(stored_alpha, orientation))
    return Frame(without_hidden_color(pixels, visible), visible)


def without_hidden_color(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Pixels with those set to 0 that nobody sees: what a viewer hides must not survive.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        alpha: (H, W) uint8; 0 = invisible.
    """
    seen = alpha != 0
    return np.where(seen if pixels.ndim == 2 else seen[..., None], pixels, np.uint8(0))


def image_of(picture: Picture) -> Image.Image:
    """The fresh Pillow image of a picture's only frame, mode `L`, `LA`, `RGB` or `RGBA`, with an empty `info`.

    Raises:
        EncodeError: There is not exactly one frame.
    """
    frame = only_frame(picture)
    return Image.fromarray(frame.pixels if frame.alpha is None else np.dstack((frame.pixels, frame.alpha)))


def only_frame(picture: Picture) -> Frame:
    """The picture's only frame.

    Raises:
        EncodeError: There is none or more than one.
    """
    if len(picture.frames) != 1:
        raise EncodeError
    return picture.frames[0]


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours as `L`, `RGB` or `CMYK`, and alpha if the mode or the header has one."""
    if image.mode in ("L", "RGB", "CMYK"):
        return image, None
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode == "P":
        return image.convert("RGB"), None
    if image.mode not in ("LA", "RGBA"):
        raise DecodeError
    # The mode without its alpha: the colours stay as they are, nothing is blended.
    return image.convert(image.mode[:-1]), image.getchannel("A")
