"""Tells by its bytes what a member of a shard is."""

from __future__ import annotations

from enum import Enum

from anonymizer.errors import UNREAD, NotAnImage, ObjectError
from anonymizer.image import codec


class Content(Enum):
    """What bytes are."""

    PICTURE = "picture"
    CONTAINER = "archive, table, document or video"
    TEXT = "text"
    BINARY = "binary"


_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))


def is_picture(data: bytes) -> bool:
    """Whether bytes are those of a picture, be it one that cannot be read."""
    return content_of(data) is Content.PICTURE


def content_of(data: bytes) -> Content:
    """What the bytes of a member are."""
    try:
        codec.sniff(data)
    except NotAnImage:
        return Content.TEXT if _is_text(data) else Content.BINARY
    except UNREAD:
        return Content.CONTAINER
    except ObjectError:
        return Content.PICTURE
    return Content.PICTURE


def _is_text(data: bytes) -> bool:
    if data.translate(None, _CONTROLS) != data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
