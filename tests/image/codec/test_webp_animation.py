from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image import codec, metadata
from anonymizer.image.codec.webp import Kinds
from anonymizer.image.codec.webp import chunks as webp_chunks
from anonymizer.image.codec.webp.chunks import Part
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Animation, Encoded, Frame, Picture, Pixels
from tests.image.codec.samples import CONFIG, MARKER, orientation_exif, photo, riff_chunk, saved, webp_of


def canvases(count: int = 4, seed: int = 0) -> list[Pixels]:
    """(48, 64, 4), each with another square, half of them with holes; the third is the second once more."""
    rng = np.random.default_rng(seed)
    found = [np.dstack((photo(), np.full((48, 64), 255, np.uint8)))]
    for number in range(1, count):
        canvas = found[-1].copy()
        top, left = 3 * number, 5 * number
        canvas[top : top + 9, left : left + 11] = [*rng.integers(0, 256, 3), 0 if number % 2 else 255]
        found.append(found[-1] if number == 2 else canvas)
    return found


def film(frames: list[Pixels], **settings: Any) -> bytes:
    """As libwebp writes it: parts of the canvas, blended and cleared as it sees fit."""
    images = [Image.fromarray(frame) for frame in frames]
    settings = {"duration": [10 * n + 7 for n in range(len(frames))], "loop": 3, "lossless": True} | settings
    return saved(images[0], "webp", save_all=True, append_images=images[1:], **settings)


def parts_of(frames: list[Pixels]) -> tuple[Part, ...]:
    """Parts that cover the canvas."""
    return tuple(webp_chunks.read(saved(frame, "webp", lossless=True)).parts[0] for frame in frames)


def shown(data: bytes) -> list[Pixels]:
    image = Image.open(BytesIO(data))
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frame = np.asarray(image.convert("RGBA"))
        frames.append(np.where(frame[..., 3:] == 0, np.uint8(0), frame))
    return frames


def written(picture: Picture) -> Encoded:
    """A file that has passed the check."""
    encoded = codec.encode(picture)
    first = picture.frames[0]
    metadata.check(encoded.data, "webp", first.width, first.height, len(picture.frames))
    assert metadata.inventory(encoded.data, "webp") == ()
    return encoded


