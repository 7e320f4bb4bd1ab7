"""Build the report: read the manifest and the evidence, render the page, write the file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from anonymizer import __version__
from anonymizer.audit import evidence
from anonymizer.audit.evidence import KINDS, Evidence
from anonymizer.audit.report import content, tables
from anonymizer.audit.report.gather import Figures, columns, gather
from anonymizer.audit.report.page import EvidencePart, Page, render
from anonymizer.audit.report.records import Run, newest_runs, reconcile, status_differences
from anonymizer.audit.report.review_queue import ReviewQueue
from anonymizer.audit.report.settings import tables as settings_tables
from anonymizer.audit.report.thumbnails import Thumbnail, thumbnails
from anonymizer.audit.report.units import time_text
from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.files import read_uri, write_uri
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_manifest, open_output
from anonymizer.lake.storage import folder_uri, is_local, nested, normalize_uri
from anonymizer.records import Face
from anonymizer.sanitize import uri_without_secrets

THUMBNAILS = 60
FAILURES = 50


@dataclass(frozen=True)
class Options:
    """The options of a report.

    Attributes:
        html: The file to write, any fsspec URL.
        public: Leave out keys, thumbnails and consent.
        evidence: Files that evaluations wrote with `--json`, any fsspec URLs.
        thumbnails: Maximum number of photos in the review queue.
        failures: Maximum number of keys listed per error code.
    """

    html: str
    public: bool = False
    evidence: tuple[str, ...] = ()
    thumbnails: int = THUMBNAILS
    failures: int = FAILURES


@dataclass(frozen=True)
class Made:
    """Size and contents of the written report."""

    size_bytes: int
    rows: int
    photos: int
    refused: int


def report(config: RunConfig, options: Options) -> Made:
    """Writes the report on a manifest's current rows; reads OUTPUT and changes nothing in it.

    Args:
        config: OUTPUT and the manifest as given by the user, and storage options.
        options: The contents of the report and where to write it.

    Raises:
        UsageError: There is no manifest, a file cannot be read or written, or --html lies inside OUTPUT or the manifest
            (exit 2).
        RunError: The manifest cannot be read completely (exit 1).
    """
    config = _resolved(config, options)
    found = [_evidence(uri) for uri in options.evidence]
    manifest = open_manifest(config, config.manifest or "")
    if not manifest.run_ids():
        raise ConfigError(f"there is no manifest at {config.manifest}; --manifest URI says where it is")
    queue = None if options.public else ReviewQueue(options.thumbnails, _suspects(found))
    figures = gather(manifest.scan(columns(public=options.public)), queue, options.failures)
    pictures = [] if queue is None else _pictures(config, queue)
    page = _page(config, options.public, _Found(manifest, figures, found, pictures, queue))
    data = render(page)
    write_uri(options.html, data, private=config.storage.private and not options.public)
    return Made(len(data), figures.rows, len(pictures), len(page.refused))


def _resolved(config: RunConfig, options: Options) -> RunConfig:
    """The configuration with absolute URLs."""
    if not config.output:
        raise ConfigError("OUTPUT is needed")
    if min(options.thumbnails, options.failures) < 0:
        raise ConfigError("--thumbnails and --failures take a number from 0 on")
    output = folder_uri(config.output)
    if config.manifest is None and not is_local(output) and "/" not in output.partition("://")[2].strip("/"):
        raise ConfigError("OUTPUT is a bucket's root, so its manifest cannot lie beside it: give --manifest URI")
    manifest_uri = folder_uri(config.manifest or f"{output.rstrip('/')}.manifest")
    if nested(output, manifest_uri):
        raise ConfigError("OUTPUT and the manifest lie inside one another")
    page = normalize_uri(options.html)
    for name, folder in (("OUTPUT, which holds images only", output), ("the manifest's folder", manifest_uri)):
        if nested(folder, page):
            raise ConfigError(f"--html: the page cannot lie in {name}")
    return replace(config, output=output, manifest=manifest_uri)


def _evidence(uri: str) -> Evidence:
    data = read_uri(uri, "the evidence")
    try:
        return evidence.loads(data)
    except ConfigError as error:
        raise ConfigError(f"--evidence {uri_without_secrets(uri)}: {error}") from None


def _suspects(found: Sequence[Evidence]) -> dict[str, list[Face]]:
    """The second detector's suspected faces by key, from the evidence of verifications.

    Raises:
        ConfigError: The suspects are malformed.
    """
    boxes: dict[str, list[Face]] = {}
    try:
        for one in (one for part in found if part.kind == "verification" for one in part.figures.get("suspects", ())):
            x1, y1, x2, y2 = map(float, one["xyxy"])
            face = Face(int(one["frame"]), x1, y1, x2 - x1, y2 - y1, float(one["score"]), redacted=False)
            if not (face.w > 0 and face.h > 0 and math.isfinite(x1 + y1 + x2 + y2)):
                raise ValueError
            boxes.setdefault(str(one["key"]), []).append(face)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise ConfigError("--evidence: the suspects of a verification are not what anonymizer verify wrote") from None
    return boxes


def _pictures(config: RunConfig, queue: ReviewQueue) -> list[Thumbnail]:
    with open_output(config) as output:
        return list(thumbnails(queue.photos(), output, config.codec))


@dataclass(frozen=True)
class _Found:
    """The data from which the page is made."""

    manifest: ManifestStore
    figures: Figures
    evidence: Sequence[Evidence]
    pictures: Sequence[Thumbnail]
    queue: ReviewQueue | None


def _page(config: RunConfig, public: bool, found: _Found) -> Page:
    figures = found.figures
    runs, in_all = newest_runs(found.manifest)
    newest = runs[0] if runs and runs[0].run_id == found.manifest.run_ids()[-1] else None
    of_run: Counter[str] = figures.by("status", run_id=newest.run_id) if newest else Counter()
    checks = reconcile(newest, of_run, figures.rows)
    differing = [line for line in status_differences(newest, of_run) if line[1] != line[2]]
    refused = tuple(shot for shot in found.pictures if shot.finding is not None)
    record = newest.record if newest else {}
    set_by_hand, default = settings_tables(record.get("settings", {}), public=public)
    timed_run = _newest_run_with_rows(runs, figures)
    return Page(
        public=public,
        made=time_text(datetime.now(UTC)),
        version=__version__,
        facts=content.facts(config, newest, public=public),
        alerts=content.alerts(newest, checks, len(refused)),
        figures=content.headline(figures, newest),
        checks=tuple(checks),
        differences=content.differences(differing),
        outcomes=content.outcomes(figures),
        consent=tables.consents(figures) if not public else None,
        face_facts=content.face_facts(figures),
        face_charts=content.face_charts(figures),
        throughput_facts=content.throughput_facts(figures, timed_run),
        throughput=content.throughput(figures, timed_run),
        runs=tables.runs(runs, in_all, figures.by("run_id")),
        metadata=tables.metadata(figures),
        metadata_kept=tables.metadata_kept(figures),
        with_metadata=content.with_metadata(figures),
        failures=content.failures(figures),
        queue=content.queue(found.pictures),
        queue_note=content.queue_note(len(found.pictures) - len(refused), found.queue),
        refused=refused,
        evidence=_parts(found.evidence),
        provenance=(content.identity(record, public=public), tables.made_with(figures), set_by_hand),
        defaults=default,
    )


def _newest_run_with_rows(runs: Sequence[Run], figures: Figures) -> str | None:
    """The newest run with rows of its own, for the throughput; a run that changed nothing wrote none."""
    names = sorted({*(run.run_id for run in runs), *figures.timelines}, reverse=True)
    return next((name for name in names if name in figures.timelines), None)


def _parts(found: Sequence[Evidence]) -> tuple[EvidencePart, ...]:
    ordered = sorted(found, key=lambda part: KINDS.index(part.kind))
    parts = []
    for kind, group in groupby(ordered, key=lambda part: part.kind):
        for number, part in enumerate(group):
            slugs = (f"evidence-{kind}-{number}-{place}" for place in range(len(part.tables)))
            grids = tuple(map(tables.of_evidence, slugs, part.tables))
            parts.append(EvidencePart(content.EVIDENCE_HEADINGS[kind], part, grids))
    return tuple(parts)
