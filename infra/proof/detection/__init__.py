"""Fit the default detector's coefficients and evaluate detection (`make bench-detection`)."""
