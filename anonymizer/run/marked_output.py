"""Opens OUTPUT for one run: identifies and marks it before any work, and checks its mark before files count as gone."""

from __future__ import annotations

from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import OutputLost
from anonymizer.lake.identity import Identity, identify, lost_message, mark
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.roots import open_output


class MarkedOutput:
    """OUTPUT and its identity (`anonymizer.lake.identity`).

    Args:
        config: The settings, with full URLs.
        manifest: Stores the id in the name of OUTPUT's mark.

    Attributes:
        root: Where images are published. Once OUTPUT is marked, this root refuses to write and remove without the mark.
        identity: The result of `identify`; not set before.
    """

    identity: Identity

    def __init__(self, config: RunConfig, manifest: ManifestStore) -> None:
        self._config = config
        self._manifest = manifest
        self.root = open_output(config)

    def identify(self) -> None:
        """Checks whether this OUTPUT belongs to the manifest; writes nothing.

        Raises:
            WrongOutput: It belongs to another manifest, or has files that this software did not write.
            RunError: The storage could not be read.
        """
        self.identity = identify(self._config, self._manifest, self.root)
        if self.identity.present and not self.identity.new:
            self._require_mark()

    @property
    def output_id(self) -> str:
        """The id in the mark's name."""
        return self.identity.record.output_id

    @property
    def may_replace(self) -> bool:
        """Whether an output may replace a file that no row of the manifest names."""
        return self._config.adopt == "replace" or self.identity.predates_marks

    def mark(self) -> None:
        """Marks OUTPUT, if it is new.

        Raises:
            RunError: It cannot be marked.
        """
        if self.identity.new:
            mark(self.identity, self._manifest, self.root)
            self.identity = replace(self.identity, new=False)
            self._require_mark()

    def mark_before_removals(self) -> None:
        """Marks an OUTPUT that has rows already, because a removal counts only in a folder that has the mark.

        An OUTPUT without rows has nothing to remove; it is marked before the first chunk is sent to a worker.
        """
        if self.identity.predates_marks or self.identity.adopted:
            self.mark()

    def require(self) -> None:
        """Checks that OUTPUT still has its mark; a new OUTPUT may not have it yet.

        Raises:
            OutputLost: The mark is gone.
        """
        if not self.identity.new and not self.root.has_mark(self.output_id):
            raise OutputLost(lost_message(self.root))

    def _require_mark(self) -> None:
        self.root = open_output(self._config, self.output_id)
