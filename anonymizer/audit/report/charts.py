"""Compute bar charts: bars in percent of the drawing area for the template's SVG, axis labels and a table of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from anonymizer.audit.report.tally import Histogram, Timeline
from anonymizer.audit.report.units import duration_text, moment, rate_text


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `x`, `width` and `height` in percent of the drawing area."""

    name: str
    value: str
    x: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart.

    Attributes:
        slug: Prefix of HTML ids, unique on the page.
        title: The title.
        summary: What the chart shows, in a sentence; also the text alternative for screen readers.
        name_heading: Heading of the first column of the table of values.
        value_heading: Heading of the second column.
        top: Label at the top of the vertical axis.
        labels: Labels of the horizontal axis, evenly spaced.
        spread: `each`: one label below each bar; `ends`: labels from the start of the first bar to the end of the last.
    """

    slug: str
    title: str
    summary: str
    name_heading: str
    value_heading: str
    bars: tuple[Bar, ...]
    top: str
    labels: tuple[str, ...]
    spread: str = "each"


def _bars(names: Sequence[str], values: Sequence[float], texts: Sequence[str]) -> tuple[Bar, ...]:
    top = max(values, default=0) or 1
    step = 100 / max(1, len(values))
    gap = min(step * 0.18, 1.5)
    return tuple(
        Bar(name, text, round(i * step + gap / 2, 3), round(step - gap, 3), round(100 * value / top, 2))
        for i, (name, value, text) in enumerate(zip(names, values, texts, strict=True))
    )


def counted(slug: str, title: str, summary: str, headings: tuple[str, str], histogram: Histogram) -> Chart:
    """A histogram of whole numbers; bars are named by their range."""
    names = ranges(histogram.edges)
    counts = histogram.counts.tolist()
    bars = _bars(names, counts, [f"{count:,}" for count in counts])
    return Chart(slug, title, summary, *headings, bars, f"{max(counts):,}", tuple(names))


def ranges(edges: Sequence[float]) -> list[str]:
    """`0`, `5–9`, `100+`: the whole numbers from each edge up to the next."""
    names = []
    for low, high in pairwise(edges):
        names.append(f"{low:g}" if high - low == 1 else f"{low:g}–{high - 1:g}")
    return [*names, f"{edges[-1]:g}+"]


def scores(slug: str, title: str, summary: str, histogram: Histogram) -> Chart:
    """A histogram of detector scores."""
    edges = [*histogram.edges, 1.0]
    names = [f"{low:.2f}–{high:.2f}" for low, high in pairwise(edges)]
    counts = histogram.counts.tolist()
    bars = _bars(names, counts, [f"{count:,}" for count in counts])
    labels = ("0", "0.25", "0.5", "0.75", "1")
    return Chart(slug, title, summary, "Score", "Faces", bars, f"{max(counts):,}", labels, "ends")


def throughput(slug: str, title: str, timeline: Timeline) -> Chart:
    """A run's objects per second over time."""
    rates = [count / timeline.width_s for count in timeline.counts]
    starts = [timeline.start_s + i * timeline.width_s for i in range(len(rates))]
    names = [f"{moment(start)}" for start in starts]
    bars = _bars(names, rates, [rate_text(rate) for rate in rates])
    end = timeline.start_s + len(rates) * timeline.width_s
    middle = timeline.start_s + len(rates) * timeline.width_s // 2
    labels = tuple(moment(at, day=at == timeline.start_s) for at in (timeline.start_s, middle, end))
    mean = timeline.total / max(1, end - timeline.start_s)
    each = duration_text(timeline.width_s)
    summary = f"{rate_text(mean)} objects per second on average, {rate_text(max(rates))} at most; each bar is {each}."
    top = f"{rate_text(max(rates))}/s"
    return Chart(slug, title, summary, "From (UTC)", "Objects per second", bars, top, labels, "ends")
