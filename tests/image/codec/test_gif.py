from __future__ import annotations

import itertools
import struct
from io import BytesIO

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import EncodeError, ImageTooLarge
from anonymizer.image import metadata
from anonymizer.image.codec import gif
from anonymizer.image.codec.gif import blocks as gif_blocks
from anonymizer.image.codec.gif.blocks import Block, Control, Stream
from anonymizer.records import Animation, Encoded, Frame, Picture, Pixels
from tests.image.codec.samples import CONFIG, MARKER, photo

HEIGHT, WIDTH = 24, 32


def film(disposals: tuple[int, ...], seed: int = 0, loop: int | None = 0) -> bytes:
    """Squares with holes, each with its own palette and delay, over a first frame that fills the canvas."""
    rng = np.random.default_rng(seed)
    stream = Stream(WIDTH, HEIGHT, loop)
    for number, disposal in enumerate(disposals):
        left, top = (0, 0) if number == 0 else (int(rng.integers(0, 16)), int(rng.integers(0, 12)))
        width, height = (WIDTH, HEIGHT) if number == 0 else (16, 12)
        indices = rng.integers(0, 16, (height, width)).astype(np.uint8)
        palette = rng.integers(0, 256, (16, 3)).astype(np.uint8)
        control = Control(3 + number, disposal, int(rng.integers(0, 16)))
        stream.blocks.append(Block(left, top, width, height, control, palette, gif_blocks.packed(indices)))
    return gif_blocks.write(stream)


def still(indices: Pixels, palette: Pixels, transparent: int | None = None) -> bytes:
    height, width = indices.shape
    block = Block(0, 0, width, height, Control(0, 0, transparent), palette, gif_blocks.packed(indices))
    return gif_blocks.write(Stream(width, height, None, [block]))


