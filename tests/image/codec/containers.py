"""Archives, tables and shards, made by those who write such files, or by the letter of their formats."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TARS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}

#: One record of eight bytes: its length, the length's masked checksum, the bytes and theirs (not looked at).
TF_RECORD = struct.pack("<Q", 8) + bytes.fromhex("ff86240f") + b"pictures" + bytes(4)


def tarred(form: int) -> bytes:
    """A tar with one member; its name needs a PAX or GNU record where the format has such."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        member = tarfile.TarInfo("a.jpg" if form == tarfile.USTAR_FORMAT else "ä" * 150)
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return file.getvalue()


def old_tar() -> bytes:
    """A header of Unix version 7: no `ustar`, a checksum."""
    header = bytearray(b"a.jpg".ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"00000000003\0" * 2)
    header += b" " * 8 + bytes(512 - len(header) - 8)
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"abc" + bytes(509) + bytes(1024)


def zipped(*names: str) -> bytes:
    """A zip with entries of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"abc")
    return file.getvalue()


def zstd(data: bytes) -> bytes:
    """Compressed with Zstandard."""
    return bytes(pa.Codec("zstd").compress(data))


def npz() -> bytes:
    """An archive of NumPy with one array."""
    file = io.BytesIO()
    np.savez(file, pixels=np.zeros(3, np.uint8))
    return file.getvalue()


def table(**columns: Any) -> bytes:
    """A Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def arrow(writer: Any) -> bytes:
    """A file or stream of Arrow IPC."""
    file, content = io.BytesIO(), pa.table({"image": [b"a"]})
    with writer(file, content.schema) as out:
        out.write_table(content)
    return file.getvalue()


def mds(*samples: bytes) -> bytes:
    """A shard as mosaicml-streaming writes it: count, offsets, columns as JSON, samples."""
    columns = json.dumps({"column_names": ["image"], "column_encodings": ["jpeg"]}).encode()
    start = 4 + 4 * (len(samples) + 1) + len(columns)
    offsets = [start + sum(map(len, samples[:count])) for count in range(len(samples) + 1)]
    return struct.pack(f"<I{len(offsets)}I", len(samples), *offsets) + columns + b"".join(samples)
