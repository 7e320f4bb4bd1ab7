"""Between decoded samples and frames: limits, layout, alpha, colours, upright, and nothing hidden under alpha 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image.codec.color import settle
from anonymizer.image.codec.orientation import turned
from anonymizer.records import CodePoints, Frame, Picture, Samples


@dataclass(frozen=True, slots=True)
class Upright:
    """A frame and what became of its colours; the fields mean what they mean in `Picture`."""

    frame: Frame
    profile: str | None
    converted: bool


def check_size(width: int, height: int, config: CodecConfig, frame_count: int = 1) -> None:
    """Refuses a size that the headers announce, before memory is taken for it.

    Raises:
        DecodeError: There is no pixel.
        ImageTooLarge: There are more pixels than `config.max_pixels`, all frames together.
    """
    if width <= 0 or height <= 0 or frame_count <= 0:
        raise DecodeError
    if width * height * frame_count > config.max_pixels:
        raise ImageTooLarge


def samples_of(image: Image.Image) -> tuple[Samples, Samples | None]:
    """Samples and alpha of a decoded image, as `Frame` holds them; nothing is blended.

    Args:
        image: Mode `1`, `L`, `LA`, `La`, `P`, `PA`, `RGB`, `RGBX`, `RGBA`, `CMYK` or `I;16`; `P` without regard to
            `info`.

    Raises:
        DecodeError: Any other mode.
    """
    mode = image.mode
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), None
    if mode in ("1", "P", "RGBX"):
        image = image.convert("L" if mode == "1" else "RGB")
    elif mode in ("PA", "La"):
        image = image.convert("RGBA" if mode == "PA" else "LA")
    if image.mode in ("L", "RGB", "CMYK"):
        return np.asarray(image), None
    if image.mode not in ("LA", "RGBA"):
        raise DecodeError
    # The mode without its alpha: the colours stay as they are.
    return np.asarray(image.convert(image.mode[:-1])), np.asarray(image.getchannel("A"))


def upright_frame(
    pixels: Samples,
    alpha: Samples | None,
    profile: bytes | None,
    orientation: int,
    *,
    keep_profile: bool = True,
    hdr: CodePoints | None = None,
) -> Upright:
    """Makes the upright frame of decoded samples.

    Args:
        pixels: As stored; see `Frame.pixels`.
        alpha: As stored; see `Frame.alpha`.
        profile: ICC profile of the source or None.
        orientation: EXIF orientation, 1 to 8.
        keep_profile: The format can hold a profile: a public colour space stays, see `color.settle`.
        hdr: See `Frame.hdr`. Such samples stay as they are, whatever a profile says.
    """
    settled = settle(pixels, profile if hdr is None else None, keep=keep_profile)
    upright = turned(settled.pixels, orientation)
    if alpha is None:
        return Upright(Frame(upright, hdr=hdr), settled.profile, settled.converted)
    visible = turned(alpha, orientation)
    frame = Frame(without_hidden_color(upright, visible), visible, hdr=hdr)
    return Upright(frame, settled.profile, settled.converted)


def without_hidden_color(pixels: Samples, alpha: Samples) -> Samples:
    """Samples with those set to 0 that nobody sees: what a viewer hides must not survive.

    Args:
        pixels: (H, W) or (H, W, C).
        alpha: (H, W); 0 = invisible.
    """
    seen = alpha != 0
    return np.where(seen if pixels.ndim == 2 else seen[..., None], pixels, pixels.dtype.type(0))


def image_of(frame: Frame) -> Image.Image:
    """The fresh Pillow image of an 8-bit frame, mode `L`, `LA`, `RGB`, `RGBA` or `CMYK`, with an empty `info`.

    Raises:
        EncodeError: The frame has 16 bit, or CMYK with alpha.
    """
    cmyk = frame.pixels.ndim == 3 and frame.pixels.shape[2] == 4
    if frame.pixels.dtype != np.uint8 or (cmyk and frame.alpha is not None):
        raise EncodeError
    if cmyk:
        return Image.fromarray(frame.pixels, "CMYK")
    return Image.fromarray(frame.pixels if frame.alpha is None else np.dstack((frame.pixels, frame.alpha)))


def only_frame(picture: Picture) -> Frame:
    """The picture's only frame.

    Raises:
        EncodeError: There is none or more than one.
    """
    if len(picture.frames) != 1:
        raise EncodeError
    return picture.frames[0]
