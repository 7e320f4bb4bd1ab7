"""Implements `anonymizer verify OUTPUT`: checks OUTPUT against the manifest. `jobs/verify.py` does so as a Ray job."""

from __future__ import annotations

import argparse
import typing

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common, add_options, documentation
from anonymizer.cli.running import inside_job, run_and_report, stop_on_sigterm, with_cluster
from anonymizer.errors import ConfigError
from anonymizer.run.summary import VERIFY_STATUSES, statuses_text

if typing.TYPE_CHECKING:
    from anonymizer.audit.verify import Redo, Sample, Verification

_DESCRIPTION = (
    "Reads every file below OUTPUT and checks that it matches the manifest (size, SHA-256), that its container has "
    "only parts that this software writes, that every file has a row and every row its file. Changes nothing. Use it "
    "while no run is active."
)
_SECOND_DETECTOR = (
    "Searches a random sample of the published photos for faces with a second detector, at a larger size than the run "
    "and also mirrored. A face with less than 80 % of its area in pixels that were found to be redacted is a finding, "
    "unless consent allows it. Best with a detector that the run did not use: --detector yunet --weights FILE."
)


def _add_arguments(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("output", metavar="OUTPUT", help=documentation("output"))
    add_options(verify, ("--manifest", "--workers", "--address"))
    sampling = verify.add_argument_group("second detector", _SECOND_DETECTOR)
    text = "number of published photos to sample at random"
    sampling.add_argument("--sample", metavar="N", type=_count, help=text)
    text = "seed of the random sample (default: the id of the newest run)"
    sampling.add_argument("--seed", metavar="TEXT", help=text)
    add_options(sampling, ("--detector", "--weights"))
    text = (
        "redact the suspected faces: process their photos again with the newest run's settings; "
        "later runs redact them too"
    )
    sampling.add_argument("--redact-suspects", action="store_true", help=text)
    text = "JSON file to write the statements and all suspected faces to, any fsspec URL"
    verify.add_argument("--json", metavar="FILE", help=text)
    add_common(verify, "log every finding as it happens")


def _count(text: str) -> int:
    """Reads a whole number of 1 or more; raises ArgumentTypeError, whose text argparse prints, for anything else."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return number


def _execute(given: Invocation) -> int:
    from anonymizer.audit import verify

    sample = _sample(given.arguments)
    stop_on_sigterm()
    ready = with_cluster(given.config, given.environ)
    result = verify.verify(ready, inside_job=inside_job(given.environ), sample=sample)
    _print_findings(given, result, sampled=sample is not None)
    redo = verify.redo(given.config, result) if given.arguments.redact_suspects else None
    return result.exit_status if redo is None else _redacted(given, redo, result)


def _sample(arguments: argparse.Namespace) -> Sample | None:
    from anonymizer.audit.verify import Sample

    if arguments.sample is not None:
        return Sample(arguments.sample, arguments.seed)
    if arguments.redact_suspects or arguments.seed is not None:
        raise ConfigError("--redact-suspects and --seed are for --sample N")
    return None


def _print_findings(given: Invocation, result: Verification, *, sampled: bool) -> None:
    """Prints the findings, and the statements that they support."""
    from anonymizer.audit import evidence, verify
    from anonymizer.lake.files import write_uri

    console.print_result(verify.table(result))
    proof = verify.evidence(result)
    if sampled:
        console.print_result("\n" + "\n".join(proof.statements))
    if given.arguments.json is not None:
        write_uri(given.arguments.json, evidence.dumps(proof).encode(), private=given.config.storage.private)


def _redacted(given: Invocation, redo: Redo, result: Verification) -> int:
    """Processes the photos with suspects again; if that succeeds, the exit status is that of the verification."""
    console.print_result("")
    status = run_and_report(redo.config, given.environ, redo.keys)
    return status if status in (1, 2, 5) else result.exit_status


COMMAND = Command(
    name="verify",
    help="read the published files and check them against the manifest",
    description=_DESCRIPTION,
    epilog=statuses_text(VERIFY_STATUSES),
    add_arguments=_add_arguments,
    execute=_execute,
)
