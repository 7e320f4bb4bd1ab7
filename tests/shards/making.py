"""Makes pictures and shards, and rewrites shards with a stand-in for the detector."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable

import cv2
import numpy as np

from anonymizer import shards
from anonymizer.config import ShardsConfig

MARK = b"planted-mark"


def jpeg(number: int) -> bytes:
    """A small JPEG, another one for each number."""
    return _encoded(".jpg", number)


def png(number: int) -> bytes:
    return _encoded(".png", number)


def _encoded(ending: str, number: int) -> bytes:
    pixels = np.full((16, 24, 3), 3 * number % 256, np.uint8)
    return cv2.imencode(ending, pixels)[1].tobytes()


def tar(members: Iterable[tuple[str, bytes] | tarfile.TarInfo], **options) -> bytes:
    """An archive with these members; those that are no plain file as headers without data."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", **{"format": tarfile.GNU_FORMAT} | options) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
                continue
            name, data = member
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname, info.gname, info.uid = len(data), 1_700_000_000.5, "alice", "team", 501
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def zipped(entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]], **options) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return target.getvalue()


class Safe:
    """Makes pictures safe by changing nothing; those that are named fail, as do those without bytes.

    Attributes:
        made: Names of all pictures, in order.
        errors: Codes of the errors that came with an entry, by its name.
    """

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.made: list[str] = []
        self.errors: dict[str, str] = {}

    def __call__(self, entry: shards.Entry) -> bytes | None:
        self.made.append(entry.name)
        if entry.error is not None:
            self.errors[entry.name] = entry.error.code
            return None
        return None if entry.name in self.failing else entry.data


def rewritten(
    data: bytes, make: Safe | None = None, keep: tuple[str, ...] = (), **settings
) -> tuple[bytes, shards.Rewritten]:
    """The new shard and the report; what comes out is checked once more as a whole."""
    kind = shards.kind_of(data[: shards.HEAD_BYTES])
    assert kind is not None
    make = make or Safe()
    dropped: frozenset[str] = frozenset()
    while True:
        target = bytearray()
        make.made.clear()
        try:
            report = shards.rewrite(
                kind,
                io.BytesIO(data),
                target.extend,
                make,
                ShardsConfig(keep=keep, **settings),
                dropped=dropped,
                max_bytes=2**20,
            )
        except shards.Again as again:
            if not again.dropped > dropped:
                raise AssertionError("the same again") from again
            dropped = again.dropped
        else:
            shards.check(kind, io.BytesIO(target))
            return bytes(target), report


def names_of(data: bytes) -> list[str]:
    """Names of the members of a tar archive, as the standard library reads them."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


Change = Callable[[bytearray], None]
