"""What lies behind a compressor: its first bytes are read and no more, whatever they promise to grow to."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from anonymizer.errors import NotAnImage, ObjectError
from anonymizer.image.unread.signatures import HEAD_BYTES, kind_of

_ARROW = (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bz2")


def holds_pictures(data: bytes, sniff: Callable[[bytes], object]) -> bool:
    """Whether a file behind gzip, Zstandard or bzip2 is a picture or may hold some.

    Args:
        data: The whole file.
        sniff: Names the format of a picture; raises `NotAnImage` for what neither is one nor may hold some.

    Returns:
        False only where its beginning could be read and is that of something else, a text for example. What cannot be
        read, xz for one, is taken for something that holds pictures.
    """
    name = next((name for magic, name in _ARROW if data.startswith(magic)), None)
    if name is None:
        return True
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), name) as stream:
            head = stream.read(HEAD_BYTES)
    except (OSError, pa.ArrowException):
        return True
    if kind_of(head) == "compressed":
        # There are files that decompress to themselves.
        return True
    try:
        sniff(head)
    except NotAnImage:
        return False
    except ObjectError:
        return True
    return True
