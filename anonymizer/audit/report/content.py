"""Turn the figures into the texts of the page: alerts, headline figures, sentences and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anonymizer.audit.report import charts, tables, wording
from anonymizer.audit.report.charts import Chart
from anonymizer.audit.report.gather import Figures
from anonymizer.audit.report.page import Alert, FailureGroup, Figure, ThumbnailGroup
from anonymizer.audit.report.records import EXIT_TEXTS, Check, Run
from anonymizer.audit.report.review_queue import SURE_SCORE, ReviewQueue
from anonymizer.audit.report.tables import Breakdown, Column, Grid
from anonymizer.audit.report.thumbnails import Thumbnail
from anonymizer.audit.report.units import duration_text, milliseconds, percent, rate_text, time_text
from anonymizer.config import RunConfig
from anonymizer.run.summary import OK, size_text

EVIDENCE_HEADINGS = {
    "utility": "Utility: accuracy lost by training on the output",
    "privacy": "Privacy: re-identification of redacted faces",
    "verification": "Verification: published files and a second detector",
}
SHOWN_ENDINGS = 12
FEWEST_BARS = 5
"""With fewer bars there is no throughput chart: a run of a few seconds shows no development over time."""
_SMALL_FACE_PX = 32


def facts(config: RunConfig, run: Run | None, *, public: bool) -> tuple[tuple[str, str], ...]:
    """The facts below the page's title."""
    places = [] if public else [("Output", config.output), ("Manifest", config.manifest or "")]
    if run is None:
        return tuple(places)
    started = f"{time_text(run.started)} UTC"
    took = f", {duration_text(run.seconds)}" if run.seconds is not None else ""
    of_run = [("Newest run", run.run_id), ("Started", started + took)]
    if not public:
        of_run.append(("Consent as of", str(run.record.get("as_of") or "–")))
    status = "none: the run has not finished" if run.exit_status is None else str(run.exit_status)
    return (*places, *of_run, ("Exit status", status))


def alerts(run: Run | None, checks: Sequence[Check], refused: int) -> tuple[Alert, ...]:
    """The alerts at the top of the page, the most serious first."""
    found = []
    if differing := [check for check in checks if check.verdict == "differs"]:
        texts = "; ".join(f"{check.claim.lower()}: {check.figures}" for check in differing)
        found.append(Alert("bad", "Reconciliation failed.", f"These checks do not hold: {texts}."))
    if refused:
        text = f"{refused} of the files read for the review queue; they are listed there."
        found.append(Alert("bad", "Published files do not match the manifest.", text))
    return (*found, _state(run))


def _state(run: Run | None) -> Alert:
    """The alert about how the newest run ended."""
    if run is None:
        text = "The run is active, or it was killed before it wrote its record."
        return Alert("warn", "The newest rows belong to a run without a record.", text)
    if run.finished is None and run.counts is None:
        text = "It is active, or was stopped or killed; this page shows what it had written so far. To resume it,"
        return Alert("warn", "The newest run has not finished.", f"{text} start it again with the same arguments.")
    if run.finished is None:
        text = "More objects failed than --max-failures allows. To resume it, start it again with the same arguments."
        return Alert("warn", "The newest run stopped early.", text)
    text = EXIT_TEXTS.get(run.exit_status or 0, "")
    title = f"Exit status {run.exit_status}."
    return Alert("good" if run.exit_status == OK else "bad" if text.startswith("NOT") else "warn", title, text)


def headline(figures: Figures, run: Run | None) -> tuple[Figure, ...]:
    """The headline figures."""
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
    """The statuses whose count in the run's record differs from the manifest; None if there are none."""
    if not lines:
        return None
    rows = tuple((name, f"{counted:,}", f"{there:,}", f"{there - counted:+,}") for name, counted, there in lines)
    columns: tuple[Column, ...] = (
        *(("Status", "code"), ("Counted by the run", "number"), ("In the manifest", "number")),
        ("Difference", "number"),
    )
    return Grid("differences", "Differing counts", columns, rows)


def outcomes(figures: Figures) -> tuple[Breakdown, ...]:
    """Breakdowns by status, error code, format and encoding."""
    return (
        tables.statuses(figures),
        tables.error_codes(figures),
        tables.breakdown("formats", "Formats of published files", "Format", figures.by("format"), {}),
        tables.breakdown(
            "encodings", "Encoding of published files", "Encoding", figures.by("encoding"), wording.ENCODING_TEXTS
        ),
    )


