"""Zip archives: read by their central directory, written as a stream, and checked while they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anonymizer.config import ShardsConfig
from anonymizer.shards.content import is_picture
from anonymizer.shards.contract import Entry, File, Make, Rewritten
from anonymizer.shards.samples import Samples
from anonymizer.shards.zipped.check import ZipChecker
from anonymizer.shards.zipped.read import members
from anonymizer.shards.zipped.write import ZipWriter

_PIECE = 2**20


def rewrite(
    source: File,
    sink: Callable[[bytes], None],
    make: Make,
    settings: ShardsConfig,
    *,
    dropped: frozenset[str],
    max_bytes: int,
) -> Rewritten:
    """Writes the archive with its pictures made safe; see `shards.rewrite`."""
    checker = ZipChecker()
    held = bytearray()

    def put(data: bytes) -> None:
        checker.feed(data)
        held.extend(data)
        if len(held) >= _PIECE:
            sink(bytes(held))
            held.clear()

    writer = ZipWriter(put)
    report = Samples(make, writer.add, settings, dropped).run(members(source, max_bytes))
    writer.close()
    checker.end()
    sink(bytes(held))
    return report


def pictures(source: File, max_bytes: int) -> Iterator[Entry]:
    """Yields the pictures in an archive."""
    for member in members(source, max_bytes):
        if is_picture(member.data):
            yield Entry(member.name, member.data)


def check(source: File) -> None:
    """Checks a whole archive that was written here.

    Raises:
        ScrubCheckFailed: It has something that no output has.
    """
    checker = ZipChecker()
    while piece := source.read(_PIECE):
        checker.feed(piece)
    checker.end()
