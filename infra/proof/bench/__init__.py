"""Benchmark this software against others and against its targets: `make bench`."""
