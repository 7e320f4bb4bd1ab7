"""`python -m anonymizer`."""

from anonymizer.cli import entry_point

entry_point()
