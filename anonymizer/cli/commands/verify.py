"""`anonymizer verify OUTPUT`: what is published, held against the manifest. `jobs/verify.py` does it as a Ray job."""

from __future__ import annotations

import argparse
import typing

from anonymizer.cli import console
from anonymizer.cli.command import Command, Invocation
from anonymizer.cli.options import add_common, add_options, documentation
from anonymizer.cli.running import driven, end_orderly, inside_job, with_cluster
from anonymizer.errors import ConfigError
from anonymizer.run.summary import VERIFY_STATUSES, statuses_text

if typing.TYPE_CHECKING:
    from anonymizer.audit.verify import Redo, Sample, Verification

_DESCRIPTION = (
    "Reads every file below OUTPUT and checks that it is what the manifest says (size, SHA-256), that its container "
    "holds nothing that this software does not write, that no file is without a row and no row without its file. "
    "Changes nothing. Run it while no run is at work."
)
_SECOND_LOOK = (
    "Another detector looks at a random sample of the photos as they are published, larger than the run did and "
    "mirrored. A face of which less than 80 % lies in pixels that are found to be redacted is a finding, unless "
    "consent has kept it. Best with a detector that the run did not use: --detector yunet --weights FILE."
)


def _add_arguments(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("output", metavar="OUTPUT", help=documentation("output"))
    add_options(verify, ("--manifest", "--workers", "--address"))
    look = verify.add_argument_group("second look", _SECOND_LOOK)
    text = "so many published photos, drawn at random; all if there are no more"
    look.add_argument("--sample", metavar="N", type=_count, help=text)
    text = "what decides the draw (default: the id of the newest run)"
    look.add_argument("--seed", metavar="TEXT", help=text)
    add_options(look, ("--detector", "--weights"))
    text = (
        "redact what is suspect: its photos are done again as the newest run did them, and every later run does so too"
    )
    look.add_argument("--redact-suspects", action="store_true", help=text)
    text = "write what may be said on the strength of it, and all suspects, as JSON; any fsspec URL"
    verify.add_argument("--json", metavar="FILE", help=text)
    add_common(verify, "log every finding as it happens")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _execute(given: Invocation) -> int:
    from anonymizer.audit import verify

    sample = _sample(given.arguments)
    end_orderly()
    ready = with_cluster(given.config, given.environ)
    result = verify.verify(ready, inside_job=inside_job(given.environ), sample=sample)
    _tell(given, result, sampled=sample is not None)
    redo = verify.redo(given.config, result) if given.arguments.redact_suspects else None
    return result.exit_status if redo is None else _redacted(given, redo, result)


def _sample(arguments: argparse.Namespace) -> Sample | None:
    from anonymizer.audit.verify import Sample

    if arguments.sample is not None:
        return Sample(arguments.sample, arguments.seed)
    if arguments.redact_suspects or arguments.seed is not None:
        raise ConfigError("--redact-suspects and --seed are for --sample N")
    return None


def _tell(given: Invocation, result: Verification, *, sampled: bool) -> None:
    """Says what was found, and what may be said on the strength of it."""
    from anonymizer.audit import evidence, verify
    from anonymizer.lake.files import write_uri

    console.say(verify.table(result))
    said = verify.evidence(result)
    if sampled:
        console.say("\n" + "\n".join(said.statements))
    if given.arguments.json is not None:
        write_uri(given.arguments.json, evidence.dumps(said).encode(), private=given.config.storage.private)


def _redacted(given: Invocation, redo: Redo, result: Verification) -> int:
    """Does the photos with suspects again; where that went well, the exit status stays that of the verification."""
    console.say("")
    status = driven(redo.config, given.environ, redo.keys)
    return status if status in (1, 2, 5) else result.exit_status


COMMAND = Command(
    name="verify",
    help="re-open what is published and hold it against the manifest",
    description=_DESCRIPTION,
    epilog=statuses_text(VERIFY_STATUSES),
    add_arguments=_add_arguments,
    execute=_execute,
)
