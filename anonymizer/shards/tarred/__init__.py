"""Tar archives: read by walking their headers, written with plain files only, and checked while they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anonymizer.config import ShardsConfig
from anonymizer.shards.compressed import Writer, reading
from anonymizer.shards.content import is_picture
from anonymizer.shards.contract import Entry, File, Make, Rewritten
from anonymizer.shards.samples import Samples
from anonymizer.shards.tarred.check import TarChecker
from anonymizer.shards.tarred.read import members
from anonymizer.shards.tarred.write import TarWriter

_PIECE = 2**20


def rewrite(
    source: File,
    coding: str,
    sink: Callable[[bytes], None],
    make: Make,
    settings: ShardsConfig,
    *,
    dropped: frozenset[str],
    max_bytes: int,
) -> Rewritten:
    """Writes the archive with its pictures made safe; see `shards.rewrite`.

    Args:
        source: The archive.
        coding: Its compression: `gzip`, `zstd` or empty.
        sink: Takes the new archive.
        make: Makes a picture safe.
        settings: What is kept.
        dropped: Keys of samples to leave out.
        max_bytes: Largest member that is read.
    """
    target, checker = Writer(sink, coding), TarChecker()

    def put(data: bytes) -> None:
        checker.feed(data)
        target.write(data)

    writer = TarWriter(put)
    with reading(source, coding) as archive:
        report = Samples(make, writer.add, settings, dropped).run(members(archive, max_bytes))
    writer.close()
    checker.end()
    target.close()
    return report


def pictures(source: File, coding: str, max_bytes: int) -> Iterator[Entry]:
    """Yields the pictures in an archive that was written here."""
    with reading(source, coding) as archive:
        for member in members(archive, max_bytes):
            if is_picture(member.data):
                yield Entry(member.name, member.data)


def check(source: File, coding: str) -> None:
    """Checks a whole archive that was written here.

    Raises:
        ScrubCheckFailed, ShardDamaged: It has something that no output has.
    """
    checker = TarChecker()
    with reading(source, coding) as archive:
        while piece := archive.read(_PIECE):
            checker.feed(piece)
    checker.end()
