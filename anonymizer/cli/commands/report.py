"""Implements `anonymizer report OUTPUT --html FILE`: writes an HTML report for the auditor."""

from __future__ import annotations

import argparse

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common, add_options, documentation
from anonymizer.run.summary import size_text

_DESCRIPTION = (
    "Writes one self-contained HTML page about the manifest's current rows: counts, reconciliation, faces, throughput, "
    "removed metadata, failures, published photos to review, evidence, settings. The page is confidential: it contains "
    "file names, photos and consent data; --public leaves these out. No source is read."
)


def _add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("output", metavar="OUTPUT", help=documentation("output"))
    add_options(command, ("--manifest",))
    command.add_argument("--html", metavar="FILE", required=True, help="HTML file to write, any fsspec URL")
    text = "leave out keys, thumbnails and consent data"
    command.add_argument("--public", action="store_true", help=text)
    text = "file that an evaluation wrote with --json, any fsspec URL; repeatable"
    command.add_argument("--evidence", metavar="FILE", action="append", default=[], help=text)
    text = "maximum number of thumbnails to review (default: 60)"
    command.add_argument("--thumbnails", metavar="N", type=int, default=60, help=text)
    text = "maximum number of keys listed per error code (default: 50)"
    command.add_argument("--failures", metavar="N", type=int, default=50, help=text)
    add_common(command, "log details")


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
    console.print_result(
        f"{made.rows} rows, {made.photos} photos, {size_text(made.size_bytes)}; {options.html} is {secrecy}"
    )
    if made.refused:
        console.print_result(f"{made.refused} published files differ from the manifest; anonymizer verify lists them")
    return 0


COMMAND = Command(
    name="report",
    help="write an HTML report for the auditor: counts, failures, photos to review, evidence",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    execute=_execute,
)
