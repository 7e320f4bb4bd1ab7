"""What a run decides by, besides its settings: registry, boxes, keys, the detector's network, suspects."""

from __future__ import annotations

import logging
from datetime import datetime

from anonymizer.config import RunConfig, item_settings_sha256
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
    """Reads what a run decides by, and answers what is decided about an object.

    Args:
        config: With full URLs.
        as_of: Time at which consent is decided, UTC.
        keys: What to do, in place of what `config.keys` names.

    Attributes:
        registry: Who has consented; before `load` has succeeded nobody has.
        keys: The objects that are named; None where INPUT is listed.
        weights: The detector's network, for the workers.
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
        """Reads registry, boxes, keys and network, and finds what is wrong with them before any work.

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
        """Reads the detector's network alone.

        Raises:
            ConfigError: It cannot be read, or the settings of detector or redactor are wrong.
        """
        self.weights = load_weights(self._config)
        # Made once here, so that what is wrong with the settings is not first said by every worker.
        self._settings_sha256 = Anonymizer(self._config, weights=self.weights).settings_sha256

    def read_suspects(self, manifest_root: Root) -> None:
        """Reads the suspects of earlier runs: faces that `verify --sample` found and that stay redacted.

        Raises:
            RunError: They are damaged.
            ObjectError: They cannot be read.
        """
        self._suspects = SuspectList.read(manifest_root)

    def decisions(self, places: Places, *, forced: bool = False) -> Decisions:
        """What the planner asks about an object.

        Args:
            places: Where outputs go.
            forced: Every object is done again.
        """
        redo = frozenset(request.key for request in self.keys.of("redo")) if self.keys is not None else frozenset()
        forced = forced or self._config.force
        return Decisions(self.registry.decide, self._boxes_of, self.settings_of, lambda k: forced or k in redo, places)

    def _boxes_of(self, ref: ImageRef) -> GivenBoxes | None:
        found = self._boxes.find(ref) if self._boxes is not None else None
        self._boxes_met += found is not None
        return self._suspects.besides(ref.key, found)

    def settings_of(self, given: GivenBoxes | None) -> str:
        """Hash of the settings that an object with these boxes is done with."""
        return item_settings_sha256(self._settings_sha256, self._config, given.sha256 if given is not None else None)

    def log_boxes(self) -> None:
        """Says how many of the boxes came up: few of many are keys that were written otherwise than they are listed."""
        if self._boxes is not None:
            log.info("boxes were given for %d keys; %d of them came up", len(self._boxes), self._boxes_met)
