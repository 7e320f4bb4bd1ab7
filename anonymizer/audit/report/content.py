"""Figures turned into what the page says: sentences, numbers at the top, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anonymizer.audit.report import charts, tables, wording
from anonymizer.audit.report.charts import Chart
from anonymizer.audit.report.doubt import SURE_SCORE, ReviewQueue
from anonymizer.audit.report.gather import Figures
from anonymizer.audit.report.page import Alert, FailureGroup, Figure, ShotGroup
from anonymizer.audit.report.records import EXIT_TEXTS, Check, Run
from anonymizer.audit.report.tables import Breakdown, Column, Grid
from anonymizer.audit.report.thumbnails import Shot
from anonymizer.audit.report.units import duration_text, milliseconds, percent, rate_text, time_text
from anonymizer.config import RunConfig
from anonymizer.run.summary import OK, size_text

EVIDENCE_HEADINGS = {
    "utility": "Utility: what training on the output loses",
    "privacy": "Privacy: whether redacted faces can be recognised",
    "verification": "Verification: a second look at what was published",
}
SHOWN_ENDINGS = 12
FEWEST_BARS = 5
"""A run of a few seconds has no course over time."""
_SMALL_FACE_PX = 32


def facts(config: RunConfig, run: Run | None, *, public: bool) -> tuple[tuple[str, str], ...]:
    """What the page is about."""
    places = [] if public else [("Output", config.output), ("Manifest", config.manifest or "")]
    if run is None:
        return tuple(places)
    started = f"{time_text(run.started)} UTC"
    took = f", {duration_text(run.seconds)}" if run.seconds is not None else ""
    of_run = [("Newest run", run.run_id), ("Started", started + took)]
    if not public:
        of_run.append(("Consent as of", str(run.record.get("as_of") or "–")))
    status = "none: it has not finished" if run.exit_status is None else str(run.exit_status)
    return (*places, *of_run, ("Exit status", status))


def alerts(run: Run | None, checks: Sequence[Check], refused: int) -> tuple[Alert, ...]:
    """What has to be seen first, the worst at the top."""
    found = []
    if differing := [check for check in checks if check.verdict == "differs"]:
        texts = "; ".join(f"{check.claim.lower()}: {check.figures}" for check in differing)
        found.append(Alert("bad", "The account does not balance.", f"What should hold and does not: {texts}."))
    if refused:
        text = f"{refused} of those looked at for the review queue; they are named there."
        found.append(Alert("bad", "Published files are not what the manifest says.", text))
    return (*found, _state(run))


def _state(run: Run | None) -> Alert:
    """How the newest run ended."""
    if run is None:
        text = "It is at work, or it was killed before it wrote its record."
        return Alert("warn", "The newest rows are of a run without a record.", text)
    if run.finished is None and run.counts is None:
        text = "It is at work, or was stopped or killed: this page shows what had been written by then. Started again"
        return Alert("warn", "The newest run has not finished.", f"{text} with the same arguments it goes on.")
    if run.finished is None:
        text = "More objects failed than --max-failures allows. Started again with the same arguments it goes on."
        return Alert("warn", "The newest run stopped early.", text)
    text = EXIT_TEXTS.get(run.exit_status or 0, "")
    title = f"Exit status {run.exit_status}."
    return Alert("good" if run.exit_status == OK else "bad" if text.startswith("NOT") else "warn", title, text)


def headline(figures: Figures, run: Run | None) -> tuple[Figure, ...]:
    """The few numbers at the top."""
    status = figures.by("status")
    listed = Figure("Listed", f"{run.listed:,}", "by the newest run") if run and run.listed is not None else None
    found = (
        listed,
        Figure("Current rows", f"{figures.rows:,}", f"{size_text(figures.source_bytes)} of sources"),
        Figure("Published", f"{figures.published:,}", size_text(figures.output_bytes)),
        Figure("Faces redacted", f"{figures.redacted:,}", f"of {figures.faces:,} found"),
        Figure("Failed", f"{status['failed']:,}", _share(status["failed"], figures.rows)),
        Figure("Metadata removed from", f"{figures.with_metadata:,}", f"of {figures.published:,} published"),
    )
    return tuple(figure for figure in found if figure is not None)


def _share(count: int, whole: int) -> str:
    return f"{percent(count / whole)} of the rows" if whole else ""


def differences(lines: Sequence[tuple[str, int, int]]) -> Grid | None:
    """Statuses of which the run counted others than are there; None without any."""
    if not lines:
        return None
    rows = tuple((name, f"{counted:,}", f"{there:,}", f"{there - counted:+,}") for name, counted, there in lines)
    columns: tuple[Column, ...] = (
        *(("Status", "code"), ("Counted by the run", "number"), ("In the manifest", "number")),
        ("Difference", "number"),
    )
    return Grid("differences", "Where they differ", columns, rows)


def outcomes(figures: Figures) -> tuple[Breakdown, ...]:
    """By status, error, format and encoding."""
    return (
        tables.statuses(figures),
        tables.error_codes(figures),
        tables.breakdown("formats", "Formats of what was published", "Format", figures.by("format"), {}),
        tables.breakdown("encodings", "How it was written", "Encoding", figures.by("encoding"), wording.ENCODING_TEXTS),
    )


def face_facts(figures: Figures) -> tuple[Figure, ...]:
    """Faces in numbers."""
    kept = figures.faces - figures.redacted
    small = int(figures.heights.counts[: figures.heights.edges.index(_SMALL_FACE_PX)].sum())
    with_faces = int(figures.per_image.counts[1:].sum())
    return (
        Figure("Faces found", f"{figures.faces:,}"),
        Figure("Redacted", f"{figures.redacted:,}"),
        Figure("Kept by consent", f"{kept:,}"),
        Figure("Photos with faces", f"{with_faces:,}", f"of {figures.published:,} published"),
        Figure(f"Lower than {_SMALL_FACE_PX} px", f"{small:,}"),
    )


def face_charts(figures: Figures) -> tuple[Chart, ...]:
    """How many in a photo, how large, how sure."""
    if not figures.per_image.counts.sum():
        return ()
    none, most = int(figures.per_image.counts[0]), int(figures.per_image.counts.sum())
    sure = int(figures.scores.counts[int(SURE_SCORE * 20) :].sum())
    in_all = int(figures.scores.counts.sum())
    return (
        charts.counted(
            *("per-image", "Faces in a photo", f"Photos by the number of their faces; {none:,} of {most:,} have none."),
            *(("Faces", "Photos"), figures.per_image),
        ),
        charts.counted(
            *("heights", "Height of faces", "Faces by the height of their box, in pixels of the photo."),
            *(("Height in px", "Faces"), figures.heights),
        ),
        charts.scores(
            *("scores", "Scores", f"Faces by the detector's score; {sure:,} of {in_all:,} have {SURE_SCORE} or more."),
            figures.scores,
        ),
    )


def pace_facts(figures: Figures, run_id: str | None) -> tuple[Figure, ...]:
    """Throughput in numbers."""
    if run_id is None:
        return ()
    line = figures.timelines[run_id]
    span = len(line.counts) * line.width_s
    median = figures.durations.quantile(0.5)
    slow = figures.durations.quantile(0.95)
    return (
        Figure("Objects of that run", f"{line.total:,}"),
        Figure("Objects per second", rate_text(line.total / span), f"over {duration_text(span)}"),
        Figure("Time for one object", milliseconds(median), f"median; 95 % within {milliseconds(slow)}"),
    )


def pace(figures: Figures, run_id: str | None) -> Chart | None:
    """Objects per second over the time of the newest run that did any."""
    if run_id is None or len(figures.timelines[run_id].counts) < FEWEST_BARS:
        return None
    return charts.throughput("pace", f"Objects per second, run {run_id}", figures.timelines[run_id])


def with_metadata(figures: Figures) -> str:
    """Of how many published photos the source carried any."""
    return f"Of {figures.published:,} published photos {figures.with_metadata:,} had metadata; all of it was removed."


def failures(figures: Figures) -> tuple[FailureGroup, ...]:
    """What stands as failed, by reason, the commonest first."""
    texts = wording.error_texts()
    counts = figures.by("error_code", status="failed")
    return tuple(
        FailureGroup(
            code or "unknown",
            texts.get(code or "", "no reason is known to this version"),
            count,
            tuple(figures.extensions[code].most_common(SHOWN_ENDINGS)) if code in figures.extensions else (),
            tuple(figures.failures.get(code, ())),
        )
        for code, count in counts.most_common()
    )


def queue(pictures: Sequence[Shot]) -> tuple[ShotGroup, ...]:
    """The photos that are shown, by reason."""
    groups = []
    for reason, (heading, explanation) in wording.REASON_TEXTS.items():
        shown = tuple(shot for shot in pictures if shot.finding is None and shot.photo.reason == reason)
        if shown:
            groups.append(ShotGroup(heading, explanation, shown))
    return tuple(groups)


def queue_note(shown: int, review: ReviewQueue | None) -> str:
    """What the queue holds, and what it does not."""
    if review is None:
        return ""
    doubtful = {0: "No published photo holds", 1: "One published photo holds"}.get(
        review.candidates, f"{review.candidates:,} published photos hold"
    )
    return (
        f"{doubtful} a face with a score below {SURE_SCORE}; {shown:,} are shown, as they were published. Look for "
        "faces that can still be seen. A face that was not found at all has no box and no score."
    )


def identity(record: Mapping[str, Any], *, public: bool) -> Grid:
    """Hashes and versions of the newest run."""
    rows = [("run_id", str(record.get("run_id", "–")))]
    if not public:
        rows += [(name, str(record.get(name) or "–")) for name in ("as_of", "registry_sha256")]
        rows.append(("arguments_sha256", str(record.get("arguments_sha256") or "–")))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.get("versions", {}).items()))
    rows.append(("versions", versions or "–"))
    return Grid("identity", "The newest run", (("What", "code"), ("Value", "text")), tuple(rows))
