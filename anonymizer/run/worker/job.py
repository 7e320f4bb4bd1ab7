"""Defines the job, which the driver sends to every worker once, before the first chunk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anonymizer.config import RunConfig
from anonymizer.image.detectors import Weights
from anonymizer.lake.lease import Ticket


@dataclass(frozen=True)
class Job:
    """Data that is the same for all workers and chunks of a run.

    Attributes:
        config: The run's settings; INPUT, OUTPUT and manifest are full URLs.
        manifest_uri: Folder of the manifest.
        run_id: Id of the run.
        as_of: Time for which consent is evaluated, UTC.
        registry_sha256: SHA-256 of the consent registry, if there is one.
        weights: The detectors' weights, as the driver read and checked them.
        lease: Identifies the run's lease: a worker stops when another run has taken it over.
        output_id: Id in the name of OUTPUT's mark. The worker checks the mark itself, because a disk of the driver's
            node may not be mounted on the worker's node.
    """

    config: RunConfig
    manifest_uri: str
    run_id: str
    as_of: datetime
    registry_sha256: str | None
    weights: Weights
    lease: Ticket
    output_id: str
