from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge
from anonymizer.image import codec, metadata
from anonymizer.records import Animation, Frame, Picture
from tests.image.codec.samples import CONFIG, MARKER, chunk, orientation_exif, photo, saved, with_chunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
WIDTH, HEIGHT = 24, 16
RGB, PALETTE, RGB_ALPHA = 2, 3, 6

# (width, height, x, y) of frames that overlap.
BOXES = ((WIDTH, HEIGHT, 0, 0), (10, 8, 3, 2), (12, 10, 8, 5), (5, 5, 19, 11), (1, 1, 0, 0))


def _stream(samples: NDArray[Any]) -> bytes:
    big = samples.astype(">u2") if samples.dtype == np.uint16 else samples
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in big))


def _control(
    number: int, box: tuple[int, ...], delay: tuple[int, int] = (3, 40), disposal: int = 0, over: int = 0
) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *box, *delay, disposal, over))


def _film(
    frames: list[NDArray[Any]],
    disposals: tuple[int, ...],
    over: int = 0,
    color_type: int = RGB_ALPHA,
    *others: bytes,
    default: NDArray[Any] | None = None,
    plays: int = 5,
) -> bytes:
    """An animation with these parts at `BOXES`, written by the book."""
    depth = 16 if frames[0].dtype == np.uint16 else 8
    parts = [SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color_type, 0, 0, 0)), *others]
    parts.append(chunk(b"acTL", struct.pack(">II", len(frames), plays)))
    if default is not None:
        parts.append(chunk(b"IDAT", _stream(default)))
    number = 0
    for at, (samples, disposal) in enumerate(zip(frames, disposals, strict=True)):
        parts.append(_control(number, BOXES[at], (at + 1, 40), disposal, over))
        number += 1
        if at == 0 and default is None:
            parts.append(chunk(b"IDAT", _stream(samples)))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + _stream(samples)))
            number += 1
    return b"".join((*parts, chunk(b"IEND", b"")))


