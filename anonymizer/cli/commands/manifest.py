"""Implements `anonymizer manifest URI --public FILE`: writes a copy of the manifest that can be published."""

from __future__ import annotations

import argparse

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common

_DESCRIPTION = (
    "Writes a copy of the manifest's current rows that can be published, as one Parquet file: the status of every "
    "object, without keys, hashes, consent, boxes and times, in an order that does not depend on the keys."
)


def _add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("manifest", metavar="URI", help="folder of the manifest, any fsspec URL")
    command.add_argument("--public", metavar="FILE", required=True, help="file to write the copy to, any fsspec URL")
    add_common(command, "log details")


def _execute(given: Invocation) -> int:
    from anonymizer.lake.manifest import write_public
    from anonymizer.lake.roots import open_manifest

    public = given.arguments.public
    rows = write_public(open_manifest(given.config, given.config.manifest or ""), public)
    console.print_result(f"{rows} rows written to {public}")
    return 0


COMMAND = Command(
    name="manifest",
    help="write a copy of the manifest without keys, hashes, consent and boxes",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    execute=_execute,
)
