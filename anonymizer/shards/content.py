"""Tells by its bytes what a member of a shard is."""

from __future__ import annotations

from enum import Enum

from anonymizer.errors import NotAnImage, ObjectError
from anonymizer.image import codec


class Content(Enum):
    """What bytes are."""

    PICTURE = "picture"
    CONTAINER = "archive or video"
    TEXT = "text"
    BINARY = "binary"


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))


def is_picture(data: bytes) -> bool:
    """Whether bytes are those of a picture, be it one that cannot be read."""
    try:
        codec.sniff(data)
    except NotAnImage:
        return False
    except ObjectError:
        return not is_container(data)
    return True


def content_of(data: bytes) -> Content:
    """What the bytes of a member are."""
    if is_picture(data):
        return Content.PICTURE
    if is_container(data):
        return Content.CONTAINER
    return Content.TEXT if _is_text(data) else Content.BINARY


def is_container(data: bytes) -> bool:
    """Whether bytes are those of an archive, a table, a document or a video, which may hold pictures."""
    return unread.kind_of(data) is not None


def _is_text(data: bytes) -> bool:
    if data.translate(None, _CONTROLS) != data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
