"""Runs tasks on Ray: worker actors, and a loop that sends them a bounded number of chunks. Only this package uses Ray.

Chunks are executed at least once. That is enough, because publishing is conditional and the names of manifest parts are
never reused. Only the driver retries a chunk, and only if its worker is certainly dead or its deadline has passed.
"""

from anonymizer.run.engine.actor import versions
from anonymizer.run.engine.cluster import connected
from anonymizer.run.engine.loop import Engine
from anonymizer.run.engine.returns import Sink

__all__ = ["Engine", "Sink", "connected", "versions"]
