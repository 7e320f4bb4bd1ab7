"""Tables of the page, as texts in the order in which they are read."""

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
"""Heading, and how the cells below it are set; all but `text` stay on one line."""

SHOWN_KINDS = 12
"""Kinds of metadata that are shown at once; the others on demand."""

_NUMBER = re.compile(r"[<>≤≥~≈+\-−±]*[\d.]")


@dataclass(frozen=True, slots=True)
class Share:
    """A line of a breakdown: how many of all, and what it means."""

    name: str
    detail: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How a whole divides; `heading` says into what, `unit` of what. `more` is shown on demand."""

    slug: str
    caption: str
    heading: str
    unit: str
    lines: tuple[Share, ...]
    more: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A plain table; every column has a heading and a kind, the first one heads its row.

    Attributes:
        details: What is said below the first cell of each row, if anything is.
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
    """Counts as shares of their sum, the greatest first; nulls do not count.

    Args:
        slug: For ids.
        caption: Of the table.
        heading: Of the names.
        counts: By name.
        texts: What names mean.
    """
    named = sorted(((name, count) for name, count in counts.items() if name), key=lambda pair: (-pair[1], pair[0]))
    whole = sum(count for _, count in named)
    lines = (Share(name, texts.get(name, ""), count, count / whole) for name, count in named)
    return Breakdown(slug, caption, heading, "Objects", tuple(lines))


def statuses(figures: Figures) -> Breakdown:
    """What became of the objects, in the order of `wording`."""
    found = figures.by("status")
    names = [name for name in wording.STATUS_TEXTS if found[name]]
    lines = (Share(name, wording.STATUS_TEXTS[name], found[name], found[name] / figures.rows) for name in names)
    return Breakdown("status", "What became of the objects", "Status", "Objects", tuple(lines))


def error_codes(figures: Figures) -> Breakdown:
    """Why objects have no new output."""
    texts = wording.error_texts()
    lines = []
    for (status, code), count in figures.by("status", "error_code").most_common():
        if code is not None:
            lines.append(Share(code, f"{status}: {texts.get(code, '')}", count, count / figures.rows))
    return Breakdown("codes", "Why objects have no new output", "Code", "Objects", tuple(lines))


def consents(figures: Figures) -> Grid:
    """Consent against what became of the objects."""
    cells, names = figures.by("consent_status", "status"), _consent_names(figures)
    shown = [status for status in wording.STATUS_TEXTS if any(cells[name, status] for name in names)]
    rows = []
    for name in names:
        counts = [cells[name, status] for status in shown]
        rows.append((name, *map(_count, counts), f"{sum(counts):,}"))
    columns: list[Column] = [("Consent", "code"), *((status, "number") for status in (*shown, "all"))]
    details = tuple(wording.CONSENT_TEXTS[name] for name in names)
    return Grid("consent", "Consent and outcome", tuple(columns), tuple(rows), "", details)


def _consent_names(figures: Figures) -> list[str]:
    found = figures.by("consent_status")
    return [name for name in wording.CONSENT_TEXTS if found[name]]


def _count(count: int) -> str:
    return f"{count:,}" if count else "–"


def metadata(figures: Figures) -> Breakdown:
    """What sources carried, the commonest first."""
    return _kinds("metadata", "Found and removed, by kind", figures.metadata, figures.published)


def metadata_kept(figures: Figures) -> Breakdown:
    """What outputs hold because `metadata.keep` asked for it."""
    return _kinds("kept", "Rebuilt on purpose", figures.metadata_kept, figures.published)


def _kinds(slug: str, caption: str, counts: Counter[str], whole: int) -> Breakdown:
    found = tuple(Share(name, NAMES.get(name, ""), count, count / whole) for name, count in counts.most_common())
    return Breakdown(slug, caption, "Kind", "Objects", found[:SHOWN_KINDS], found[SHOWN_KINDS:])


def made_with(figures: Figures) -> Grid:
    """With which detector, method, settings and version the current rows were made."""
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
    return Grid("made", "With what the current rows were made", columns, tuple(rows), note)


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
        *(("Listed", "number"), ("Written", "number"), ("As they were", "number"), ("Rows that still count", "number")),
    )
    note = f"{in_all - len(found):,} older runs are not shown." if in_all > len(found) else ""
    return Grid("runs", "Runs, newest first", columns, tuple(rows), note)


def _optional(value: int | None) -> str:
    return f"{value:,}" if value is not None else "–"


def of_evidence(slug: str, table: evidence.Table) -> Grid:
    """A table of an evaluation; columns of figures are set as such."""
    columns: list[Column] = []
    for place, heading in enumerate(table.columns):
        cells = [row[place] for row in table.rows if place < len(row) and row[place] not in ("", "–", "—", "-")]
        numeric = place > 0 and bool(cells) and all(_NUMBER.match(cell) for cell in cells)
        columns.append((heading, "number" if numeric else "text"))
    return Grid(slug, table.title, tuple(columns), table.rows, table.note)
