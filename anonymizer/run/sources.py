"""Reading an object of INPUT: what is not even asked for, and what the bytes of a store stand for."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Self

from anonymizer import shards
from anonymizer.errors import UNREAD, Archived, EmptyFile, ImageTooLarge, NotAnImage, ObjectError, WrongCoding
from anonymizer.image import codec, unread
from anonymizer.lake.naming import is_picture_name
from anonymizer.lake.storage import PIECE, Root, codings
from anonymizer.records import ImageRef

_HEAD_BYTES = 64 * 2**10


@dataclass(frozen=True)
class OpenShard:
    """A shard of INPUT, open for reading.

    Attributes:
        kind: Its format.
        file: Its bytes; seekable.
    """

    kind: shards.Kind
    file: shards.File

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def open_source(root: Root, ref: ImageRef, max_bytes: int) -> bytes | OpenShard:
    """Reads an object as `read_source` does, or opens it if its content is that of a shard.

    A shard may be larger than `max_bytes`. What is small or has the name of a picture is read as a whole first.
    """
    if not ref.archived and not is_picture_name(ref.key) and ref.size > PIECE:
        file = root.open_source(ref)
        try:
            kind = shards.kind_of(file.read(shards.HEAD_BYTES))
        except BaseException:
            file.close()
            raise
        if kind is not None:
            return OpenShard(kind, file)
        file.close()
    data = read_source(root, ref, max_bytes)
    kind = shards.kind_of(data[: shards.HEAD_BYTES])
    return data if kind is None else OpenShard(kind, BytesIO(data))


def read_source(root: Root, ref: ImageRef, max_bytes: int) -> bytes:
    """The file that an object is; the store may keep it coded (Content-Encoding).

    What is a picture as it stands is taken so, whatever the store says: files are uploaded with wrong headers too.

    Args:
        root: INPUT.
        ref: As it was listed.
        max_bytes: `codec.max_bytes`; it bounds what comes out of a coding as well.

    Raises:
        Archived: The listing says that it cannot be read.
        ImageTooLarge: It has more bytes.
        ArchiveUnread, TableUnread, VideoUnread, DocumentUnread: It has more bytes, and is no picture.
        EmptyFile: A picture's name and no byte: a copy that never arrived.
        WrongCoding: A picture's name, and a coding that is not known or is not that of its bytes.
        ArchiveUnread, TableUnread: The name of a shard, and no picture.
        ObjectError: See `Root.read`.
    """
    if ref.archived:
        raise Archived
    if ref.size > max_bytes:
        raise _too_large(root, ref)
    data, coding = root.read_coded(ref) if ref.size else (b"", "")
    if coding and not _is_picture(data):
        data = _decoded(data, coding, ref, max_bytes)
    if not data and is_picture_name(ref.key):
        raise EmptyFile
    shard = unread.by_name(ref.key)
    if shard is not None and not _is_picture(data):
        raise shard
    return data


def _too_large(root: Root, ref: ImageRef) -> ObjectError:
    """What to say of an object that is not read whole: films and archives are known by their first bytes."""
    with root.open_source(ref, piece=_HEAD_BYTES, ahead=0) as source:
        error = _told_by(source.read(_HEAD_BYTES), ref.key)
        # What is coded is another file than the one that it stands for.
        return ImageTooLarge() if source.coding else error


def _told_by(head: bytes, key: str) -> ObjectError:
    try:
        codec.sniff(head)
    except UNREAD as error:
        return error
    except NotAnImage:
        return (unread.by_name(key) or ImageTooLarge)()
    except ObjectError:
        pass
    return ImageTooLarge()


def _is_picture(data: bytes) -> bool:
    try:
        codec.sniff(data)
    except (NotAnImage, *UNREAD):
        return False
    except ObjectError:
        return True
    return True


def _decoded(data: bytes, coding: str, ref: ImageRef, max_bytes: int) -> bytes:
    try:
        return codings.decoded(data, coding, max_bytes)
    except codings.Undecodable:
        if is_picture_name(ref.key):
            raise WrongCoding from None
        return data