def face_facts(figures: Figures) -> tuple[Figure, ...]:
    """Figures on faces."""
    kept = figures.faces - figures.redacted
    small = int(figures.heights.counts[: figures.heights.edges.index(_SMALL_FACE_PX)].sum())
    with_faces = int(figures.per_image.counts[1:].sum())
    return (
        Figure("Faces found", f"{figures.faces:,}"),
        Figure("Redacted", f"{figures.redacted:,}"),
        Figure("Kept by consent", f"{kept:,}"),
        Figure("Photos with faces", f"{with_faces:,}", f"of {figures.published:,} published"),
        Figure(f"Smaller than {_SMALL_FACE_PX} px", f"{small:,}", "height of the box"),
    )


def face_charts(figures: Figures) -> tuple[Chart, ...]:
    """Histograms of faces per photo, face height and score."""
    if not figures.per_image.counts.sum():
        return ()
    none, most = int(figures.per_image.counts[0]), int(figures.per_image.counts.sum())
    sure = int(figures.scores.counts[int(SURE_SCORE * 20) :].sum())
    in_all = int(figures.scores.counts.sum())
    return (
        charts.counted(
            *("per-image", "Faces per photo", f"Photos by number of faces; {none:,} of {most:,} have none."),
            *(("Faces", "Photos"), figures.per_image),
        ),
        charts.counted(
            *("heights", "Face height", "Faces by the height of their box, in pixels of the photo."),
            *(("Height in px", "Faces"), figures.heights),
        ),
        charts.scores(
            *("scores", "Scores", f"Faces by detector score; {sure:,} of {in_all:,} score {SURE_SCORE} or more."),
            figures.scores,
        ),
    )


def throughput_facts(figures: Figures, run_id: str | None) -> tuple[Figure, ...]:
    """Figures on throughput."""
    if run_id is None:
        return ()
    line = figures.timelines[run_id]
    span = len(line.counts) * line.width_s
    median = figures.durations.quantile(0.5)
    slow = figures.durations.quantile(0.95)
    return (
        Figure("Objects processed by the run", f"{line.total:,}"),
        Figure("Objects per second", rate_text(line.total / span), f"over {duration_text(span)}"),
        Figure("Time per object", milliseconds(median), f"median; 95th percentile {milliseconds(slow)}"),
    )


def throughput(figures: Figures, run_id: str | None) -> Chart | None:
    """The throughput chart of a run; None if the run is too short for one."""
    if run_id is None or len(figures.timelines[run_id].counts) < FEWEST_BARS:
        return None
    return charts.throughput("pace", f"Objects per second, run {run_id}", figures.timelines[run_id])


def with_metadata(figures: Figures) -> str:
    """The sentence on how many sources had metadata."""
    return f"{figures.with_metadata:,} of {figures.published:,} published photos had metadata; all of it was removed."


def failures(figures: Figures) -> tuple[FailureGroup, ...]:
    """The failed objects grouped by error code, the most frequent first."""
    texts = wording.error_texts()
    counts = figures.by("error_code", status="failed")
    return tuple(
        FailureGroup(
            code or "unknown",
            texts.get(code or "", "this version does not know the error code"),
            count,
            tuple(figures.extensions[code].most_common(SHOWN_ENDINGS)) if code in figures.extensions else (),
            tuple(figures.failures.get(code, ())),
        )
        for code, count in counts.most_common()
    )


def queue(pictures: Sequence[Thumbnail]) -> tuple[ThumbnailGroup, ...]:
    """The photos of the review queue, grouped by reason."""
    groups = []
    for reason, (heading, explanation) in wording.REASON_TEXTS.items():
        shown = tuple(shot for shot in pictures if shot.finding is None and shot.photo.reason == reason)
        if shown:
            groups.append(ThumbnailGroup(heading, explanation, shown))
    return tuple(groups)


def queue_note(shown: int, review: ReviewQueue | None) -> str:
    """The introduction to the review queue: its contents and its limits."""
    if review is None:
        return ""
    low_score = {0: "No published photo has", 1: "One published photo has"}.get(
        review.candidates, f"{review.candidates:,} published photos have"
    )
    return (
        f"{low_score} a face with a score below {SURE_SCORE}. These are {shown:,} photos as published. "
        "Look for faces that are still visible. A face that was not detected has no box and no score."
    )


def identity(record: Mapping[str, Any], *, public: bool) -> Grid:
    """The newest run's id, hashes and software versions."""
    rows = [("run_id", str(record.get("run_id", "–")))]
    if not public:
        rows += [(name, str(record.get(name) or "–")) for name in ("as_of", "registry_sha256")]
        rows.append(("arguments_sha256", str(record.get("arguments_sha256") or "–")))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.get("versions", {}).items()))
    rows.append(("versions", versions or "–"))
    return Grid("identity", "The newest run", (("Field", "code"), ("Value", "text")), tuple(rows))
