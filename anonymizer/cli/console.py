"""Prints results to stdout, and errors and logs to stderr, all without secrets."""

from __future__ import annotations

import logging
import sys

from anonymizer import sanitize


def print_result(text: str) -> None:
    """Prints a result of one or more lines to stdout."""
    print(sanitize.page(text))


def print_error(error: object, status: int) -> int:
    """Prints an error as one line on stderr and returns the given exit status."""
    print(f"anonymizer: {sanitize.line(error)}", file=sys.stderr)
    return status


def log_to_stderr(*, verbose: bool) -> None:
    """Logs to stderr, from level INFO on; with `verbose` from DEBUG on."""
    sanitize.log_to_stderr("%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("anonymizer").setLevel(logging.DEBUG if verbose else logging.INFO)
