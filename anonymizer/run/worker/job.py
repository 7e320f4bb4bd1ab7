"""The job: what the driver gives every worker, once, before the first chunk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anonymizer.config import RunConfig
from anonymizer.image.detectors import Weights
from anonymizer.lake.lease import Ticket


@dataclass(frozen=True)
class Job:
    """What every worker is given once.

    Attributes:
        config: The run's settings; INPUT, OUTPUT and manifest are full URLs.
        manifest_uri: Folder of the manifest.
        run_id: Of this run.
        as_of: The time for which consent is decided, UTC.
        registry_sha256: Of the consent registry, if there is one.
        weights: The detectors' networks as the driver read and checked them.
        lease: Of the run: a worker does nothing more once another run holds it.
        output_id: Id in the mark that OUTPUT has to bear. The worker looks for it itself: a disk that the driver sees
            may not be mounted on the worker's node.
    """

    config: RunConfig
    manifest_uri: str
    run_id: str
    as_of: datetime
    registry_sha256: str | None
    weights: Weights
    lease: Ticket
    output_id: str
