"""Kept values in a BMP: the resolution in its header; there is room for nothing else."""

from __future__ import annotations

import struct

from anonymizer.image.metadata.keep.sources import per_inch, per_metre
from anonymizer.image.metadata.keep.values import NOTHING, KeptValues

_RESOLUTION_AT, _RESOLUTION_END = 38, 46


def put(data: bytes, kept: KeptValues) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    if kept.dpi is None:
        return data, NOTHING
    stated = struct.pack("<ii", per_metre(kept.dpi[0]), per_metre(kept.dpi[1]))
    return data[:_RESOLUTION_AT] + stated + data[_RESOLUTION_END:], KeptValues(dpi=kept.dpi)


def taken(data: bytes) -> tuple[bytes, KeptValues]:
    """See `anonymizer.image.metadata.keep`."""
    dpi = per_inch(*struct.unpack_from("<ii", data, _RESOLUTION_AT))
    if dpi is None:
        return data, NOTHING
    return data[:_RESOLUTION_AT] + bytes(8) + data[_RESOLUTION_END:], KeptValues(dpi=dpi)
