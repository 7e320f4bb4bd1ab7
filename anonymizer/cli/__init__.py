"""Implements the command line. Only this package and `jobs/` read `sys.argv` and `os.environ`.

Commands import slow modules only when they execute, so that `anonymizer --help` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from anonymizer import __version__, sanitize
from anonymizer.cli import console
from anonymizer.cli.command import Invocation
from anonymizer.cli.commands import COMMANDS
from anonymizer.cli.layers import settings
from anonymizer.errors import AnonymizerError, ConfigError, ObjectError, UsageError

__all__ = ["entry_point", "main", "parser", "settings"]


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage as a ConfigError: one line on stderr and exit status 2."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """Builds the parser of the whole command line."""
    top = _Parser(prog="anonymizer", description="Makes a data lake of photographs safe.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"anonymizer {__version__}")
    parsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for command in COMMANDS:
        own = parsers.add_parser(
            command.name, help=command.help, description=command.description, epilog=command.epilog
        )
        command.add_arguments(own)
        own.set_defaults(execute=command.execute)
    return top


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Executes a command line. Every error is printed as one line on stderr.

    Args:
        argv: The arguments, without the program's name.
        environ: The environment variables of the process.

    Returns:
        The exit status.
    """
    try:
        return _executed(argv, environ)
    except UsageError as error:
        return console.print_error(error, 2)
    except ObjectError as error:
        return console.print_error(error.message, 1)
    except AnonymizerError as error:
        return console.print_error(error, 1)
    except KeyboardInterrupt:
        return console.print_error("stopped; start it again with the same arguments to resume", 1)
    except ModuleNotFoundError as error:
        return console.print_error(
            f"{error} in {sys.executable}: install the dependencies there (requirements.lock)", 1
        )
    except Exception as error:  # unexpected errors are one line too; --verbose logs the traceback
        logging.getLogger(__name__).debug("unexpected", exc_info=error)
        return console.print_error(f"unexpected {type(error).__name__}; --verbose shows where", 1)


def _executed(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    # Before anything else, because other error messages repeat the arguments.
    sanitize.refuse_secrets(argv)
    arguments = parser().parse_args(argv)
    console.log_to_stderr(verbose=arguments.verbose)
    execute: Callable[[Invocation], int] = arguments.execute
    return execute(Invocation(config=settings(arguments), arguments=arguments, environ=environ))


def entry_point() -> NoReturn:
    """Runs the `anonymizer` console script."""
    sys.exit(main(sys.argv[1:], os.environ))
