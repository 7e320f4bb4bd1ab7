"""One run, step by step; each step has a module of its own."""

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
    """Opens the places of a run, takes the lease, and has the run done.

    Args:
        config: With full URLs.
        manifest_uri: Folder of the manifest.
        as_of: Time at which consent is decided, UTC.
        progress: Told how far the run is.
        places: Where outputs go.
        keys: What to do, in place of what `config.keys` names.

    Attributes:
        summary: The account.

    Raises:
        ConfigError: A place cannot be opened, or a limit is malformed.
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
        """Does the run; see `anonymizer.run.driver.run`."""
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
        """What every step of the run works with, once the lease is held."""
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
    """The steps of a run, from what is read first to the exit status. A run that was interrupted has several sessions.

    Args:
        run: OUTPUT has been identified, and the lease is held.
        progress: Told how far the run is.
        keys: What to do, in place of what the settings name.
    """

    def __init__(self, run: RunContext, progress: Progress, keys: KeyList | None) -> None:
        self._run = run
        self._decided = decided_at(run.config, run.as_of, run.manifest)
        run.recorder.stamp = replace(run.recorder.stamp, as_of=self._decided.as_of)
        self._inputs = Inputs(run.config, run.as_of, keys)
        self._dispatcher = Dispatcher(run, self._inputs, progress)
        self._redacted_again: frozenset[str] = frozenset()

    def run(self) -> None:
        """Does every step.

        Raises:
            UsageError: Something that the run needs is wrong; what has run out by the clock was taken down.
            OutputLost: OUTPUT is not there, or went away.
            RunError: The run cannot go on, or more outputs than `--prune-limit` have no source.
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
        rows = run.current_rows(snapshot)
        pruned = self._anonymize(rows)
        finish(run, inputs, record, pruned=pruned)
        if not pruned:
            raise RunError(
                f"{rows.gone_published} of {rows.published} outputs have no source any more, which is more than "
                f"--prune-limit {run.config.prune_limit}: none of them was removed"
            )

    def _load_inputs(self) -> None:
        """Reads what the run decides by; where that fails, at least what has run out by the clock goes."""
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
        # Its record says for which time it has decided, and that it has not come to its end.
        begin(self._run, self._inputs.registry, self._decided)
        take_down_expired(self._run, self._redact)

    def _read_suspects(self) -> AnonymizerError | None:
        """Gives back what is wrong with them: it ends the run, but what may not stand any more goes first."""
        try:
            self._inputs.read_suspects(self._run.manifest_root)
        except (RunError, ObjectError) as error:
            return error
        return None

    def _require_objections_to_match(self) -> None:
        """With `consent.strict`: raises RegistryError where an objection matches no object."""
        config = self._run.config
        if config.consent.strict:
            with open_input(config) as source:
                unmatched.require(self._inputs.registry, config, self._run.summary, source.list())

    def _redact(self, keys: list[str], snapshot: Snapshot) -> None:
        """In place: has the photos of these keys redacted again, whichever part of INPUT the run was asked for."""
        with open_input(self._run.config) as source:
            found = (entry for entry in map(source.stat, keys) if entry is not None)
            self._work(source, self._run.current_rows(snapshot), found, forced=True)
        self._redacted_again = frozenset(keys)

    def _anonymize(self, rows: CurrentRows) -> bool:
        """Has everything done that is due; False if too many outputs have no source to be pruned."""
        run, keys, pruned = self._run, self._inputs.keys, True
        try:
            with open_input(run.config) as source:
                listed = listing(source, keys, run.summary.missing)
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
        """Plans the listed objects and has workers do what is due."""
        run = self._run
        outcomes = Outcomes(run, source, self._inputs.settings_of)
        config = whole_input(run.config) if forced else run.config
        decisions = self._inputs.decisions(run.places, forced=forced)
        planner = Planner(config, rows, decisions, outcomes, run.attempt, self._redacted_again)
        self._dispatcher.dispatch(counted(planner.tasks(listed, outputs), planner, run), outcomes)
