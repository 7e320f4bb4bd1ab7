"""Find the times at which decisions change without a change of the registry: begins and ends of validity periods."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymizer.people.consent.cells import parse_time
from anonymizer.people.consent.sheet import Sheet

BOUNDS = ("valid_from", "valid_until")


def bounds(sheet: Sheet) -> NDArray[np.int64]:
    """(N,) all bounds, sorted, in microseconds since 1970 UTC. Malformed ones are ignored: their rows always veto."""
    texts = {text for name in BOUNDS if name in sheet.columns for text in sheet.columns[name].unique().to_pylist()}
    moments = [moment for text in texts if text and (moment := _moment(text)) is not None]
    return np.unique(np.asarray(pa.array(moments, pa.timestamp("us", "UTC")).cast(pa.int64()), np.int64))


def any_between(bounds: NDArray[np.int64], after: datetime, until: datetime) -> bool:
    """Whether a bound lies in (after, until]."""
    ends = pa.array([after, until], pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    first, last = np.searchsorted(bounds, ends, side="right")
    return bool(first < last)


def _moment(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None
