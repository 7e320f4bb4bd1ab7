"""The only package that knows Ray: worker actors and a bounded loop that feeds them.

Execution is at least once; publishing is conditional and part names are never reused, so that is enough. Only the
driver sends a chunk again, and only when the worker that held it is certainly dead or its deadline is over.
"""

from anonymizer.run.engine.actor import versions
from anonymizer.run.engine.cluster import connected
from anonymizer.run.engine.loop import Engine
from anonymizer.run.engine.returns import Sink

__all__ = ["Engine", "Sink", "connected", "versions"]
