"""Adds provenance to manifest rows: run, settings, detector, consent decision, time and duration."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from anonymizer import __version__
from anonymizer.config import shard_settings_sha256
from anonymizer.people import consent
from anonymizer.pipeline import Anonymizer
from anonymizer.records import ManifestRow, WorkItem
from anonymizer.run.rows import settings_of
from anonymizer.run.worker.computer import Computed
from anonymizer.run.worker.job import Job


class Provenance:
    """Adds to rows what is the same for every object of a run, and the object's consent decision.

    Args:
        job: The run's job.
        anonymizer: Knows the detector and settings of an image.
    """

    def __init__(self, job: Job, anonymizer: Anonymizer) -> None:
        self._job = job
        self._anonymizer = anonymizer

    def settings_of(self, item: WorkItem) -> str:
        """Hash of the settings that an item's row gets."""
        return self._anonymizer.made_by(item.boxes)[2]

    def complete(self, row: ManifestRow, attempt: int, computed: Computed) -> ManifestRow:
        """Returns the row with its provenance.

        Args:
            row: The row with its result; an existing consent status is kept.
            attempt: Attempt of the chunk.
            computed: The item of the row.
        """
        config, decision = self._job.config, computed.item.decision
        detector, detector_sha256, settings_sha256 = self._anonymizer.made_by(computed.item.boxes)
        if row.is_shard:
            settings_sha256 = shard_settings_sha256(settings_sha256, config)
        return replace(
            row,
            attempt=attempt,
            consent_status=row.consent_status or consent.status_of(decision),
            consent_record_ids=row.consent_record_ids or decision.record_ids,
            consent_sha256=decision.sha256,
            purpose=config.consent.purpose,
            registry_sha256=self._job.registry_sha256,
            detector=detector,
            detector_sha256=detector_sha256,
            method=config.redaction.method,
            settings_sha256=settings_of(row, settings_sha256, config),
            software_version=__version__,
            as_of=self._job.as_of,
            processed_at=datetime.now(UTC),
            duration_ms=(time.monotonic() - computed.began) * 1000,
        )
