"""The commands of the program, in the order of its help.

A new command is a module here that holds its `Command`, and its name in this file.
"""

from anonymizer.cli.command import Command
from anonymizer.cli.commands import manifest, preview, report, run, verify

COMMANDS: tuple[Command, ...] = (run.COMMAND, verify.COMMAND, manifest.COMMAND, preview.COMMAND, report.COMMAND)