def test_lossless_frames_are_exact() -> None:
    source = film(canvases(), allow_mixed=False)
    picture = codec.decode(source, CONFIG)
    encoded = written(picture)
    assert encoded.encoding == "exact"
    for one, other in zip(shown(encoded.data), shown(source), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_frame_is_merged_and_the_timing_stays() -> None:
    frames = canvases(5)
    frames[4] = frames[3]
    animation = Animation((40.0, 70.0, 0.0, 5.0, 2.0**24), 7, (0,) * 5)
    picture = Picture(
        "webp",
        tuple(Frame(frame[..., :3], frame[..., 3]) for frame in frames),
        animation=animation,
        encoder=Kinds((True,) * 5),
    )
    again = codec.decode(written(picture).data, CONFIG)
    assert len(again.frames) == 5
    assert again.animation == Animation((40.0, 70.0, 0.0, 5.0, 2.0**24 - 1), 7, (0,) * 5)


@pytest.mark.parametrize("loop", [0, 1, 3])
def test_repetitions_stay(loop: int) -> None:
    picture = codec.decode(film(canvases(), loop=loop), CONFIG)
    assert picture.animation is not None
    assert picture.animation.loop == loop
    assert codec.decode(written(picture).data, CONFIG).animation == picture.animation


def test_lossy_frames_stay_lossy() -> None:
    source = film(canvases(), lossless=False, quality=80)
    picture = codec.decode(source, CONFIG)
    encoded = written(picture)
    assert encoded.encoding == "reencoded"
    assert encoded.data.count(b"VP8 ") >= 2
    for one, other in zip(shown(encoded.data), shown(source), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 4


def test_frames_without_alpha_have_none() -> None:
    opaque = [np.dstack((frame[..., :3], np.full((48, 64), 255, np.uint8))) for frame in canvases()]
    assert all(frame.alpha is None for frame in codec.decode(film(opaque), CONFIG).frames)
    assert all(frame.alpha is not None for frame in codec.decode(film(canvases()), CONFIG).frames)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_blending_and_disposal_are_composed(flags: int) -> None:
    """A part in the middle, half of it invisible: blended or not, cleared or not before the next one."""
    piece = canvases()[1][:20, :20].copy()
    piece[:10] = 0
    parts = parts_of([canvases()[0], piece, piece])
    placed = [
        Part(part.chunks, part.width, part.height, 10 * number, 4, 50, flags)
        for number, part in enumerate(parts[1:], start=1)
    ]
    source = webp_chunks.animation(64, 48, [parts[0], *placed], 0, None, alpha=True)
    picture = codec.decode(source, CONFIG)
    for one, other in zip(shown(written(picture).data), shown(source), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_canvas_that_frames_leave_empty_is_transparent() -> None:
    part = parts_of([canvases()[0][:10, :10, :3]])[0]
    source = webp_chunks.animation(20, 20, [part, part], 0, None, alpha=False)
    (first, _) = codec.decode(source, CONFIG).frames
    assert first.alpha is not None
    assert (first.alpha[:10, :10] == 255).all()
    assert not first.alpha[10:].any()


def test_an_animation_of_one_frame_becomes_a_still() -> None:
    source = webp_chunks.animation(64, 48, parts_of(canvases()[:1]), 0, None, alpha=True)
    assert metadata.inventory(source, "webp") == ("animation",)
    picture = codec.decode(source, CONFIG)
    assert picture.animation is None
    assert written(picture).data[12:16] == b"VP8L"


def test_a_public_profile_stays_and_frames_are_turned() -> None:
    source = webp_chunks.animation(64, 48, parts_of(canvases()), 0, PROFILES["display-p3"], alpha=True)
    turned = webp_of(source[12:], riff_chunk(b"EXIF", orientation_exif(6)))
    picture = codec.decode(turned, CONFIG)
    assert picture.profile == "display-p3"
    encoded = written(picture)
    assert encoded.data.count(PROFILES["display-p3"]) == 1
    for one, other in zip(shown(encoded.data), shown(source), strict=True):
        np.testing.assert_array_equal(one, np.rot90(other, -1))


def test_what_lies_under_a_mask_has_no_influence() -> None:
    redacted = np.zeros((48, 64), np.bool_)
    redacted[5:25, 8:40] = True
    outputs = set()
    for seed in range(2):
        frames = []
        for frame in canvases():
            hidden = np.random.default_rng(seed).integers(0, 256, frame.shape).astype(np.uint8)
            source = np.where(redacted[..., None], hidden, frame)
            safe = np.where(redacted[..., None], np.array([90, 80, 70, 255], np.uint8), source)
            frames.append(Frame(safe[..., :3], safe[..., 3], redacted))
        picture = Picture("webp", tuple(frames), animation=Animation((10.0,) * 4), encoder=Kinds((True,) * 4))
        outputs.add(codec.encode(picture).data)
    assert len(outputs) == 1


def test_what_lies_beside_the_frames_is_gone() -> None:
    source = film(canvases())
    at = source.index(b"ANMF")
    size = struct.unpack_from("<I", source, at + 4)[0]
    inner = source[at + 8 : at + 8 + size] + riff_chunk(b"SECR", MARKER)
    dirty = webp_of(source[12:at], riff_chunk(b"ANMF", inner), source[at + 8 + size + size % 2 :])
    assert metadata.inventory(dirty, "webp") == ("chunk.other",)
    output = written(codec.decode(dirty, CONFIG)).data
    assert MARKER not in output
    assert output == written(codec.decode(source, CONFIG)).data


def _damaged() -> dict[str, bytes]:
    source, part = film(canvases()), parts_of(canvases())[0]
    wrong_size = Part(part.chunks, 30, 30)
    beyond = Part(part.chunks, 64, 48, 2, 0)
    return {
        "cut": source[:-200],
        "a part of another size": webp_chunks.animation(64, 48, [part, wrong_size], 0, None, alpha=True),
        "a part beyond the canvas": webp_chunks.animation(64, 48, [part, beyond], 0, None, alpha=True),
        "no frames": webp_chunks.animation(64, 48, [], 0, None, alpha=True),
        "broken pixels": source[:120] + bytes(200) + source[320:],
    }


@pytest.mark.parametrize("kind", _damaged())
def test_damage_is_refused(kind: str) -> None:
    with pytest.raises(DecodeError):
        codec.decode(_damaged()[kind], CONFIG)


def test_limits_count_all_frames() -> None:
    with pytest.raises(ImageTooLarge):
        # libwebp has made one of the two frames that are alike.
        codec.decode(film(canvases()), CodecConfig(max_pixels=3 * 64 * 48 - 1))
    part = parts_of([np.zeros((1, 1, 4), np.uint8)])[0]
    with pytest.raises(ImageTooLarge):
        codec.decode(webp_chunks.animation(1, 1, [part] * 10_001, 0, None, alpha=True), CONFIG)


def test_frames_of_different_sizes_or_without_timing_are_refused() -> None:
    frames = (Frame(photo()), Frame(photo(40, 64)))
    for picture in (
        Picture("webp", frames, animation=Animation((1.0, 1.0))),
        Picture("webp", (Frame(photo()),) * 2),
        Picture("webp", (Frame(photo()),) * 2, animation=Animation((1.0, 1.0)), encoder=Kinds((True,))),
    ):
        with pytest.raises(EncodeError):
            codec.encode(picture)
