"""Property tests of runs over random days: sources, consents, clocks and disks change, invariants must hold."""
