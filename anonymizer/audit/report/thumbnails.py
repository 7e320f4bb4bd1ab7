"""Make thumbnails of published files; a file that does not match its manifest row is reported and not shown."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from anonymizer.audit.report.review_queue import ReviewPhoto
from anonymizer.audit.verify import finding
from anonymizer.config import CodecConfig
from anonymizer.errors import NotARegularFile, ObjectError, SourceChanged, SourceGone
from anonymizer.image import codec, metadata
from anonymizer.image.views import to_display, to_uint8
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.storage import Irregular, Root
from anonymizer.records import Face, Frame, ImageRef, ManifestRow, Pixels

SIDE_PX = 320
"""Longer side of a thumbnail."""
DETAIL_PX = 128
"""Side of the enlarged square around the face to review."""
DETAIL_BOXES = 3.0
"""Ratio of the square's side to the face's longer side."""
DRAWN_BOXES = 500
"""Maximum number of boxes drawn: more could not be told apart."""
QUALITY = 70
READ_AHEAD = 4
"""Files prefetched while another one is decoded."""

_READ_FINDINGS: dict[type[ObjectError], str] = {
    SourceGone: "missing",
    SourceChanged: "changed",
    NotARegularFile: "not_regular",
}


@dataclass(frozen=True, slots=True)
class Box:
    """A face in pixels of the published picture; `focus`: the face to review, which is highlighted."""

    x: float
    y: float
    w: float
    h: float
    redacted: bool
    focus: bool


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The thumbnail of a published photo, or the reason why it is not shown.

    Attributes:
        photo: The photo and the reason for its review.
        finding: A code of `anonymizer.audit.verify.CODES`, or `undecodable`; None if the photo is shown.
        overview: `data:` URI of the whole picture.
        detail: `data:` URI of the enlarged face to review.
        width: Width of the published picture, in pixels.
        height: Height of the published picture, in pixels.
        boxes: The faces of the shown frame.
    """

    photo: ReviewPhoto
    finding: str | None = None
    overview: str = ""
    detail: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()


def thumbnails(photos: Sequence[ReviewPhoto], output: Root, config: CodecConfig) -> Iterator[Thumbnail]:
    """Reads the photos from OUTPUT and makes their thumbnails, in order.

    Args:
        photos: The photos; their rows name outputs.
        output: OUTPUT, which is only read.
        config: Size limits for decoding.
    """
    waiting: deque[tuple[ReviewPhoto, Future[bytes | str]]] = deque()
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        for photo in photos:
            if len(waiting) == READ_AHEAD:
                first, read = waiting.popleft()
                yield _shot(first, read.result(), config)
            waiting.append((photo, pool.submit(_published, photo.row, output)))
        for photo, read in waiting:
            yield _shot(photo, read.result(), config)


def _published(row: ManifestRow, output: Root) -> bytes | str:
    """The published bytes if they match their row, otherwise the code of the finding."""
    key = output_key_of(row.output_uri or "", output.uri)
    if key is None:
        return "elsewhere"
    try:
        entry = output.stat(key)
        if entry is None or isinstance(entry, Irregular):
            return "missing" if entry is None else "not_regular"
        if entry.size != row.output_size:
            # Do not read it: a file from somebody else may be of any size.
            return "size_mismatch"
        data = output.read(ImageRef(key, entry.uri, entry.etag, entry.size, entry.modified))
    except ObjectError as error:
        return _READ_FINDINGS.get(type(error), "unreadable")
    return finding(data, row) or data


def _shot(photo: ReviewPhoto, read: bytes | str, config: CodecConfig) -> Thumbnail:
    if isinstance(read, str):
        return Thumbnail(photo, finding=read)
    number = photo.face.frame if photo.face is not None else 0
    try:
        frame = codec.decode(read, config).frames[number]
    except (ObjectError, IndexError):
        return Thumbnail(photo, finding="undecodable")
    pixels = seen(frame)
    detail = _data_uri(_around(pixels, photo.face)) if photo.face is not None else ""
    overview = _data_uri(_fitted(pixels, SIDE_PX))
    return Thumbnail(photo, None, overview, detail, frame.width, frame.height, tuple(_boxes(photo, number)))


def _boxes(photo: ReviewPhoto, frame: int) -> list[Box]:
    """The suspects in a frame, then the manifest's faces, lowest score first."""
    suspects = [face for face in photo.suspects if face.frame == frame]
    found = sorted((face for face in photo.row.faces if face.frame == frame), key=lambda face: face.score)
    of_row = [Box(face.x, face.y, face.w, face.h, face.redacted, face == photo.face) for face in found[:DRAWN_BOXES]]
    return [Box(face.x, face.y, face.w, face.h, False, True) for face in suspects[:DRAWN_BOXES]] + of_row


def seen(frame: Frame) -> Pixels:
    """(H, W, 3) uint8 RGB: the frame on a white background, with its levels stretched if it would look empty."""
    pixels = to_display(frame)
    colours = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
    if frame.alpha is None:
        return colours
    share = (to_uint8(frame.alpha).astype(np.uint16))[..., None]
    return ((colours * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)


def _around(pixels: Pixels, face: Face) -> Pixels:
    """A square crop around a face, shifted to lie inside the picture."""
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
    """A WebP `data:` URI without metadata; it passes the same container check as published files."""
    encoded = cv2.imencode(".webp", pixels[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].tobytes()
    metadata.check(encoded, "webp", pixels.shape[1], pixels.shape[0])
    return f"data:image/webp;base64,{base64.b64encode(encoded).decode('ascii')}"
