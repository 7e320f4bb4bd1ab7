"""Small pictures of what was published; a file that is not what its row says is named and not shown."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from anonymizer.audit.report.doubt import Doubtful
from anonymizer.audit.verify import finding
from anonymizer.config import CodecConfig
from anonymizer.errors import NotARegularFile, ObjectError, SourceChanged, SourceGone
from anonymizer.image import codec, metadata
from anonymizer.image.views import as_seen, as_shown
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.storage import Irregular, Root
from anonymizer.records import Face, Frame, ImageRef, ManifestRow, Pixels

SIDE_PX = 320
"""Longer side of a thumbnail."""
DETAIL_PX = 128
"""Side of the square around the weakest face."""
DETAIL_BOXES = 3.0
"""The square is so many times as wide as the face's longer side."""
DRAWN_BOXES = 500
"""Of a crowd of thousands more could not be told apart."""
QUALITY = 70
READ_AHEAD = 4
"""Files in memory at once: the store is waited for while others are decoded."""

_READ_FINDINGS: dict[type[ObjectError], str] = {
    SourceGone: "missing",
    SourceChanged: "changed",
    NotARegularFile: "not_regular",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A face in pixels of the published picture; `focus`: what is doubted, the weakest face or a suspect."""

    x: float
    y: float
    w: float
    h: float
    redacted: bool
    focus: bool


@dataclass(frozen=True, slots=True)
class Shot:
    """A published photo, or why it is not shown.

    Attributes:
        photo: Which, and why it is looked at.
        finding: A code of `anonymizer.audit.verify.CODES`, or `undecodable`; None where all is well.
        overview: `data:` URI of the whole picture.
        detail: `data:` URI of the surroundings of what is doubted most.
        width: Of the published picture, in pixels.
        height: Likewise.
        boxes: Those in the frame that is shown.
    """

    photo: Doubtful
    finding: str | None = None
    overview: str = ""
    detail: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()


def shots(photos: Sequence[Doubtful], output: Root, config: CodecConfig) -> Iterator[Shot]:
    """The photos as they lie in OUTPUT, in order.

    Args:
        photos: Their rows name outputs.
        output: OUTPUT; it is only read.
        config: Limits of decoding.
    """
    waiting: deque[tuple[Doubtful, Future[bytes | str]]] = deque()
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        for photo in photos:
            if len(waiting) == READ_AHEAD:
                first, read = waiting.popleft()
                yield _shot(first, read.result(), config)
            waiting.append((photo, pool.submit(_published, photo.row, output)))
        for photo, read in waiting:
            yield _shot(photo, read.result(), config)


def _published(row: ManifestRow, output: Root) -> bytes | str:
    """The bytes that the row vouches for, or what is wrong with those that are there."""
    key = output_key_of(row.output_uri or "", output.uri)
    if key is None:
        return "elsewhere"
    try:
        entry = output.stat(key)
        if entry is None or isinstance(entry, Irregular):
            return "missing" if entry is None else "not_regular"
        if entry.size != row.output_size:
            # Not read: the size of what somebody else put there has no bound.
            return "size_mismatch"
        data = output.read(ImageRef(key, entry.uri, entry.etag, entry.size, entry.modified))
    except ObjectError as error:
        return _READ_FINDINGS.get(type(error), "unreadable")
    return finding(data, row) or data


def _shot(photo: Doubtful, read: bytes | str, config: CodecConfig) -> Shot:
    if isinstance(read, str):
        return Shot(photo, finding=read)
    number = photo.face.frame if photo.face is not None else 0
    try:
        frame = codec.decode(read, config).frames[number]
    except (ObjectError, IndexError):
        return Shot(photo, finding="undecodable")
    pixels = seen(frame)
    detail = _data_uri(_around(pixels, photo.face)) if photo.face is not None else ""
    overview = _data_uri(_fitted(pixels, SIDE_PX))
    return Shot(photo, None, overview, detail, frame.width, frame.height, tuple(_boxes(photo, number)))


def _boxes(photo: Doubtful, frame: int) -> list[Box]:
    """What a second look sees in a frame, and its faces, the weakest first."""
    doubted = [face for face in photo.suspects if face.frame == frame]
    found = sorted((face for face in photo.row.faces if face.frame == frame), key=lambda face: face.score)
    of_row = [Box(face.x, face.y, face.w, face.h, face.redacted, face == photo.face) for face in found[:DRAWN_BOXES]]
    return [Box(face.x, face.y, face.w, face.h, False, True) for face in doubted[:DRAWN_BOXES]] + of_row


def seen(frame: Frame) -> Pixels:
    """(H, W, 3) uint8 RGB as a viewer shows a frame on white paper; stretched where that would show nothing."""
    pixels = as_shown(frame)
    colours = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
    if frame.alpha is None:
        return colours
    share = (as_seen(frame.alpha).astype(np.uint16))[..., None]
    return ((colours * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)


def _around(pixels: Pixels, face: Face) -> Pixels:
    """A square of the picture around a face, moved inside where it would stick out."""
    height, width = pixels.shape[:2]
    side = min(max(8, round(DETAIL_BOXES * max(face.w, face.h))), width, height)
    left = round(face.x + face.w / 2 - side / 2)
    top = round(face.y + face.h / 2 - side / 2)
    left, top = min(max(0, left), width - side), min(max(0, top), height - side)
    square = pixels[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > DETAIL_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (DETAIL_PX, DETAIL_PX), interpolation=method), np.uint8)


def _fitted(pixels: Pixels, side_px: int) -> Pixels:
    factor = side_px / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _data_uri(pixels: Pixels) -> str:
    """A WebP that holds nothing but the pixels: it passes the check that published files pass."""
    encoded = cv2.imencode(".webp", pixels[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].tobytes()
    metadata.check(encoded, "webp", pixels.shape[1], pixels.shape[0])
    return f"data:image/webp;base64,{base64.b64encode(encoded).decode('ascii')}"
