"""Executes the steps of a run in their order; each step has a module of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from anonymizer.config import RunConfig
from anonymizer.errors import AnonymizerError, ObjectError, OutputLost, RunError, UsageError
from anonymizer.lake import lease
from anonymizer.lake.manifest import ManifestStore, Snapshot
from anonymizer.lake.naming import Places
from anonymizer.lake.roots import close_to_others, open_input, open_manifest_root
from anonymizer.lake.storage import Listed, Root, VersionCursor
from anonymizer.run.context import RunContext
from anonymizer.run.driver import unmatched
from anonymizer.run.driver.begin import begin
from anonymizer.run.driver.dispatch import Dispatcher
from anonymizer.run.driver.finish import finish, prune
from anonymizer.run.driver.inputs import Inputs
from anonymizer.run.driver.outcomes import Outcomes
from anonymizer.run.driver.planning import adopted_outputs, counted, listing, whole_input
from anonymizer.run.marked_output import MarkedOutput
from anonymizer.run.plan.changed_shards import changed_shards
from anonymizer.run.plan.current_rows import CurrentRows
from anonymizer.run.plan.planner import Planner
from anonymizer.run.recorder import Progress, Recorder, Stamp, TooManyFailures
from anonymizer.run.start.clock import decided_at
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.summary import UNSAFE_LEFT, Summary, failure_limit, parse_limit
from anonymizer.run.takedown.pending import record_pending_removals
from anonymizer.run.takedown.requested import remove_requested
from anonymizer.run.takedown.take_down import take_down_expired, take_down_unsafe

log = logging.getLogger(__name__)


class Driver:
    """Opens OUTPUT and the manifest, takes the lease, and executes the run.

    Args:
        config: The settings, with full URLs.
        manifest_uri: Folder of the manifest.
        as_of: Time for which consent is evaluated, UTC.
        progress: Is notified of the run's progress.
        places: Maps keys of sources to keys of outputs.
        keys: The objects to process; overrides `config.keys`.

    Attributes:
        summary: The results of the run.

    Raises:
        ConfigError: A folder cannot be opened, or a limit is malformed.
    """

    def __init__(
        self,
        config: RunConfig,
        manifest_uri: str,
        as_of: datetime,
        progress: Progress,
        places: Places,
        keys: KeyList | None = None,
    ) -> None:
        self._config = config
        self._stamp = Stamp(as_of, None, config.consent.purpose)
        self._progress = progress
        self._places = places
        self._keys = keys
        self._manifest_root = open_manifest_root(config, manifest_uri)
        self._manifest = ManifestStore(self._manifest_root)
        self._output = MarkedOutput(config, self._manifest)
        self._failure_limit = failure_limit(config.max_failures)
        self._prune_limit = parse_limit(config.prune_limit, "--prune-limit")
        self.summary = Summary(manifest_uri=manifest_uri)

    def run(self) -> None:
        """Executes the run; see `anonymizer.run.driver.run`."""
        close_to_others(self._config, self._manifest_root)
        with lease.acquire(self._manifest_root, self._config.engine.lease_s) as held:
            self._output.identify()
            try:
                Session(self.context(held), self._progress, self._keys).run()
            except OutputLost as error:
                if not self.summary.unsafe_left:
                    raise
                log.error("%s", error)
                self.summary.exit_status = UNSAFE_LEFT

    def context(self, held: lease.Lease) -> RunContext:
        """Makes the context that every step of the run uses.

        Args:
            held: The run's lease.
        """
        return RunContext(
            config=self._config,
            places=self._places,
            manifest_root=self._manifest_root,
            manifest=self._manifest,
            output=self._output,
            summary=self.summary,
            recorder=Recorder(self.summary, self._manifest, self._progress, self._failure_limit, self._stamp),
            lease=held,
            failure_limit=self._failure_limit,
            prune_limit=self._prune_limit,
        )


class Session:
    """One execution of a run in one process. A run that was interrupted and resumed has several sessions.

    Args:
        run: The run; it has the lease, and OUTPUT is identified.
        progress: Is notified of the run's progress.
        keys: The objects to process; overrides the setting `keys`.
    """

    def __init__(self, run: RunContext, progress: Progress, keys: KeyList | None) -> None:
        self._run = run
        self._decided = decided_at(run.config, run.as_of, run.manifest)
        run.recorder.stamp = replace(run.recorder.stamp, as_of=self._decided.as_of)
        self._inputs = Inputs(run.config, run.as_of, keys)
        self._dispatcher = Dispatcher(run, self._inputs, progress)
        self._redacted_again: frozenset[str] = frozenset()
        self._changed_shards: frozenset[str] = frozenset()

    def run(self) -> None:
        """Executes all steps.

        Raises:
            UsageError: An input of the run is wrong; outputs whose consent has expired were taken down all the same.
            OutputLost: OUTPUT is missing, or went missing during the run.
            RunError: The run cannot continue, or more outputs than `--prune-limit` have no source.
        """
        run, inputs = self._run, self._inputs
        self._load_inputs()
        if not run.output.identity.present:
            record_pending_removals(run, inputs.registry, inputs.keys)
        unreadable = self._read_suspects()
        record = begin(run, inputs.registry, self._decided)
        snapshot = take_down_unsafe(run, inputs.registry, self._redact)
        if unreadable is not None:
            raise unreadable
        self._require_objections_to_match()
        if inputs.keys is not None:
            snapshot = remove_requested(run, inputs.keys, inputs.registry, snapshot)
        self._changed_shards = changed_shards(snapshot, inputs.registry, run.as_of)
        rows = run.current_rows(snapshot)
        pruned = self._anonymize(rows)
        finish(run, inputs, record, pruned=pruned)
        if not pruned:
            raise RunError(
                f"{rows.gone_published} of {rows.published} outputs no longer have a source, which is more than "
                f"--prune-limit {run.config.prune_limit}: none of them was removed"
            )

    def _load_inputs(self) -> None:
        """Reads the run's inputs; if that fails, takes down the outputs whose consent has expired, then raises."""
        run = self._run
        try:
            self._inputs.load()
        except UsageError:
            if run.output.identity.present and run.manifest.run_ids():
                self._take_down_expired()
            raise
        run.recorder.stamp = replace(run.recorder.stamp, registry_sha256=self._inputs.registry.sha256)

    def _take_down_expired(self) -> None:
        if self._run.config.in_place:
            self._inputs.load_weights()
        # Writes the run's record, so that the time of the decision is stored and the run counts as unfinished.
        begin(self._run, self._inputs.registry, self._decided)
        take_down_expired(self._run, self._redact)

    def _read_suspects(self) -> AnonymizerError | None:
        """Reads the suspects; returns an error instead of raising it, so that unsafe outputs are taken down first."""
        try:
            self._inputs.read_suspects(self._run.manifest_root)
        except (RunError, ObjectError) as error:
            return error
        return None

    def _require_objections_to_match(self) -> None:
        """With `consent.strict`: raises RegistryError if an objection matches no object."""
        config = self._run.config
        if config.consent.strict:
            with open_input(config) as source:
                unmatched.require(self._inputs.registry, config, self._run.summary, source.list())

    def _redact(self, keys: list[str], snapshot: Snapshot) -> None:
        """Makes these photos (in place) or shards again, even if they are not in the part of INPUT to process."""
        with open_input(self._run.config) as source:
            found = (entry for entry in map(source.stat, keys) if entry is not None)
            self._work(source, self._run.current_rows(snapshot), found, forced=True)
        self._redacted_again = frozenset(keys)

    def _anonymize(self, rows: CurrentRows) -> bool:
        """Processes all objects that are new or changed; returns False if more outputs than allowed would be pruned."""
        run, keys, pruned = self._run, self._inputs.keys, True
        try:
            with open_input(run.config) as source:
                listed = listing(run.config, source, keys, run.summary.missing)
                self._work(source, rows, listed, adopted_outputs(run))
                if keys is None and source.only is None:
                    pruned = prune(run, rows)
        except TooManyFailures:
            run.summary.stopped_early = True
        run.recorder.flush()
        return pruned

    def _work(
        self,
        source: Root,
        rows: CurrentRows,
        listed: Iterable[Listed],
        outputs: VersionCursor | None = None,
        *,
        forced: bool = False,
    ) -> None:
        """Plans the listed objects and sends those that are new or changed to workers."""
        run = self._run
        outcomes = Outcomes(run, source, self._inputs.settings_of)
        config = whole_input(run.config) if forced else run.config
        decisions = self._inputs.decisions(run.places, forced=forced, changed=self._changed_shards)
        planner = Planner(config, rows, decisions, outcomes, run.attempt, self._redacted_again)
        self._dispatcher.dispatch(counted(planner.tasks(listed, outputs), planner, run), outcomes)
