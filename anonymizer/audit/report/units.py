"""Format numbers, durations and times for people."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(seconds: float, *, day: bool = True) -> str:
    """A time in UTC, with or without the date.

    Args:
        seconds: Since the epoch.
        day: Include the date.
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")


def rate_text(rate: float) -> str:
    """A rate with two to three significant digits."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 1 else f"{rate:.2g}"


def duration_text(seconds: float) -> str:
    """`39 s`, `12 min`, `3.4 h`, `2.1 days`."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            value = seconds / unit
            return f"{value:.0f} {name}" if value >= 10 or value == int(value) else f"{value:.1f} {name}"
    return f"{seconds / 86_400:.1f} days"


def time_text(time: datetime | None) -> str:
    """Date and time to the second; a dash for None."""
    return time.strftime("%Y-%m-%d %H:%M:%S") if time is not None else "–"


def milliseconds(duration_ms: float | None) -> str:
    """`120 ms`, `3.4 s`."""
    if duration_ms is None:
        return "–"
    return f"{duration_ms:.0f} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.1f} s"


def percent(share: float) -> str:
    """A share as a percentage: one decimal below 10 %; values near 0 and 100 are never rounded to 0 or 100."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    digits = 0 if share >= 0.1 or share == 0 else 1
    return f"{100 * share:.{digits}f} %"
