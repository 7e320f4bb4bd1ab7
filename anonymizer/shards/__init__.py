"""Photographs inside shards: the same shard is written again, with every picture in it made safe.

A shard is a tar archive (as WebDataset has them), a zip archive or a Parquet file (as `datasets` has them). Names and
order of members, rows, columns and row groups stay. Pictures are found by their bytes. Of everything else only what
`shards.keep` names is kept. This package knows neither storage nor detectors: it reads a file, and hands on bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anonymizer.config import ShardsConfig
from anonymizer.shards import tables, tarred, zipped
from anonymizer.shards.contract import Again, Entry, File, Make, Rewritten
from anonymizer.shards.kinds import HEAD_BYTES, MEDIA_TYPES, Kind, coding_of, kind_named, kind_of

MAX_MEMBER_BYTES = 512 * 2**20
"""Default for the largest member that is read, as `codec.max_bytes`."""


def rewrite(
    kind: Kind,
    source: File,
    sink: Callable[[bytes], None],
    make: Make,
    settings: ShardsConfig,
    *,
    dropped: frozenset[str] = frozenset(),
    max_bytes: int = MAX_MEMBER_BYTES,
) -> Rewritten:
    """Writes a shard with its pictures made safe, and checks what it writes.

    In memory are one sample (tar), one entry (zip) or one row group (Parquet). A sample of which a picture cannot be
    made safe is left out as a whole.

    Args:
        kind: The format.
        source: The shard; seekable.
        sink: Takes the bytes of the new shard in order. They may be published only once this function has returned.
        make: Makes a picture safe.
        settings: What is kept.
        dropped: Keys of samples to leave out, see `Again`.
        max_bytes: Largest member that is read.

    Raises:
        Again: Another attempt is needed, with more in `dropped`.
        ShardDamaged, ShardEncrypted, ImageTooLarge: The shard cannot be read.
        ScrubCheckFailed: What was written is not what may be.
    """
    if kind == "parquet":
        return tables.rewrite(source, sink, make, settings)
    if kind == "zip":
        return zipped.rewrite(source, sink, make, settings, dropped=dropped, max_bytes=max_bytes)
    return tarred.rewrite(source, coding_of(kind), sink, make, settings, dropped=dropped, max_bytes=max_bytes)


def pictures(kind: Kind, source: File, max_bytes: int = MAX_MEMBER_BYTES) -> Iterator[Entry]:
    """Yields the pictures of a shard in their order.

    Raises:
        ShardDamaged, ShardEncrypted: The shard cannot be read.
    """
    if kind == "parquet":
        return tables.pictures(source)
    if kind == "zip":
        return zipped.pictures(source, max_bytes)
    return tarred.pictures(source, coding_of(kind), max_bytes)


def check(kind: Kind, source: File) -> None:
    """Checks that a shard has only what this software writes.

    Raises:
        ScrubCheckFailed, ShardDamaged: It has something else.
    """
    if kind == "parquet":
        tables.check(source)
    elif kind == "zip":
        zipped.check(source)
    else:
        tarred.check(source, coding_of(kind))


__all__ = [
    "HEAD_BYTES",
    "MAX_MEMBER_BYTES",
    "MEDIA_TYPES",
    "Again",
    "Entry",
    "File",
    "Kind",
    "Make",
    "Rewritten",
    "check",
    "kind_named",
    "kind_of",
    "pictures",
    "rewrite",
]
