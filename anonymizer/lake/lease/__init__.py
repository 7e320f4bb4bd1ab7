"""Implements a lease, so that only one run at a time works on an OUTPUT, and the lease of a dead run expires.

`_lease` in the manifest's folder names the holder, which rewrites it (heartbeat) several times per `lease_s`. Clocks of
different machines are never compared. A run that finds a lease observes it (`takeover`): the holder is dead if the
record has not changed for `lease_s` by the observer's own monotonic clock, or at once if the holder was a process of
this machine that no longer exists. A worker acts only for a quarter of `lease_s` after it began to read a record of its
own run (`watch`). A run that takes over waits as long after writing its record; then no worker acts for the dead run.
"""

from anonymizer.lake.lease.holder import Lease
from anonymizer.lake.lease.record import NAME, Ticket
from anonymizer.lake.lease.takeover import acquire
from anonymizer.lake.lease.watch import Watch

__all__ = ["NAME", "Lease", "Ticket", "Watch", "acquire"]
