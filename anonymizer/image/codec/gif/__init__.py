"""GIF: stills and animations. All frames are the canvases that a viewer shows; what no viewer shows is gone."""

from __future__ import annotations

import numpy as np

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError, ImageTooLarge
from anonymizer.image.codec.gif import blocks as gif_blocks
from anonymizer.image.codec.gif import canvas as gif_canvas
from anonymizer.image.codec.gif.plan import blocks_of
from anonymizer.image.codec.pixels import check_size
from anonymizer.records import Animation, Encoded, Frame, Picture

_MAX_DELAY_CS = 65535
_MAX_LOOP = 65535


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads a GIF: every frame, as browsers compose them. See `anonymizer.image.codec.decode`."""
    stream = gif_blocks.read(data)
    check_size(stream.width, stream.height, config, len(stream.blocks))
    # A small canvas can have large frames; those are unpacked before they are cut.
    if sum(block.width * block.height for block in stream.blocks) > config.max_pixels:
        raise ImageTooLarge
    frames: list[Frame] = []
    for canvas in gif_canvas.composed(stream):
        channels = gif_canvas.channels_of(canvas)
        frames.append(Frame(np.ascontiguousarray(channels[..., :3]), np.ascontiguousarray(channels[..., 3])))
    if all(frame.alpha is not None and frame.alpha.all() for frame in frames):
        frames = [Frame(frame.pixels) for frame in frames]
    return Picture("gif", tuple(frames), animation=_animation(stream) if len(frames) > 1 else None)


def encode(picture: Picture) -> Encoded:
    """Writes the part of each frame that changes, with its own palette of the colours in it and nothing else.

    Delays, number of repetitions and, where the picture comes out right with it, disposal are those of the source.
    """
    first = picture.frames[0]
    for frame in picture.frames:
        if frame.pixels.dtype != np.uint8 or frame.pixels.shape[2:] == (4,) or frame.pixels.shape != first.pixels.shape:
            raise EncodeError
    animation = picture.animation if len(picture.frames) > 1 else Animation((0.0,))
    if animation is None or len(animation.durations_ms) != len(picture.frames):
        raise EncodeError
    plan = blocks_of(picture.frames, animation.disposals)
    stream = gif_blocks.Stream(first.width, first.height, _repetitions(picture))
    for block, duration_ms in zip(plan.blocks, animation.durations_ms, strict=True):
        delay_cs = min(round(duration_ms / 10), _MAX_DELAY_CS)
        stream.blocks.append(gif_blocks.delayed(block, delay_cs))
    exact = plan.exact and not picture.converted
    return Encoded(gif_blocks.write(stream), "gif", "exact" if exact else "reencoded")


def _animation(stream: gif_blocks.Stream) -> Animation:
    # The extension counts repetitions: what follows the first time that it is shown.
    loop = stream.loop + 1 if stream.loop else stream.loop
    durations_ms = tuple(block.control.delay_cs * 10.0 for block in stream.blocks)
    return Animation(durations_ms, loop, tuple(block.control.disposal for block in stream.blocks))


def _repetitions(picture: Picture) -> int | None:
    """The number for the looping extension; none for a still, or for what is shown once."""
    loop = picture.animation.loop if picture.animation is not None and len(picture.frames) > 1 else None
    if loop is None or loop == 1:
        return None
    return min(loop - 1, _MAX_LOOP) if loop else 0
