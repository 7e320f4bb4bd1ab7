"""Content-Encoding: what the bytes of an object stand for (RFC 9110, 8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pyarrow as pa

from anonymizer.errors import ImageTooLarge

_CHUNK = 2**20
_NONE = frozenset({"", "identity", "aws-chunked"})
"""`aws-chunked` says how an upload travelled, not how it is stored; some stores keep it all the same."""


class Undecodable(ValueError):
    """A coding that is not known, or bytes that are not coded so."""


def decoded(data: bytes, coding: str, max_bytes: int) -> bytes:
    """Undoes every coding, the last that was applied first.

    Args:
        data: As they are stored.
        coding: Value of Content-Encoding: `gzip`, `deflate`, `br`, `zstd`, or several with commas in between.
        max_bytes: What comes out of one of them may not be longer.

    Raises:
        Undecodable: One is not known, or the bytes are not coded so, or not whole.
        ImageTooLarge: It would be longer.
    """
    for name in reversed(coding.split(",")):
        name = name.strip().lower()
        if name in _NONE:
            continue
        if name not in _DECODERS:
            raise Undecodable
        try:
            data = _DECODERS[name](data, max_bytes)
        except (OSError, zlib.error):
            raise Undecodable from None
    return data


def _stream(name: str) -> Callable[[bytes, int], bytes]:
    def read(data: bytes, max_bytes: int) -> bytes:
        parts, length = [], 0
        with pa.CompressedInputStream(pa.BufferReader(data), name) as stream:
            while part := stream.read(_CHUNK):
                parts.append(part)
                length += len(part)
                if length > max_bytes:
                    raise ImageTooLarge
        return b"".join(parts)

    return read


def _deflate(data: bytes, max_bytes: int) -> bytes:
    """With zlib's header, as the standard has it, or without, as some senders do."""
    zlibs = len(data) >= 2 and data[0] & 15 == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0
    stream = zlib.decompressobj(zlib.MAX_WBITS if zlibs else -zlib.MAX_WBITS)
    found = stream.decompress(data, max_bytes + 1)
    if len(found) > max_bytes:
        raise ImageTooLarge
    if not stream.eof or stream.unused_data:
        raise Undecodable
    return found


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _stream("gzip"),
    "x-gzip": _stream("gzip"),
    "deflate": _deflate,
    "br": _stream("brotli"),
    "zstd": _stream("zstd"),
}
