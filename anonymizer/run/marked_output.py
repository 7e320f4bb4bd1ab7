"""OUTPUT as one run sees it: identified first, marked before any work, and asked for its mark before absence counts."""

from __future__ import annotations

from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import OutputLost
from anonymizer.lake.identity import Identity, identify, lost_message, mark
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_output


class MarkedOutput:
    """Opens OUTPUT, and keeps what is known about its identity (`anonymizer.lake.identity`).

    Args:
        config: With full URLs.
        manifest: Knows the id that OUTPUT's mark bears.

    Attributes:
        root: Where images are published. Once the mark stands, this root writes and removes nowhere else.
        identity: What was found out about OUTPUT; there is none before `identify`.
    """

    identity: Identity

    def __init__(self, config: RunConfig, manifest: ManifestStore) -> None:
        self._config = config
        self._manifest = manifest
        self.root = open_output(config)

    def identify(self) -> None:
        """Finds out whether this is the OUTPUT that the manifest speaks of; writes nothing.

        Raises:
            WrongOutput: It is another manifest's OUTPUT, or holds files that are not ours.
            RunError: The storage cannot tell.
        """
        self.identity = identify(self._config, self._manifest, self.root)
        if self.identity.present and not self.identity.new:
            self._hold_to_mark()

    @property
    def output_id(self) -> str:
        """The id in the mark's name."""
        return self.identity.record.output_id

    @property
    def may_replace(self) -> bool:
        """Whether an output may replace a file that no row of ours names."""
        return self._config.adopt == "replace" or self.identity.predates_marks

    def mark(self) -> None:
        """Marks OUTPUT, if it is new.

        Raises:
            RunError: It cannot be marked.
        """
        if self.identity.new:
            mark(self.identity, self._manifest, self.root)
            self.identity = replace(self.identity, new=False)
            self._hold_to_mark()

    def mark_before_removals(self) -> None:
        """Marks an OUTPUT that has rows already: a removal counts only in a place that bears the mark.

        An OUTPUT without rows has nothing to remove, and is marked when the first work begins.
        """
        if self.identity.predates_marks or self.identity.adopted:
            self.mark()

    def require(self) -> None:
        """Makes sure that this is OUTPUT still; one that is new need not bear its mark yet.

        Raises:
            OutputLost: The mark is not there any more.
        """
        if not self.identity.new and not self.root.has_mark(self.output_id):
            raise OutputLost(lost_message(self.root))

    def _hold_to_mark(self) -> None:
        self.root = open_output(self._config, self.output_id)
