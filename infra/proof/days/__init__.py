"""Random days of a lake: what may happen to sources, consents, clocks and disks between runs, and what must hold."""
