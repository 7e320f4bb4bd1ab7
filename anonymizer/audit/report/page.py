"""Render the page: one self-contained HTML file without scripts and external resources."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import jinja2
import markupsafe

from anonymizer.audit.evidence import Evidence
from anonymizer.audit.report.charts import Chart
from anonymizer.audit.report.gather import Failure
from anonymizer.audit.report.records import Check
from anonymizer.audit.report.tables import Breakdown, Grid
from anonymizer.audit.report.thumbnails import Thumbnail
from anonymizer.audit.report.units import percent

_PACKAGE = "anonymizer.audit.report"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message at the top of the page."""

    level: Literal["good", "warn", "bad"]
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A labelled number."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The objects that failed with one error code; `keys` are the first of `count`."""

    code: str
    message: str
    count: int
    endings: tuple[tuple[str, int], ...]
    keys: tuple[Failure, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.keys)


@dataclass(frozen=True, slots=True)
class ThumbnailGroup:
    """The photos of the review queue with one reason."""

    heading: str
    explanation: str
    thumbnails: tuple[Thumbnail, ...]


@dataclass(frozen=True, slots=True)
class EvidencePart:
    """The evidence of one evaluation."""

    heading: str
    evidence: Evidence
    grids: tuple[Grid, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The content of the page in the template's order; on a public page, confidential fields are empty."""

    public: bool
    made: str
    version: str
    facts: tuple[tuple[str, str], ...]
    alerts: tuple[Alert, ...]
    figures: tuple[Figure, ...]
    checks: tuple[Check, ...]
    differences: Grid | None
    outcomes: tuple[Breakdown, ...]
    consent: Grid | None
    face_facts: tuple[Figure, ...]
    face_charts: tuple[Chart, ...]
    throughput_facts: tuple[Figure, ...]
    throughput: Chart | None
    runs: Grid
    metadata: Breakdown
    metadata_kept: Breakdown
    with_metadata: str
    failures: tuple[FailureGroup, ...]
    queue: tuple[ThumbnailGroup, ...]
    queue_note: str
    refused: tuple[Thumbnail, ...]
    evidence: tuple[EvidencePart, ...]
    provenance: tuple[Grid, ...]
    defaults: Grid | None


def render(page: Page) -> bytes:
    """Renders the page as UTF-8. All text is escaped; a content security policy forbids scripts and loading."""
    style = resources.files(_PACKAGE).joinpath("templates", "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"printable": printable, "percent": percent, "outline": outline, "marked": marked}
    template = environment.get_template("report.html.jinja")
    return template.render(page=page, style=style, policy=policy).encode()


def printable(text: str) -> str:
    """Escapes keys with non-printable characters, such as bidirectional controls: keys may come from anybody."""
    return text if text.isprintable() else ascii(text)


def outline(shot: Thumbnail, redacted: bool) -> str:
    """The boxes of a photo's redacted (or kept) faces, except highlighted ones, as one SVG path."""
    boxes = [box for box in shot.boxes if box.redacted == redacted and not box.focus]
    return "".join(f"M{box.x:.0f} {box.y:.0f}h{box.w:.0f}v{box.h:.0f}h-{box.w:.0f}z" for box in boxes)


def marked(text: str) -> markupsafe.Markup:
    """Renders text in backticks as `<code>`."""
    pieces = (
        markupsafe.Markup("<code>{}</code>").format(piece) if place % 2 else markupsafe.escape(piece)
        for place, piece in enumerate(text.split("`"))
    )
    return markupsafe.Markup("").join(pieces)
