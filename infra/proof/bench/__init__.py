"""Measures this software against others and against its own limits: `make bench`."""
