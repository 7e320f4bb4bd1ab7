"""The columns of the table: each looks at one kind of file, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anonymizer import Anonymizer
from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError, UnsupportedFormat
from anonymizer.image import codec, metadata
from anonymizer.image.detectors.patch import PATCH_RGB
from anonymizer.image.metadata.keep.projection import packet, read_projection
from anonymizer.records import AnonymizedImage
from tests.image.codec import jxl
from tests.image.formats.kinds import FACES, FRAMES, GPANO, HEIGHT, SHOWN, WIDTH, Kind, deep, frames, with_alpha

YES, NO, NOT_APPLICABLE = "yes", "no", "–"

_SETTINGS = {"detector": {"name": "patch"}, "redaction": {"method": "solid", "fill": "#00a000"}}
#: Masks are boxes grown 1.45 times, rounded out to blocks of 16, and colours of neighbours reach a little further.
_REACH = 28
_FAR = 60


@cache
def _anonymizer() -> Anonymizer:
    return Anonymizer(_SETTINGS)


@cache
def _still(kind: Kind) -> AnonymizedImage | None:
    """What became of a file of one frame."""
    try:
        return _anonymizer()(kind.write(frames()))
    except ObjectError:
        return None


def soiled(kind: Kind) -> AnonymizedImage:
    """What became of a file that was full of metadata, with several frames where it can have them."""
    return _anonymizer()(kind.soil(kind.write(frames(FRAMES if kind.moving else 1))))


def _shown(data: bytes, mode: str = "RGB") -> list[NDArray[np.uint8]]:
    """Every frame, as Pillow sees it; the film of several pictures in one JPEG has one frame.

    JPEG of more than 8 bit nothing here reads but TurboJPEG: `tests/image/codec/test_jpeg_deep.py` holds it against
    files that another writer made.
    """
    if codec.sniff(data) == "jxl":
        return _shown_jxl(data, mode)
    try:
        image = Image.open(BytesIO(data))
    except UnidentifiedImageError:
        return [(_stored(data) >> 8).astype(np.uint8)]
    found = []
    for number in range(getattr(image, "n_frames", 1) if image.format != "MPO" else 1):
        image.seek(number)
        found.append(np.asarray(image.convert(mode)))
    return found


def _stored(data: bytes) -> NDArray[Any]:
    """Samples of more than 8 bit, blue first from OpenCV."""
    if codec.sniff(data) == "jxl":
        return jxl.shown(data)
    stored: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return codec.decode(data, CodecConfig()).frames[0].pixels if stored is None else stored


def _shown_jxl(data: bytes, mode: str) -> list[NDArray[np.uint8]]:
    """As imagecodecs sees it."""
    stored = jxl.shown(data)
    stored = stored if stored.ndim == 4 else stored[None]
    if stored.dtype != np.uint8:
        stored = stored >> 8
    return [np.asarray(Image.fromarray(one.astype(np.uint8)).convert(mode)) for one in stored]


def _said(holds: bool) -> str:
    return YES if holds else NO


def read(kind: Kind) -> str:
    """The patches are found where they are."""
    image = _still(kind)
    if image is None:
        return NO
    found = [(face.x, face.y, face.x + face.w, face.y + face.h) for face in image.faces]
    near = [any(np.abs(np.subtract(box, face)).max() <= 4 for box in found) for face in FACES]
    return _said(all(near) and (image.width, image.height) == (WIDTH, HEIGHT))


def all_frames(kind: Kind) -> str:
    """As many frames come out, and patches that only the last one has are found there."""
    if not kind.moving:
        return NOT_APPLICABLE
    image = _anonymizer()(kind.write(frames(FRAMES)))
    whole = image.frame_count == len(_shown(image.data)) == FRAMES
    return _said(whole and {face.frame for face in image.faces} == {FRAMES - 1})


def redacted(kind: Kind) -> str:
    """Where patches were, another reader sees none of their colour, in no frame."""
    image = _anonymizer()(kind.write(frames(FRAMES if kind.moving else 1)))
    parts = [shown[y1:y2, x1:x2].astype(int) for shown in _shown(image.data) for x1, y1, x2, y2 in FACES]
    gray = "gray" in kind.name
    last = parts[-len(FACES) :]
    fill = np.array([np.dot((0, 160, 0), (0.299, 0.587, 0.114))] * 3 if gray else (0, 160, 0))
    filled = all(np.abs(part - fill).max() <= 16 for part in last)
    return _said(filled and all(np.abs(part - PATCH_RGB).sum(axis=2).min() > _FAR for part in parts))


def same_format(kind: Kind) -> str:
    """The output is of the source's format."""
    image = _still(kind)
    return _said(image is not None and image.format == image.source_format)


