"""Faults on purpose: a run is hit while it works, started again, and judged against one that nothing happened to."""
