"""A chunk at work: read ahead, anonymize, publish, commit the rows."""

from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.job import Job
from anonymizer.run.worker.outcome import Outcome
from anonymizer.run.worker.processor import ChunkProcessor
from anonymizer.run.worker.worker import Worker

__all__ = ["ChunkProcessor", "Deadline", "Job", "Outcome", "Worker"]
