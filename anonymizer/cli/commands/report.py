"""`anonymizer report OUTPUT --html FILE`: one page for the auditor."""

from __future__ import annotations

import argparse

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common, add_options, documentation
from anonymizer.run.summary import size_text

_DESCRIPTION = (
    "Writes one self-contained page over the manifest's current rows: counts, reconciliation, faces, throughput, "
    "metadata removed, failures, published photos to look at, evidence, settings. It is confidential: it names files, "
    "shows photos and tells who consented; --public leaves all of that out. No source is read."
)


def _add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("output", metavar="OUTPUT", help=documentation("output"))
    add_options(command, ("--manifest",))
    command.add_argument("--html", metavar="FILE", required=True, help="the page that is written, any fsspec URL")
    text = "leave out keys, thumbnails and consent"
    command.add_argument("--public", action="store_true", help=text)
    text = "what an evaluation wrote with --json, any fsspec URL; repeatable"
    command.add_argument("--evidence", metavar="FILE", action="append", default=[], help=text)
    text = "photos to look at, at most (default: 60)"
    command.add_argument("--thumbnails", metavar="N", type=int, default=60, help=text)
    text = "keys that are named of each error code, at most (default: 50)"
    command.add_argument("--failures", metavar="N", type=int, default=50, help=text)
    add_common(command, "log more")


def _execute(given: Invocation) -> int:
    from anonymizer.audit.report.build import Options, report

    arguments = given.arguments
    options = Options(
        html=arguments.html,
        public=arguments.public,
        evidence=tuple(arguments.evidence),
        thumbnails=arguments.thumbnails,
        failures=arguments.failures,
    )
    made = report(given.config, options)
    secrecy = "without keys, photos and consent" if options.public else "confidential"
    console.say(f"{made.rows} rows, {made.photos} photos, {size_text(made.size_bytes)}; {options.html} is {secrecy}")
    if made.refused:
        console.say(f"{made.refused} published files are not what the manifest says; anonymizer verify names them")
    return 0


COMMAND = Command(
    name="report",
    help="one page of HTML for the auditor: what was done, what failed, what to look at, what was measured",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    execute=_execute,
)
