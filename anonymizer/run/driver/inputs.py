"""Reads the inputs of a run besides its settings: registry, boxes, list of keys, detector weights, suspects."""

from __future__ import annotations

import logging
from datetime import datetime

from anonymizer.config import RunConfig, item_settings_sha256, shard_settings_sha256
from anonymizer.errors import ConfigError
from anonymizer.image import detectors
from anonymizer.lake.naming import Places
from anonymizer.lake.storage import Root
from anonymizer.people.boxes import BoxTable, SuspectList
from anonymizer.people.consent import empty_registry
from anonymizer.pipeline import Anonymizer
from anonymizer.records import GivenBoxes, ImageRef
from anonymizer.run.plan.decisions import Decisions
from anonymizer.run.start.keylist import KeyList
from anonymizer.run.start.load import load_boxes, load_keys, load_registry, load_weights

log = logging.getLogger(__name__)


class Inputs:
    """The inputs of a run; looks up what they say about an object.

    Args:
        config: The settings, with full URLs.
        as_of: Time for which consent is evaluated, UTC.
        keys: The objects to process; overrides `config.keys`.

    Attributes:
        registry: The consent registry; empty before `load` has succeeded.
        keys: The objects to process; None = INPUT is listed.
        weights: The detector's weights, for the workers.
    """

    weights: detectors.Weights = None

    def __init__(self, config: RunConfig, as_of: datetime, keys: KeyList | None = None) -> None:
        self._config = config
        self._as_of = as_of
        self.registry = empty_registry(purpose=config.consent.purpose, as_of=as_of)
        self.keys = keys
        self._settings_sha256 = ""
        self._boxes: BoxTable | None = None
        self._boxes_met = 0
        self._suspects = SuspectList({})

    def load(self) -> None:
        """Reads and checks registry, boxes, keys and weights, before any work.

        Raises:
            UsageError: One of them is missing, cannot be read or is malformed.
        """
        registry = load_registry(self._config, self._as_of)
        self._boxes = load_boxes(self._config)
        self.keys = self.keys if self.keys is not None else load_keys(self._config)
        self.load_weights()
        if self._config.in_place and self.keys is not None and any(self.keys.of("remove")):
            raise ConfigError("--keys: action remove would delete the only copy in place; use redo")
        self.registry = registry

    def load_weights(self) -> None:
        """Reads the detector's weights only.

        Raises:
            ConfigError: They cannot be read, or the settings of detector or redactor are wrong.
        """
        self.weights = load_weights(self._config)
        # Created here so that wrong settings raise an error in the driver, before workers start.
        self._settings_sha256 = Anonymizer(self._config, weights=self.weights).settings_sha256

    def read_suspects(self, manifest_root: Root) -> None:
        """Reads the suspects: faces that `verify --sample` found in outputs, which every run redacts.

        Raises:
            RunError: A file of suspects is damaged.
            ObjectError: A file of suspects cannot be read.
        """
        self._suspects = SuspectList.read(manifest_root)

    def decisions(self, places: Places, *, forced: bool = False, changed: frozenset[str] = frozenset()) -> Decisions:
        """Makes the functions with which the planner looks up an object.

        Args:
            places: Maps keys of sources to keys of outputs.
            forced: Process every object, even if nothing has changed.
            changed: Keys of shards with pictures whose consent has changed.
        """
        redo = frozenset(request.key for request in self.keys.of("redo")) if self.keys is not None else frozenset()
        forced = forced or self._config.force
        return Decisions(
            consent=self.registry.decide,
            boxes=self._boxes_of,
            settings=self.settings_of,
            forced=lambda key: forced or key in redo,
            places=places,
            shard_settings=lambda given: shard_settings_sha256(self.settings_of(given), self._config),
            changed=changed,
        )

    def _boxes_of(self, ref: ImageRef) -> GivenBoxes | None:
        found = self._boxes.find(ref) if self._boxes is not None else None
        self._boxes_met += found is not None
        return self._suspects.besides(ref.key, found)

    def settings_of(self, given: GivenBoxes | None) -> str:
        """Hash of the settings for an object with these boxes."""
        return item_settings_sha256(self._settings_sha256, self._config, given.sha256 if given is not None else None)

    def log_boxes(self) -> None:
        """Logs how many keys with boxes matched an object; few matches mean that keys in the file are misspelled."""
        if self._boxes is not None:
            log.info("boxes were given for %d keys; %d of them matched an object", len(self._boxes), self._boxes_met)
