"""Executes a dry run: plans what a run would do and estimates its time from a sample. Publishes and starts nothing."""

from __future__ import annotations

import time
from datetime import datetime

from anonymizer.config import RunConfig
from anonymizer.errors import ObjectError, WrongOutput
from anonymizer.lake.identity import identify, missing_message
from anonymizer.lake.manifest import ManifestStore, Snapshot
from anonymizer.lake.naming import Places
from anonymizer.lake.roots import open_input, open_manifest_root, open_output
from anonymizer.people.consent import Registry
from anonymizer.pipeline import Anonymizer
from anonymizer.records import ManifestRow, WorkItem
from anonymizer.run.driver import unmatched
from anonymizer.run.driver.estimate import Sample, estimate
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.driver.planning import listing
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.plan.planner import Planner
from anonymizer.run.start.clock import decided_at
from anonymizer.run.summary import OK, Summary
from anonymizer.run.takedown.unsafe import unsafe_rows


class _Refused:
    """Counts the objects that the planner refuses without a worker (`PlanSink`)."""

    def __init__(self) -> None:
        self.count = 0

    def refuse(self, item: WorkItem, error: ObjectError, published: ManifestRow | None) -> None:
        del item, error, published
        self.count += 1

    def collide(self, item: WorkItem) -> None:
        del item
        self.count += 1


def dry_run(config: RunConfig, manifest_uri: str, as_of: datetime, places: Places) -> Summary:
    """Plans a run against the current manifest and, with `--estimate`, processes a sample in this process.

    Args:
        config: The settings, with full URLs.
        manifest_uri: Folder of the manifest.
        as_of: Time for which consent is evaluated, UTC.
        places: Maps keys of sources to keys of outputs.

    Raises:
        UsageError: The configuration or the registry is wrong, as it would be for a run.
        RunError: OUTPUT is missing, or the manifest cannot be read.
    """
    began = time.monotonic()
    summary = Summary(manifest_uri=manifest_uri, exit_status=OK)
    manifest_root = open_manifest_root(config, manifest_uri)
    manifest = ManifestStore(manifest_root)
    _require_output(config, manifest)
    as_of = decided_at(config, as_of, manifest).as_of
    inputs = Inputs(config, as_of)
    inputs.load()
    snapshot = Snapshot(manifest_root)
    inputs.read_suspects(manifest_root)
    _plan(config, inputs, snapshot, places, summary)
    _tell_unmatched(config, inputs.registry, summary)
    summary.to_take_down = sum(1 for _ in unsafe_rows(snapshot, inputs.registry, config, as_of))
    summary.seconds = time.monotonic() - began
    return summary


def _require_output(config: RunConfig, manifest: ManifestStore) -> None:
    output = open_output(config)
    if not identify(config, manifest, output).present:
        raise WrongOutput(missing_message(config, output))


def _plan(config: RunConfig, inputs: Inputs, snapshot: Snapshot, places: Places, summary: Summary) -> None:
    """Plans the listed objects, counts them, and with `--estimate` estimates the time from a sample."""
    refused, sample = _Refused(), Sample(config.estimate or 0)
    rows = CurrentRows(snapshot.scan, "", config.input)
    planner = Planner(config, rows, inputs.decisions(places), refused)
    with open_input(config) as source:
        for task in planner.tasks(listing(config, source, inputs.keys, summary.missing)):
            for item in task.items:
                sample.add(item)
        if config.estimate and sample.seen:
            anonymizer = Anonymizer(config, weights=inputs.weights)
            summary.estimate = estimate(config, anonymizer, source, sample)
    summary.listed, summary.listed_bytes = planner.listed, planner.listed_bytes
    summary.unchanged = planner.unchanged
    summary.statuses["to do"] = sample.seen
    summary.statuses["failed"] = refused.count


def _tell_unmatched(config: RunConfig, registry: Registry, summary: Summary) -> None:
    unmatched.record(registry, config, summary)
    if config.consent.strict:
        unmatched.raise_for(list(summary.objections_unmatched))
