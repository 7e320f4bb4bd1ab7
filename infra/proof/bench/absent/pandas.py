"""Hides pandas from measured processes: PyArrow loads it where it is, and only development environments have it."""

raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
