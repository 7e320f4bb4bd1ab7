"""JPEG XL files as others write and read them: by imagecodecs, and boxes by hand."""

from __future__ import annotations

import ctypes
import importlib.util
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymizer.image.codec.jxl import library, write

#: Whether there is a libjxl, and another reader and writer of such files.
IS_HERE = library.load() is not None and importlib.util.find_spec("imagecodecs") is not None

OPENING = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "


def saved(samples: NDArray[Any], **settings: Any) -> bytes:
    """A file of (H, W) or (H, W, C) samples, without loss unless `distance` is given."""
    import imagecodecs

    if samples.dtype == np.uint16 and not settings:
        # imagecodecs says of them that they are linear light.
        stored = samples[..., None] if samples.ndim == 2 else samples
        colors = 1 if stored.shape[2] < 3 else 3
        return write.of_frames(_found(), [stored], write.Form(16, colors, None, 0, 3))
    if "distance" not in settings:
        settings["lossless"] = True
    return bytes(imagecodecs.jpegxl_encode(np.ascontiguousarray(samples), **settings))


def _found() -> ctypes.CDLL:
    here = library.load()
    assert here is not None
    return here


def with_alpha(samples: NDArray[np.uint16], depth: int, alpha_depth: int, *, premultiplied: bool = False) -> bytes:
    """A file without loss of (H, W, 4) samples of 16 bit, brought to as many bits as wanted."""
    here = _found()
    info, channel = library.BasicInfo(), library.ExtraChannelInfo()
    here.JxlEncoderInitBasicInfo(ctypes.byref(info))
    here.JxlEncoderInitExtraChannelInfo(0, ctypes.byref(channel))
    info.ysize, info.xsize = samples.shape[:2]
    info.bits_per_sample, info.num_color_channels, info.uses_original_profile = depth, 3, 1
    info.num_extra_channels, info.alpha_bits, info.alpha_premultiplied = 1, alpha_depth, int(premultiplied)
    channel.bits_per_sample, channel.alpha_premultiplied = alpha_depth, int(premultiplied)
    encoder = here.JxlEncoderCreate(None)
    settings = here.JxlEncoderFrameSettingsCreate(encoder, None)
    form, stored = library.PixelFormat(4, 3, 0, 0), np.ascontiguousarray(samples)
    statuses = (
        here.JxlEncoderSetBasicInfo(encoder, ctypes.byref(info)),
        here.JxlEncoderSetExtraChannelInfo(encoder, 0, ctypes.byref(channel)),
        here.JxlEncoderSetColorEncoding(encoder, ctypes.byref(write.color_encoding(None, 3))),
        here.JxlEncoderSetFrameLossless(settings, 1),
        here.JxlEncoderAddImageFrame(settings, ctypes.byref(form), stored.ctypes.data, stored.nbytes),
    )
    assert not any(statuses)
    file = write._output(here, encoder)
    here.JxlEncoderDestroy(encoder)
    return file


def described(
    samples: NDArray[np.uint8],
    *,
    canvas: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
    points: tuple[int, int] = (1, 13),
) -> bytes:
    """A file without loss of (H, W, 3) samples.

    Args:
        samples: One frame.
        canvas: Width and height that a viewer shows; None = those of the frame.
        at: Where the frame's upper left corner lies on it.
        points: Primaries and transfer (ITU-T H.273).
    """
    here = _found()
    info, frame = library.BasicInfo(), library.FrameHeader()
    here.JxlEncoderInitBasicInfo(ctypes.byref(info))
    here.JxlEncoderInitFrameHeader(ctypes.byref(frame))
    height, width = samples.shape[:2]
    info.xsize, info.ysize = canvas or (width, height)
    info.bits_per_sample, info.num_color_channels, info.uses_original_profile = 8, 3, 1
    frame.have_crop, frame.crop, frame.size = int(canvas is not None), at, (width, height)
    colors = write.color_encoding(None, 3)
    colors.primaries, colors.transfer_function = points
    encoder = here.JxlEncoderCreate(None)
    settings = here.JxlEncoderFrameSettingsCreate(encoder, None)
    form, stored = library.PixelFormat(3, 2, 0, 0), np.ascontiguousarray(samples)
    statuses = (
        here.JxlEncoderSetBasicInfo(encoder, ctypes.byref(info)),
        here.JxlEncoderSetColorEncoding(encoder, ctypes.byref(colors)),
        here.JxlEncoderSetFrameLossless(settings, 1),
        here.JxlEncoderSetFrameHeader(settings, ctypes.byref(frame)),
        here.JxlEncoderAddImageFrame(settings, ctypes.byref(form), stored.ctypes.data, stored.nbytes),
    )
    assert not any(statuses)
    file = write._output(here, encoder)
    here.JxlEncoderDestroy(encoder)
    return file


def from_jpeg(jpeg: bytes) -> bytes:
    """A file from which that JPEG can be made again, byte for byte."""
    import imagecodecs

    return bytes(imagecodecs.jpegxl_encode_jpeg(jpeg))


def shown(data: bytes) -> NDArray[Any]:
    """What another reader sees, (H, W), (H, W, C), or with several frames (N, H, W, C)."""
    import imagecodecs

    return np.asarray(imagecodecs.jpegxl_decode(data))


def box(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + name + payload


def boxed(codestream: bytes, *more: bytes) -> bytes:
    """A codestream in a container, with more boxes behind it."""
    return OPENING + box(b"jxlc", codestream) + b"".join(more)


def with_boxes(data: bytes, *more: bytes) -> bytes:
    """A file with more boxes at its end, in a container if it was none."""
    return boxed(data, *more) if data.startswith(b"\xff\x0a") else data + b"".join(more)
