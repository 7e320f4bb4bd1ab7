"""Lists the commands of the program, in the order of its help.

To add a command, add a module with a `COMMAND` to this package and its name to this file.
"""

from anonymizer.cli.command import Command
from anonymizer.cli.commands import manifest, preview, report, run, verify

COMMANDS: tuple[Command, ...] = (run.COMMAND, verify.COMMAND, manifest.COMMAND, preview.COMMAND, report.COMMAND)
