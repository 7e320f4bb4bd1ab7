"""A chunk at work: read ahead, anonymize, publish behind, write the rows."""

from anonymizer.run.worker.worker import ChunkProcessor, Deadline, Job, Outcome, Worker

__all__ = ["ChunkProcessor", "Deadline", "Job", "Outcome", "Worker"]
