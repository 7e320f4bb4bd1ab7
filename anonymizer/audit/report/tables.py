"""Build the tables of the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from anonymizer.audit import evidence
from anonymizer.audit.report import wording
from anonymizer.audit.report.gather import Figures
from anonymizer.audit.report.records import Run
from anonymizer.audit.report.units import duration_text, time_text
from anonymizer.image.metadata import NAMES

Kind = Literal["text", "line", "number", "code"]
Column = tuple[str, Kind]
"""Heading and kind of the cells; cells of all kinds but `text` are not wrapped."""

SHOWN_KINDS = 12
"""Kinds of metadata shown at first; the others can be expanded."""

_NUMBER = re.compile(r"[<>≤≥~≈+\-−±]*[\d.]")


@dataclass(frozen=True, slots=True)
class Share:
    """A line of a breakdown: a name, its meaning, its count and its share of the total."""

    name: str
    detail: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A table of counts and shares. `heading` and `unit` head the names and counts; `more` can be expanded."""

    slug: str
    caption: str
    heading: str
    unit: str
    lines: tuple[Share, ...]
    more: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A plain table; the first cell of each row is its header.

    Attributes:
        details: Explanations shown below the first cell of each row, or empty.
    """

    slug: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    details: tuple[str, ...] = ()


def breakdown(
    slug: str, caption: str, heading: str, counts: Counter[str | None], texts: Mapping[str, str]
) -> Breakdown:
    """Counts with their shares of the sum, largest first; nulls are ignored.

    Args:
        slug: Prefix of HTML ids.
        caption: The table's caption.
        heading: Heading of the names.
        counts: Counts by name.
        texts: The names' meanings.
    """
    named = sorted(((name, count) for name, count in counts.items() if name), key=lambda pair: (-pair[1], pair[0]))
    whole = sum(count for _, count in named)
    lines = (Share(name, texts.get(name, ""), count, count / whole) for name, count in named)
    return Breakdown(slug, caption, heading, "Objects", tuple(lines))


def statuses(figures: Figures) -> Breakdown:
    """Objects by status, in the order of `wording`."""
    found = figures.by("status")
    names = [name for name in wording.STATUS_TEXTS if found[name]]
    lines = (Share(name, wording.STATUS_TEXTS[name], found[name], found[name] / figures.rows) for name in names)
    return Breakdown("status", "Objects by status", "Status", "Objects", tuple(lines))


def error_codes(figures: Figures) -> Breakdown:
    """Objects without a new output by error code."""
    texts = wording.error_texts()
    lines = []
    for (status, code), count in figures.by("status", "error_code").most_common():
        if code is not None:
            lines.append(Share(code, f"{status}: {texts.get(code, '')}", count, count / figures.rows))
    return Breakdown("codes", "Objects without a new output, by error code", "Code", "Objects", tuple(lines))


def consents(figures: Figures) -> Grid:
    """Objects by consent and status."""
    cells, names = figures.by("consent_status", "status"), _consent_names(figures)
    shown = [status for status in wording.STATUS_TEXTS if any(cells[name, status] for name in names)]
    rows = []
    for name in names:
        counts = [cells[name, status] for status in shown]
        rows.append((name, *map(_count, counts), f"{sum(counts):,}"))
    columns: list[Column] = [("Consent", "code"), *((status, "number") for status in (*shown, "all"))]
    details = tuple(wording.CONSENT_TEXTS[name] for name in names)
    return Grid("consent", "Consent and status", tuple(columns), tuple(rows), "", details)


def _consent_names(figures: Figures) -> list[str]:
    found = figures.by("consent_status")
    return [name for name in wording.CONSENT_TEXTS if found[name]]


def _count(count: int) -> str:
    return f"{count:,}" if count else "–"


def metadata(figures: Figures) -> Breakdown:
    """Kinds of metadata found in sources and removed, most frequent first."""
    return _kinds("metadata", "Metadata found and removed, by kind", figures.metadata, figures.published)


def metadata_kept(figures: Figures) -> Breakdown:
    """Kinds of metadata in outputs that `metadata.keep` asked for."""
    return _kinds("kept", "Metadata kept (metadata.keep), by kind", figures.metadata_kept, figures.published)


def _kinds(slug: str, caption: str, counts: Counter[str], whole: int) -> Breakdown:
    found = tuple(Share(name, NAMES.get(name, ""), count, count / whole) for name, count in counts.most_common())
    return Breakdown(slug, caption, "Kind", "Objects", found[:SHOWN_KINDS], found[SHOWN_KINDS:])


def made_with(figures: Figures) -> Grid:
    """Current rows by detector, method, software version and settings."""
    cells = figures.by("detector", "method", "software_version", "settings_sha256")
    rows = [
        (*(value or "–" for value in (detector, method, version)), (settings or "–")[:12], f"{count:,}")
        for (detector, method, version, settings), count in cells.most_common(20)
    ]
    columns: tuple[Column, ...] = (
        *(("Detector", "code"), ("Method", "code"), ("Version", "code"), ("Settings (SHA-256)", "code")),
        ("Rows", "number"),
    )
    note = f"{len(cells) - 20:,} more combinations." if len(cells) > 20 else ""
    return Grid("made", "Current rows by detector, method, version and settings", columns, tuple(rows), note)


def runs(found: Sequence[Run], in_all: int, rows_of: Counter[str | None]) -> Grid:
    """The last runs, newest first."""
    rows = []
    for run in found:
        took = duration_text(run.seconds) if run.seconds is not None else "–"
        status = "not finished" if run.finished is None else str(run.exit_status)
        numbers = [_optional(value) for value in (run.listed, run.written, run.unchanged)]
        rows.append((run.run_id, time_text(run.started), took, status, *numbers, f"{rows_of[run.run_id]:,}"))
    columns: tuple[Column, ...] = (
        *(("Run", "code"), ("Started (UTC)", "line"), ("Took", "number"), ("Exit status", "number")),
        *(("Listed", "number"), ("Written", "number"), ("Unchanged", "number"), ("Current rows", "number")),
    )
    note = f"{in_all - len(found):,} older runs are not shown." if in_all > len(found) else ""
    return Grid("runs", "Runs, newest first", columns, tuple(rows), note)


def _optional(value: int | None) -> str:
    return f"{value:,}" if value is not None else "–"


def of_evidence(slug: str, table: evidence.Table) -> Grid:
    """A table of evidence; columns whose cells are all numbers are right-aligned."""
    columns: list[Column] = []
    for place, heading in enumerate(table.columns):
        cells = [row[place] for row in table.rows if place < len(row) and row[place] not in ("", "–", "—", "-")]
        numeric = place > 0 and bool(cells) and all(_NUMBER.match(cell) for cell in cells)
        columns.append((heading, "number" if numeric else "text"))
    return Grid(slug, table.title, tuple(columns), table.rows, table.note)
