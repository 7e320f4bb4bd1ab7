"""Methods that make faces unrecognisable: one file per method, registered in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from anonymizer.config import Method, RedactionConfig
from anonymizer.geometry import IntBoxes, head_mask
from anonymizer.records import Frame, Pixels
from anonymizer.redactors.blur import Blur
from anonymizer.redactors.gaussian import Gaussian
from anonymizer.redactors.pixelate import Pixelate
from anonymizer.redactors.smooth import Smooth
from anonymizer.redactors.solid import Solid

__all__ = ["METHODS", "Redactor", "make", "redact_frame"]


class Redactor(Protocol):
    """One method.

    Attributes:
        name: As in `--method`.
        output_revision: Raised by hand whenever the pixels that the method makes change.
    """

    name: str
    output_revision: int

    def redact(self, pixels: Pixels, xyxy: IntBoxes) -> Pixels:
        """Redacts every face.

        Args:
            pixels: (H, W) gray or (H, W, 3) RGB, uint8; not changed.
            xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.

        Returns:
            A new array of the same shape. Only pixels of `geometry.head_mask(xyxy, W, H)` differ.
        """
        ...


METHODS: dict[Method, Callable[[RedactionConfig], Redactor]] = {
    "smooth": Smooth,
    "blur": Blur,
    "pixelate": Pixelate,
    "solid": Solid,
    "gaussian": Gaussian,
}


def make(config: RedactionConfig) -> Redactor:
    """The method that the configuration names.

    Raises:
        ConfigError: `fill` is not a colour.
    """
    return METHODS[config.method](config)


def redact_frame(redactor: Redactor, frame: Frame, xyxy: IntBoxes) -> Frame:
    """A frame with every face redacted, and opaque there: a partly transparent mask would show its outline.

    Args:
        redactor: The method.
        frame: Upright; not changed.
        xyxy: (N, 4) int32 padded boxes in pixels, half-open, not clipped.
    """
    pixels = redactor.redact(frame.pixels, xyxy)
    if frame.alpha is None:
        return Frame(pixels)
    alpha = frame.alpha.copy()
    alpha[head_mask(xyxy, frame.width, frame.height)] = 255
    return Frame(pixels, alpha)
