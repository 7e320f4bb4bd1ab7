"""Who may work on an OUTPUT: one run at a time, and one that died cannot hold it for ever.

`_lease` in the manifest's folder names the holder, whose heartbeats write it anew several times in `lease_s`. No clocks
of two machines are compared. Who finds a lease observes it (`takeover`): a holder is dead whose record has not changed
for `lease_s` by the observer's own monotonic clock, or at once if it was a process of this machine that is gone. A
worker acts only for a quarter of `lease_s` after it began to read a record of its own run (`watch`); whoever takes over
waits as long after writing the new one, and then nobody works for the dead run any more.
"""

from anonymizer.lake.lease.holder import Lease
from anonymizer.lake.lease.record import NAME, Ticket
from anonymizer.lake.lease.takeover import acquire
from anonymizer.lake.lease.watch import Watch

__all__ = ["NAME", "Lease", "Ticket", "Watch", "acquire"]
