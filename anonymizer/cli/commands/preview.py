"""Implements `anonymizer preview IMAGE --out FILE`: draws an image before and after redaction, methods side by side."""

from __future__ import annotations

import argparse
import typing

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common, add_options
from anonymizer.config import Method

_DESCRIPTION = (
    "Writes a PNG with the original image, the boxes and scores of its detections, and the result of each method. For "
    "choosing a method and for checking a detector. The file contains the original, so it is as confidential as that."
)


def _add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("image", metavar="IMAGE", help="a single file, any fsspec URL")
    command.add_argument("--out", metavar="FILE", required=True, help="PNG file to write, any fsspec URL")
    text = "methods to show, in this order (default: all)"
    command.add_argument("--methods", metavar="NAME[,NAME]", default=",".join(typing.get_args(Method)), help=text)
    add_options(command, ("--detector", "--weights"))
    add_common(command, "log details")


def _execute(given: Invocation) -> int:
    from anonymizer.audit.report import preview
    from anonymizer.lake.files import read_uri, write_uri
    from anonymizer.run.start.load import load_weights

    methods = preview.methods_of(given.arguments.methods)
    data = read_uri(given.arguments.image, "the image")
    made = preview.preview(data, given.config, methods, load_weights(given.config))
    write_uri(given.arguments.out, preview.png(made.picture), private=given.config.storage.private)
    scores = ", ".join(f"{face.score:.2f}" for face in made.faces[:20])
    found = f"{len(made.faces)} faces{f' ({scores})' if scores else ''}"
    console.print_result(f"{found}; {given.arguments.out} contains the original")
    return 0


COMMAND = Command(
    name="preview",
    help="show one image before and after redaction, with boxes and scores, several methods side by side",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    execute=_execute,
)
