"""Processes chunks in a worker: reads sources ahead, anonymizes them, publishes the images, commits the rows."""

from anonymizer.run.worker.deadline import Deadline
from anonymizer.run.worker.job import Job
from anonymizer.run.worker.outcome import Outcome
from anonymizer.run.worker.processor import ChunkProcessor
from anonymizer.run.worker.worker import Worker

__all__ = ["ChunkProcessor", "Deadline", "Job", "Outcome", "Worker"]