def _parts(seed: int, channels: int = 4, count: int = 5, kind: type = np.uint8) -> list[NDArray[Any]]:
    generator = np.random.default_rng(seed)
    greatest = np.iinfo(kind).max
    parts = []
    for width, height, _, _ in BOXES[:count]:
        samples: NDArray[Any] = generator.integers(0, greatest + 1, (height, width, channels)).astype(kind)
        if channels == 4:
            samples[..., 3] = generator.choice([0, greatest // 3, greatest], (height, width))
        parts.append(samples)
    return parts


def _canvases(data: bytes) -> list[NDArray[Any]]:
    """As OpenCV's libpng and compositor show them: RGBA with nothing under alpha 0."""
    read, film = cv2.imdecodeanimation(np.frombuffer(data, np.uint8))
    assert read
    canvases = [np.asarray(canvas)[..., [2, 1, 0, 3]].copy() for canvas in film.frames]
    for canvas in canvases:
        canvas[canvas[..., 3] == 0] = 0
    return canvases


def _frames(picture: Picture) -> list[NDArray[Any]]:
    opaque = np.full((HEIGHT, WIDTH), 255, np.uint8)
    return [np.dstack((frame.pixels, opaque if frame.alpha is None else frame.alpha)) for frame in picture.frames]


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize(
    "disposals", [(0,) * 5, (1,) * 5, (2,) * 5, *list(itertools.permutations((0, 1, 2, 1, 2)))[::17]]
)
def test_frames_are_composed_as_another_reader_does_and_come_back(disposals: tuple[int, ...], over: int) -> None:
    source = _film(_parts(11), disposals, over)
    picture = codec.decode(source, CONFIG)
    for frame, seen in zip(_frames(picture), _canvases(source), strict=True):
        assert np.abs(frame.astype(int) - seen).max() <= over
    output = codec.encode(picture)
    assert output.encoding == "exact"
    metadata.check(output.data, "png", WIDTH, HEIGHT, 5)
    for frame, seen in zip(_frames(picture), _canvases(output.data), strict=True):
        np.testing.assert_array_equal(frame, seen)
    again = codec.decode(output.data, CONFIG)
    assert again.animation == picture.animation
    np.testing.assert_array_equal(_frames(again), _frames(picture))


def test_pillow_reads_the_same_frames_timing_and_loops() -> None:
    picture = codec.decode(_film(_parts(12), (0, 1, 0, 1, 0)), CONFIG)
    image: Any = Image.open(BytesIO(codec.encode(picture).data))
    assert (image.n_frames, image.info["loop"], image.default_image) == (5, 5, False)
    durations = []
    for number, frame in enumerate(_frames(picture)):
        image.seek(number)
        seen = np.asarray(image.convert("RGBA")).copy()
        np.testing.assert_array_equal(frame, seen)
        durations.append(image.info["duration"])
    assert durations == [25.0, 50.0, 75.0, 100.0, 125.0]


def test_more_plays_than_png_has_numbers_for_are_the_most_that_it_has() -> None:
    frames = [np.full((height, width, 4), 255, np.uint8) for width, height, _, _ in BOXES[:2]]
    picture = codec.decode(_film(frames, (0, 0), plays=2**31 + 1), CONFIG)
    assert picture.animation is not None
    assert picture.animation.loop == 2**31 - 1
    metadata.check(codec.encode(picture).data, "png", WIDTH, HEIGHT, 2)


def test_timing_loops_and_disposal_are_kept_to_the_digit() -> None:
    source = _film(_parts(13), (1, 0, 2, 1, 0))
    picture = codec.decode(source, CONFIG)
    assert picture.animation == Animation((25.0, 50.0, 75.0, 100.0, 125.0), 5, (1, 0, 2, 1, 0))
    controls = [data[:36] for data in codec.encode(picture).data.split(b"fcTL")[1:]]
    assert [struct.unpack(">HHBB", control[20:26]) for control in controls] == [
        (1, 40, 1, 0), (2, 40, 0, 0), (3, 40, 2, 0), (4, 40, 1, 0), (5, 40, 0, 0),
    ]  # fmt: skip


def test_a_denominator_of_zero_means_hundredths() -> None:
    data = _film(_parts(13, count=2), (0, 0))
    at = data.index(b"fcTL") + 4
    payload = data[at : at + 22] + b"\0\0" + data[at + 24 : at + 26]
    data = data[: at - 8] + chunk(b"fcTL", payload) + data[at + 30 :]
    picture = codec.decode(data, CONFIG)
    assert picture.animation is not None
    assert picture.animation.durations_ms == (10.0, 50.0)


@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_without_alpha_what_is_cleared_is_drawn_again(disposal: int) -> None:
    parts = [np.ascontiguousarray(part[..., :3]) for part in _parts(14)]
    parts[4] = parts[0][:1, :1]
    source = _film(parts, (0,) * 5, 0, RGB)
    picture = codec.decode(source, CONFIG)
    assert picture.animation is not None
    assert picture.frames[0].alpha is None
    picture = replace(picture, animation=replace(picture.animation, disposals=(disposal,) * 5))
    data = codec.encode(picture).data
    metadata.check(data, "png", WIDTH, HEIGHT, 5)
    again = codec.decode(data, CONFIG)
    np.testing.assert_array_equal(_frames(again), _frames(picture))
    assert again.frames[0].alpha is None


def test_sixteen_bit() -> None:
    picture = codec.decode(_film(_parts(15, kind=np.uint16), (0, 1, 2, 0, 0), 1), CONFIG)
    assert picture.frames[0].pixels.dtype == np.uint16
    data = codec.encode(picture).data
    metadata.check(data, "png", WIDTH, HEIGHT, 5)
    for one, other in zip(picture.frames, codec.decode(data, CONFIG).frames, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.alpha, other.alpha)


def test_palette_is_shared_and_stays() -> None:
    palette = chunk(b"PLTE", bytes(range(12)) + MARKER[:15]) + chunk(b"tRNS", b"\xff\0\x80")
    parts = [np.resize(np.array([0, 1, 2, 3], np.uint8), (box[1], box[0], 1)) for box in BOXES]
    picture = codec.decode(_film(parts, (0, 1, 2, 0, 0), 0, PALETTE, palette), CONFIG)
    data = codec.encode(picture).data
    assert data[24:26] == bytes((2, PALETTE))
    metadata.check(data, "png", WIDTH, HEIGHT, 5)
    np.testing.assert_array_equal(_frames(codec.decode(data, CONFIG)), _frames(picture))
    assert MARKER[:15] not in data


def test_a_default_picture_that_is_no_frame_is_dropped() -> None:
    default = np.full((HEIGHT, WIDTH, 4), 77, np.uint8)
    source = _film(_parts(16), (0,) * 5, default=default)
    picture = codec.decode(source, CONFIG)
    assert metadata.inventory(source, "png") == ("animation",)
    assert metadata.inventory(_film(_parts(16), (0,) * 5), "png") == ()
    np.testing.assert_array_equal(_frames(picture), _frames(codec.decode(_film(_parts(16), (0,) * 5), CONFIG)))
    data = codec.encode(picture).data
    assert metadata.inventory(data, "png") == ()
    metadata.check(data, "png", WIDTH, HEIGHT, 5)


def test_frames_beyond_the_announced_number_are_dropped() -> None:
    data = _film(_parts(17), (0,) * 5)
    at = data.index(b"acTL") - 4
    data = data[:at] + chunk(b"acTL", struct.pack(">II", 3, 0)) + data[at + 20 :]
    assert len(codec.decode(data, CONFIG).frames) == 3
    assert metadata.inventory(data, "png") == ("animation",)


def test_a_single_frame_becomes_a_still_picture() -> None:
    picture = codec.decode(_film(_parts(18, count=1), (0,)), CONFIG)
    assert (len(picture.frames), picture.animation) == (1, None)
    data = codec.encode(picture).data
    metadata.check(data, "png", WIDTH, HEIGHT)
    assert b"acTL" not in data


@pytest.mark.parametrize("wrong", ["two headers", "no frames", "behind the picture"])
def test_what_viewers_show_as_a_still_picture_is_one(wrong: str) -> None:
    still = saved(photo(), "png")
    data = {
        "two headers": with_chunk(with_chunk(still, b"acTL", struct.pack(">II", 2, 0)), b"acTL", bytes(8)),
        "no frames": with_chunk(still, b"acTL", bytes(8)),
        "behind the picture": still[:-12] + chunk(b"acTL", struct.pack(">II", 1, 0)) + still[-12:],
    }[wrong]
    picture = codec.decode(data, CONFIG)
    assert len(picture.frames) == 1
    np.testing.assert_array_equal(picture.frames[0].pixels, photo())
    assert metadata.inventory(data, "png") == ("animation",)


def test_every_frame_is_turned_upright() -> None:
    source = with_chunk(_film(_parts(19), (0, 1, 2, 0, 0)), b"eXIf", orientation_exif(6))
    picture = codec.decode(source, CONFIG)
    data = codec.encode(picture).data
    metadata.check(data, "png", HEIGHT, WIDTH, 5)
    plain = codec.decode(_film(_parts(19), (0, 1, 2, 0, 0)), CONFIG)
    for turned, again, frame in zip(picture.frames, codec.decode(data, CONFIG).frames, plain.frames, strict=True):
        np.testing.assert_array_equal(turned.pixels, np.rot90(frame.pixels, -1))
        np.testing.assert_array_equal(turned.pixels, again.pixels)


def test_frames_without_a_change_and_equal_frames_are_kept() -> None:
    frame = Frame(photo(16, 24))
    animation = Animation((40.0, 40.0, 1e9), None)
    data = codec.encode(Picture("png", (frame, frame, frame), animation=animation)).data
    metadata.check(data, "png", 24, 16, 3)
    picture = codec.decode(data, CONFIG)
    assert picture.animation == Animation((40.0, 40.0, 65535.0), 1, (0, 0, 0))
    for one in picture.frames:
        np.testing.assert_array_equal(one.pixels, frame.pixels)


def test_several_frames_without_timing_cannot_be_written() -> None:
    for animation in (None, Animation((40.0,))):
        with pytest.raises(EncodeError):
            codec.encode(Picture("png", (Frame(photo()), Frame(photo())), animation=animation))


@pytest.mark.parametrize("color_type", [RGB, RGB_ALPHA])
def test_what_lay_under_a_mask_is_in_no_byte(color_type: int) -> None:
    """A face that moves under its masks changes no rectangle and no sample."""
    channels = 3 if color_type == RGB else 4
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[4:12, 6:18] = True
    files = set()
    for seed in (1, 2, 3):
        parts = _parts(20, channels)
        hidden = _parts(seed, channels)
        for part, other, (width, height, x, y) in zip(parts, hidden, BOXES, strict=True):
            under = mask[y : y + height, x : x + width]
            part[under] = other[under]
        picture = codec.decode(_film(parts, (0, 1, 2, 0, 0), 0, color_type), CONFIG)
        frames = []
        for frame in picture.frames:
            pixels, alpha = frame.pixels.copy(), None if frame.alpha is None else frame.alpha.copy()
            pixels[mask] = 99
            if alpha is not None:
                alpha[mask] = 255
            frames.append(Frame(pixels, alpha, mask))
        files.add(codec.encode(replace(picture, frames=tuple(frames))).data)
    assert len(files) == 1


def _damaged() -> dict[str, bytes]:
    good = _film(_parts(21, count=2), (0, 0))
    first, second = good.index(b"fcTL") - 4, good.rindex(b"fcTL") - 4
    rest, last = good[first + 38 :], good[second + 38 :]
    stream = chunk(b"IDAT", _stream(_parts(21)[0]))
    return {
        "announces more": good[: good.index(b"acTL") - 4]
        + chunk(b"acTL", struct.pack(">II", 3, 0))
        + good[good.index(b"acTL") + 16 :],
        "wrong number": good[:second] + _control(2, BOXES[1]) + last,
        "first frame too small": good[:first] + _control(0, (5, 5, 0, 0)) + rest,
        "beyond the canvas": good[:second] + _control(1, (10, 8, 15, 2)) + last,
        "no width": good[:second] + _control(1, (0, 8, 3, 2)) + last,
        "unknown disposal": good[:second] + _control(1, BOXES[1], disposal=3) + last,
        "unknown blend": good[:second] + _control(1, BOXES[1], over=2) + last,
        "rows missing": good[:second] + _control(1, (10, 9, 3, 2)) + last,
        "control cut short": good[:second] + chunk(b"fcTL", b"\0\0\0\1") + last,
        "checksum of a frame": good[:-17] + bytes([good[-17] ^ 1]) + good[-16:],
        "no data": good[:second] + _control(1, BOXES[1]) + chunk(b"IEND", b""),
        "data before the picture": good[:first] + chunk(b"fdAT", b"\0\0\0\0") + good[first:],
        "picture later": good[:-12] + stream + good[-12:],
    }


@pytest.mark.parametrize("damage", _damaged())
def test_damage_is_refused(damage: str) -> None:
    with pytest.raises(DecodeError):
        codec.decode(_damaged()[damage], CONFIG)


def test_limits_hold_for_all_frames_together() -> None:
    data = _film(_parts(22), (0,) * 5)
    codec.decode(data, CodecConfig(max_pixels=5 * WIDTH * HEIGHT))
    with pytest.raises(ImageTooLarge):
        codec.decode(data, CodecConfig(max_pixels=5 * WIDTH * HEIGHT - 1))
    at = data.index(b"acTL") - 4
    many = data[:at] + chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + data[at + 20 :]
    with pytest.raises(ImageTooLarge):
        codec.decode(many, CONFIG)
