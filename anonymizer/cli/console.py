"""What the user reads: results on stdout, complaints and the log on stderr, all without secrets."""

from __future__ import annotations

import logging
import sys

from anonymizer import sanitize


def say(text: str) -> None:
    """Prints a result, of one line or several."""
    print(sanitize.page(text))


def complain(error: object, status: int) -> int:
    """Prints one line on stderr and returns the exit status that goes with it."""
    print(f"anonymizer: {sanitize.line(error)}", file=sys.stderr)
    return status


def log_to_stderr(*, verbose: bool) -> None:
    """Logs to stderr, from INFO on, or from DEBUG on for who asks for more."""
    sanitize.log_to_stderr("%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("anonymizer").setLevel(logging.DEBUG if verbose else logging.INFO)