def exact(kind: Kind) -> str:
    """The row says that nothing outside the masks changed, and another reader agrees."""
    source = kind.write(frames())
    image = _anonymizer()(source)
    if image.encoding != "exact":
        return NO
    outside = np.ones((HEIGHT, WIDTH), bool)
    for x1, y1, x2, y2 in FACES:
        outside[max(0, y1 - _REACH) : y2 + _REACH, max(0, x1 - _REACH) : x2 + _REACH] = False
    before, after = _shown(source)[0], _shown(image.data)[0]
    return _said(bool(outside.sum() > 1000) and bool((before[outside] == after[outside]).all()))


def sixteen_bit(kind: Kind) -> str:
    """A ramp of more than 256 levels has as many afterwards."""
    if not kind.deep:
        return NOT_APPLICABLE
    image = _anonymizer()(kind.write([deep(frames()[0])]))
    stored = _stored(image.data)
    return _said(stored.dtype == np.uint16 and len(np.unique(stored[:8, :, 1])) > 256 and image.redacted_count >= 2)


def alpha(kind: Kind) -> str:
    """What was half transparent is, and masks are opaque."""
    if not kind.alpha:
        return NOT_APPLICABLE
    image = _anonymizer()(kind.write([with_alpha(frames()[0])]))
    shown = _shown(image.data, "RGBA")[0][..., 3].astype(int)
    x1, y1, x2, y2 = FACES[0]
    return _said(abs(shown[:6] - 127).max() <= 2 and shown[y1:y2, x1:x2].min() == 255)


def hdr(kind: Kind) -> str:
    """The output says that its samples are PQ, of the same primaries, in the words of its format."""
    if kind.hdr is None:
        return NOT_APPLICABLE
    try:
        image = _anonymizer()(kind.hdr(kind.write(frames(FRAMES if kind.moving else 1))))
    except UnsupportedFormat:
        return NO
    words = {"png": b"cICP" + bytes((9, 16, 0, 1)), "avif": b"nclx" + bytes((0, 9, 0, 16))}
    return _said(words[image.format] in image.data)


def hidden(kind: Kind) -> str:
    """What a viewer does not show of a picture does not come out, for another reader too; the row names apertures."""
    if kind.cut is None:
        return NOT_APPLICABLE
    pixels = frames()[0]
    image = _anonymizer()(kind.cut(pixels))
    x1, y1, x2, y2 = SHOWN
    wanted, found = pixels[y1:y2, x1:x2], _shown(image.data)[0]
    named = image.source_format not in ("heif", "avif") or "heif.hidden" in image.metadata_removed
    if found.shape != wanted.shape or not named:
        return NO
    # A strip that no mask reaches.
    return _said(float(np.abs(found[:, :4].astype(int) - wanted[:, :4]).mean()) < 12)


def gain_map(kind: Kind) -> str:
    """The row says that there was one, and it is not in the output."""
    if kind.gain_map is None:
        return NOT_APPLICABLE
    image = _anonymizer()(kind.gain_map(kind.write(frames())))
    left = metadata.inventory(image.data, image.format)
    return _said("gainmap" in image.metadata_removed and "gainmap" not in left)


@cache
def _keeping() -> Anonymizer:
    return Anonymizer({**_SETTINGS, "metadata": {"keep": ["projection"]}})


def projection(kind: Kind) -> str:
    """Viewers of 360 degree photos find in the output, if a user asks for it, what they found in the source."""
    if kind.panorama is None:
        return NOT_APPLICABLE
    source = kind.panorama(kind.write(frames(FRAMES if kind.moving else 1)))
    image = _keeping()(source)
    values = read_projection(GPANO)
    return _said(values is not None and image.metadata_kept == ("projection",) and packet(values) in image.data)


COLUMNS: dict[str, Callable[[Kind], str]] = {
    "read": read,
    "all frames": all_frames,
    "redacted": redacted,
    "same format out": same_format,
    "exact outside masks": exact,
    "16 bit": sixteen_bit,
    "alpha": alpha,
    "HDR kept": hdr,
    "hidden parts dropped": hidden,
    "gain map named": gain_map,
    "360° kept": projection,
}