def rgba(frame: Frame) -> Pixels:
    """(H, W, 4), zeros where nothing is seen."""
    alpha = np.full(frame.pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
    return np.where(alpha[..., None] == 0, np.uint8(0), np.dstack((frame.pixels, alpha)))


def shown_by_pillow(data: bytes) -> list[Pixels]:
    image = Image.open(BytesIO(data))
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        shown = np.asarray(image.convert("RGBA"))
        frames.append(rgba(Frame(shown[..., :3], shown[..., 3])))
    return frames


def shown_by_opencv(data: bytes) -> list[Pixels]:
    read, images = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert read
    code = cv2.COLOR_BGRA2RGBA if images[0].shape[2] == 4 else cv2.COLOR_BGR2RGBA
    turned = [np.asarray(cv2.cvtColor(image, code), np.uint8) for image in images]
    return [rgba(Frame(image[..., :3], image[..., 3])) for image in turned]


def written(picture: Picture) -> Encoded:
    """A file that has passed the check."""
    encoded = gif.encode(picture)
    first = picture.frames[0]
    metadata.check(encoded.data, "gif", first.width, first.height, len(picture.frames))
    assert metadata.inventory(encoded.data, "gif") == ()
    return encoded


def assert_shows(data: bytes, frames: list[Pixels]) -> None:
    """The file shows these canvases to each of three readers."""
    ours = [rgba(frame) for frame in gif.decode(data, CONFIG).frames]
    for shown in (ours, shown_by_pillow(data), shown_by_opencv(data)):
        assert len(shown) == len(frames)
        for one, other in zip(shown, frames, strict=True):
            np.testing.assert_array_equal(one, other)


def masked(frame: Frame, box: tuple[slice, slice], fill: Pixels) -> Frame:
    """The frame with a redacted box."""
    redacted = np.zeros(frame.pixels.shape[:2], np.bool_)
    redacted[box] = True
    pixels, alpha = frame.pixels.copy(), None if frame.alpha is None else frame.alpha.copy()
    pixels[box] = fill
    if alpha is not None:
        alpha[box] = 255
    return Frame(pixels, alpha, redacted)


@pytest.mark.parametrize(
    "disposals", list(itertools.product((0, 1, 2, 3), repeat=3)), ids=lambda d: "".join(map(str, d))
)
def test_every_disposal_shows_the_same_canvases(disposals: tuple[int, ...]) -> None:
    picture = gif.decode(film((*disposals, 1, 2), seed=sum(disposals)), CONFIG)
    encoded = written(picture)
    assert encoded.encoding == "exact"
    assert_shows(encoded.data, [rgba(frame) for frame in picture.frames])


@pytest.mark.parametrize("disposals", [(1, 1, 1), (0, 2, 2), (1, 3, 3), (2, 2, 2)])
def test_the_composed_canvases_are_those_of_other_readers(disposals: tuple[int, ...]) -> None:
    data = film(disposals)
    ours = [rgba(frame) for frame in gif.decode(data, CONFIG).frames]
    for shown in (shown_by_pillow(data), shown_by_opencv(data)):
        for one, other in zip(shown, ours, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("loop", "times"), [(None, None), (0, 0), (4, 5), (65535, 65536)])
def test_delays_repetitions_and_disposals_stay(loop: int | None, times: int | None) -> None:
    source = film((1, 2, 3), loop=loop)
    picture = gif.decode(source, CONFIG)
    assert picture.animation == Animation((30.0, 40.0, 50.0), times, (1, 2, 3))
    output = written(picture).data
    assert gif.decode(output, CONFIG).animation == picture.animation
    assert gif_blocks.read(output).loop == loop


def test_shown_once_needs_no_looping_extension() -> None:
    picture = Picture("gif", (Frame(photo()), Frame(255 - photo())), animation=Animation((10.0, 20.0), 1))
    assert b"NETSCAPE" not in written(picture).data


def test_frames_without_a_change_are_kept() -> None:
    picture = Picture("gif", (Frame(np.zeros((8, 8, 3), np.uint8)),) * 4, animation=Animation((10.0,) * 4, 0))
    output = written(picture).data
    blocks = gif_blocks.read(output).blocks
    assert [(block.width, block.height) for block in blocks] == [(8, 8), (1, 1), (1, 1), (1, 1)]
    assert_shows(output, [rgba(frame) for frame in picture.frames])


def test_all_transparent() -> None:
    frame = Frame(np.zeros((5, 6, 3), np.uint8), np.zeros((5, 6), np.uint8))
    assert_shows(written(Picture("gif", (frame,))).data, [np.zeros((5, 6, 4), np.uint8)])


def test_256_colours_and_a_hole_beside_them() -> None:
    """No index is left that draws nothing: the frame covers what it draws alone."""
    palette = np.arange(768, dtype=np.uint32).reshape(256, 3).astype(np.uint8)
    block = Block(4, 4, 16, 16, Control(), palette, gif_blocks.packed(np.arange(256, dtype=np.uint8).reshape(16, 16)))
    picture = gif.decode(gif_blocks.write(Stream(40, 40, None, [block])), CONFIG)
    encoded = written(picture)
    assert encoded.encoding == "exact"
    np.testing.assert_array_equal(rgba(gif.decode(encoded.data, CONFIG).frames[0]), rgba(picture.frames[0]))


def test_a_part_with_256_colours_of_a_film() -> None:
    first = np.arange(256, dtype=np.uint8).reshape(16, 16)
    second = np.where(np.eye(16, dtype=bool), first, 255 - first)
    frames = tuple(Frame(np.dstack((indices, indices, indices))) for indices in (first, second))
    encoded = written(Picture("gif", frames, animation=Animation((10.0, 10.0))))
    assert encoded.encoding == "exact"
    assert_shows(encoded.data, [rgba(frame) for frame in frames])


def test_more_colours_than_a_palette_holds_are_reduced_and_said_so() -> None:
    encoded = written(Picture("gif", (Frame(photo(64, 64)),)))
    assert encoded.encoding == "reencoded"
    shown = gif.decode(encoded.data, CONFIG).frames[0].pixels
    assert np.abs(shown.astype(int) - photo(64, 64)).mean() < 4


@pytest.mark.parametrize("disposals", list(itertools.product((1, 2, 3), repeat=2)), ids=lambda d: "".join(map(str, d)))
def test_redacted_canvases_come_out_as_given(disposals: tuple[int, ...]) -> None:
    """Also where a mask makes a frame opaque that the next one is transparent in."""
    picture = gif.decode(film((*disposals, 2), seed=3), CONFIG)
    boxes = ((slice(2, 12), slice(3, 20)), (slice(5, 9), slice(0, 32)), (slice(0, 24), slice(20, 25)))
    colors = np.array([[10, 20, 30], [200, 100, 0], [1, 2, 3]], np.uint8)
    frames = tuple(masked(*item) for item in zip(picture.frames, boxes, colors, strict=True))
    redacted = Picture("gif", frames, animation=picture.animation)
    encoded = written(redacted)
    assert encoded.encoding == "exact"
    assert_shows(encoded.data, [rgba(frame) for frame in frames])


def _gradient() -> Pixels:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack((rows * 8, columns * 7, rows + columns)).astype(np.uint8)


def test_a_fill_of_many_colours_leaves_the_rest_exact() -> None:
    """The palette is full of what stays: the fill is approximated, and outside of the mask nothing changes."""
    indices = np.arange(HEIGHT * WIDTH, dtype=np.uint32).reshape(HEIGHT, WIDTH) % 250
    plain = Frame(np.dstack((indices, 255 - indices, indices)).astype(np.uint8))
    box = (slice(4, 20), slice(4, 20))
    frames = tuple(masked(plain, box, np.roll(_gradient(), number, 0)[box]) for number in range(2))
    frames = (*frames, frames[1], plain)
    encoded = written(Picture("gif", frames, animation=Animation((10.0,) * 4, 0, (1, 1, 1, 1))))
    assert encoded.encoding == "exact"
    shown = gif.decode(encoded.data, CONFIG).frames
    for one, other in zip(shown, frames, strict=True):
        outside = np.ones((HEIGHT, WIDTH), bool) if other.redacted is None else ~other.redacted
        np.testing.assert_array_equal(one.pixels[outside], other.pixels[outside])
    # What was approximated once stays as it is while it is meant to be the same.
    np.testing.assert_array_equal(shown[1].pixels, shown[2].pixels)


@pytest.mark.parametrize("disposals", [(1, 1, 1), (1, 2, 2), (2, 3, 1)])
def test_what_lies_under_a_mask_has_no_influence(disposals: tuple[int, ...]) -> None:
    """Two films that differ under the masks alone, in colours and in transparency, become one and the same file."""
    box = (slice(3, 11), slice(5, 17))
    outputs = set()
    for seed in range(3):
        picture = gif.decode(film(disposals, seed=8), CONFIG)
        rng = np.random.default_rng(seed)
        frames = []
        for frame in picture.frames:
            pixels, alpha = frame.pixels.copy(), np.full((HEIGHT, WIDTH), 255, np.uint8)
            if frame.alpha is not None:
                alpha[...] = frame.alpha
            pixels[box] = rng.integers(0, 256, (8, 12, 3))
            alpha[box] = 255 * rng.integers(0, 2, (8, 12))
            frames.append(masked(Frame(pixels, alpha), box, _gradient()[box]))
        outputs.add(gif.encode(Picture("gif", tuple(frames), animation=picture.animation)).data)
    assert len(outputs) == 1


def test_alpha_of_one_kind_is_no_alpha() -> None:
    opaque = np.full((48, 64), 255, np.uint8)
    pixels = photo() // 64 * 64
    files = {gif.encode(Picture("gif", (Frame(pixels, alpha),))).data for alpha in (None, opaque)}
    assert len(files) == 1


def test_half_transparency_is_not_exact() -> None:
    alpha = np.full((48, 64), 200, np.uint8)
    assert gif.encode(Picture("gif", (Frame(photo() // 64 * 64, alpha),))).encoding == "reencoded"


def _hidden() -> dict[str, bytes]:
    """Files in which colours lie that no viewer shows."""
    palette = np.zeros((4, 3), np.uint8)
    palette[:2] = [[255, 0, 0], [0, 0, 255]]
    secret = np.tile(np.frombuffer(MARKER[:18], np.uint8).reshape(6, 3), (6, 1, 1))
    secret_indices = np.arange(36, dtype=np.uint8).reshape(6, 6)
    secret_block = Block(0, 0, 6, 6, Control(), secret.reshape(-1, 3), gif_blocks.packed(secret_indices))
    plain = Block(0, 0, 6, 6, Control(), palette, gif_blocks.packed(np.eye(6, dtype=np.uint8)))
    beyond = Block(6, 0, 6, 6, Control(), secret.reshape(-1, 3), gif_blocks.packed(secret_indices))
    unused = np.concatenate((palette, np.frombuffer(MARKER[:12], np.uint8).reshape(4, 3)))
    return {
        "unused entries": gif_blocks.write(
            Stream(6, 6, None, [Block(0, 0, 6, 6, Control(), unused, gif_blocks.packed(np.eye(6, dtype=np.uint8)))])
        ),
        "outside of the canvas": gif_blocks.write(Stream(6, 6, None, [plain, beyond])),
        "drawn over": gif_blocks.write(Stream(6, 6, None, [plain, secret_block, plain])),
    }


@pytest.mark.parametrize("kind", ["unused entries", "outside of the canvas"])
def test_what_no_viewer_shows_is_gone(kind: str) -> None:
    source = _hidden()[kind]
    assert MARKER[:12] in source
    assert MARKER[:6] not in written(gif.decode(source, CONFIG)).data


def test_a_frame_of_no_duration_is_shown_all_the_same() -> None:
    assert len(gif.decode(_hidden()["drawn over"], CONFIG).frames) == 3


def test_interlaced_rows_are_sorted() -> None:
    pixels = (photo() // 64 * 64)[:37]
    stored = BytesIO()
    image = Image.fromarray(pixels).quantize(64, dither=Image.Dither.NONE)
    image.save(stored, "GIF", interlace=1)
    assert gif_blocks.read(stored.getvalue()).blocks[0].interlaced
    np.testing.assert_array_equal(
        gif.decode(stored.getvalue(), CONFIG).frames[0].pixels, np.asarray(image.convert("RGB"))
    )


def test_without_a_palette_indices_are_shades() -> None:
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = struct.pack("<6sHHBBB", b"GIF87a", 4, 3, 0, 0, 0)
    data += struct.pack("<BHHHHB", 0x2C, 0, 0, 4, 3, 0) + gif_blocks.packed(indices) + b";"
    np.testing.assert_array_equal(gif.decode(data, CONFIG).frames[0].pixels, np.dstack([indices] * 3))


def test_an_index_beyond_the_palette_is_black() -> None:
    data = still(np.array([[0, 1, 200]], np.uint8), np.full((2, 3), 9, np.uint8))
    assert gif.decode(data, CONFIG).frames[0].pixels[0, :, 0].tolist() == [9, 9, 0]


def _damaged() -> dict[str, bytes]:
    source = film((1, 2))
    palette = np.zeros((2, 3), np.uint8)
    short = Block(0, 0, 9, 9, Control(), palette, gif_blocks.packed(np.zeros((8, 9), np.uint8)))
    empty = Block(0, 0, 0, 9, Control(), palette, gif_blocks.packed(np.zeros((8, 9), np.uint8)))
    wide = gif_blocks.packed(np.zeros((9, 9), np.uint8))
    return {
        "no trailer": source[:-1],
        "cut": source[: len(source) // 2],
        "too few pixels": gif_blocks.write(Stream(9, 9, None, [short])),
        "an empty frame": gif_blocks.write(Stream(9, 9, None, [empty])),
        "codes of nine bits": gif_blocks.write(
            Stream(9, 9, None, [Block(0, 0, 9, 9, Control(), palette, b"\x09" + wide[1:])])
        ),
        "no frame": gif_blocks.write(Stream(9, 9)),
        "an empty canvas": gif_blocks.write(Stream(0, 9, None, [short])),
        "no block": source[:-1] + b"x;",
        "header alone": source[:8],
    }


@pytest.mark.parametrize("kind", _damaged())
def test_damage_is_refused(kind: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - `codec.decode` makes a DecodeError of any
        gif.decode(_damaged()[kind], CONFIG)


def test_limits_count_all_frames_and_what_is_cut_off() -> None:
    with pytest.raises(ImageTooLarge):
        gif.decode(film((1, 1, 1)), CodecConfig(max_pixels=3 * WIDTH * HEIGHT - 1))
    large = Block(0, 0, 60_000, 60_000, Control(), None, b"\x08\x00")
    with pytest.raises(ImageTooLarge):
        gif.decode(gif_blocks.write(Stream(1, 1, None, [large])), CONFIG)
    small = Block(0, 0, 1, 1, Control(), np.zeros((2, 3), np.uint8), b"\x08\x00")
    with pytest.raises(ImageTooLarge):
        gif.decode(gif_blocks.write(Stream(1, 1, None, [small] * 10_001)), CONFIG)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16)], ids=["CMYK", "16 bit"]
)
def test_what_a_gif_cannot_hold_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(EncodeError):
        gif.encode(Picture("gif", (Frame(pixels),)))
