"""The command line. `sys.argv` and `os.environ` are read here and in `jobs/` only."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from types import FrameType
from typing import Any, NoReturn

from anonymizer import __version__, config, sanitize
from anonymizer.config import Method, RunConfig
from anonymizer.errors import AnonymizerError, ConfigError, ObjectError, UsageError
from anonymizer.lake import naming
from anonymizer.run.summary import size_text

if typing.TYPE_CHECKING:
    from anonymizer.run.start.keylist import KeyList

#: Option → setting. Help texts are those of the settings.
_OPTIONS: dict[str, tuple[str, str | None]] = {
    "--consent": ("consent.registry", "URI"),
    "--purpose": ("consent.purpose", "NAME"),
    "--as-of": ("as_of", "TIME"),
    "--method": ("redaction.method", None),
    "--policy": ("consent.policy", None),
    "--fill": ("redaction.fill", "#RRGGBB"),
    "--detector": ("detector.name", "NAME[,NAME]"),
    "--weights": ("detector.weights", "URI"),
    "--boxes": ("boxes.uri", "URI"),
    "--jpeg": ("codec.jpeg", None),
    "--names": ("names", None),
    "--adopt": ("adopt", None),
    "--manifest": ("manifest", "URI"),
    "--limit": ("limit", "N"),
    "--originals": ("originals", "URI"),
    "--keys": ("keys", "URI"),
    "--prune-limit": ("prune_limit", "N|P%"),
    "--estimate": ("estimate", "N"),
    "--core-price": ("core_price", "AMOUNT"),
    "--workers": ("engine.workers", "N"),
    "--address": ("engine.address", "local|auto|ADDRESS"),
    "--max-failures": ("max_failures", "N|P%"),
}
_REPEATED = {"--include": "include", "--exclude": "exclude"}
_FLAGS = {
    "--in-place": "in_place",
    "--discard-originals": "discard_originals",
    "--force": "force",
    "--prune": "prune",
    "--dry-run": "dry_run",
}
_SECRET_WORDS = (
    *("secret", "token", "password", "passwd", "passphrase", "key", "credential", "connection_string", "sas"),
    *("signature", "auth", "bearer", "cookie"),
)
#: Settings below `storage` whose names hold such a word and which are none.
_NO_SECRETS = ("SSEKMSKeyId", "BucketKeyEnabled")


class _Parser(argparse.ArgumentParser):
    """Wrong usage is one line and exit status 2."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="anonymizer", description="Makes a data lake of photographs safe.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"anonymizer {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    add_run(commands.add_parser("run", help="anonymize INPUT into OUTPUT", description=_RUN, epilog=_EXIT))
    text = "re-open what is published and hold it against the manifest"
    add_verify(commands.add_parser("verify", help=text, description=_VERIFY, epilog=_VERIFY_EXIT))
    text = "a copy of the manifest without keys, hashes, consent and boxes"
    add_manifest(commands.add_parser("manifest", help=text, description=_MANIFEST))
    text = "one image before and after, with boxes and scores, several methods side by side"
    add_preview(commands.add_parser("preview", help=text, description=_PREVIEW))
    text = "one page of HTML for the auditor: what was done, what failed, what to look at, what was measured"
    add_report(commands.add_parser("report", help=text, description=_REPORT))
    return top


_RUN = (
    "Redacts every face without consent, scrubs all metadata, and writes what is safe to OUTPUT and a row for every "
    "object to the manifest. INPUT is a folder or a single file, OUTPUT a folder, both any fsspec URL. Started again "
    "with the same arguments it goes on where it stopped."
)
_EXIT = (
    "exit status: 0 every object is safe; 3 more objects than --max-failures (default 0) stand as failed; 2 wrong "
    "usage, configuration, registry or OUTPUT; 5 an output that is no longer safe could not be removed; 1 all else."
)
_VERIFY = (
    "Reads every file below OUTPUT and checks that it is what the manifest says (size, SHA-256), that its container "
    "holds nothing that this software does not write, that no file is without a row and no row without its file. "
    "Changes nothing. Run it while no run is at work."
)
_REPORT = (
    "Writes one self-contained page over the manifest's current rows: counts, reconciliation, faces, throughput, "
    "metadata removed, failures, published photos to look at, evidence, settings. It is confidential: it names files, "
    "shows photos and tells who consented; --public leaves all of that out. No source is read."
)
_MANIFEST = (
    "Writes a copy of the manifest's current rows that may be shown to everybody, as one Parquet file: what became of "
    "every object, without keys, hashes, consent, boxes and times, in an order that tells nothing."
)
_PREVIEW = (
    "Draws one image as a PNG: the original with the boxes and scores of what was found, and what each method leaves "
    "of it. For choosing a method and for looking at a detector's work: the file holds the original, so it is as "
    "confidential as that."
)
_SECOND_LOOK = (
    "Another detector looks at a random sample of the photos as they are published, larger than the run did and "
    "mirrored. A face of which less than 80 % lies in pixels that are found to be redacted is a finding, unless "
    "consent has kept it. Best with a detector that the run did not use: --detector yunet --weights FILE."
)
_VERIFY_EXIT = (
    "exit status: 0 nothing was found; 4 something was; 2 wrong usage or no manifest; 1 anything else, a listing or a "
    "manifest that cannot be read completely included."
)


def add_run(run: argparse.ArgumentParser) -> None:
    """The arguments of `anonymizer run`, which are those of `jobs/anonymize.py`."""
    documentation = {name: (default, doc) for name, default, doc in config.fields_of(RunConfig)}
    run.add_argument("input", metavar="INPUT", help=documentation["input"][1])
    run.add_argument("output", metavar="OUTPUT", nargs="?", help=documentation["output"][1])
    for option, (setting, metavar) in _OPTIONS.items():
        default, doc = documentation[setting]
        choices = config.choices(RunConfig, setting)
        text = f"{doc} (default: {default})" if default is not None else doc
        run.add_argument(option, dest=setting, metavar=metavar, choices=choices, help=_escaped(text))
    for option, setting in _REPEATED.items():
        text = _escaped(documentation[setting][1])
        run.add_argument(option, dest=setting, metavar="GLOB", action="append", help=text)
    for option, setting in _FLAGS.items():
        run.add_argument(option, dest=setting, action="store_true", help=_escaped(documentation[setting][1]))
    _add_common(run, "log every failure as it happens")


def add_verify(verify: argparse.ArgumentParser) -> None:
    """The arguments of `anonymizer verify`, which are those of `jobs/verify.py`."""
    documentation = {name: doc for name, _, doc in config.fields_of(RunConfig)}
    verify.add_argument("output", metavar="OUTPUT", help=documentation["output"])
    for option in ("--manifest", "--workers", "--address"):
        setting, metavar = _OPTIONS[option]
        verify.add_argument(option, dest=setting, metavar=metavar, help=_escaped(documentation[setting]))
    look = verify.add_argument_group("second look", _SECOND_LOOK)
    text = "so many published photos, drawn at random; all if there are no more"
    look.add_argument("--sample", metavar="N", type=_count, help=text)
    text = "what decides the draw (default: the id of the newest run)"
    look.add_argument("--seed", metavar="TEXT", help=text)
    for option in ("--detector", "--weights"):
        setting, metavar = _OPTIONS[option]
        look.add_argument(option, dest=setting, metavar=metavar, help=_escaped(documentation[setting]))
    text = (
        "redact what is suspect: its photos are done again as the newest run did them, and every later run does so too"
    )
    look.add_argument("--redact-suspects", action="store_true", help=text)
    text = "write what may be said on the strength of it, and all suspects, as JSON; any fsspec URL"
    verify.add_argument("--json", metavar="FILE", help=text)
    _add_common(verify, "log every finding as it happens")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def add_manifest(command: argparse.ArgumentParser) -> None:
    """The arguments of `anonymizer manifest`."""
    command.add_argument("manifest", metavar="URI", help="folder of the manifest, any fsspec URL")
    command.add_argument("--public", metavar="FILE", required=True, help="where the copy goes, any fsspec URL")
    _add_common(command, "log more")


def add_preview(command: argparse.ArgumentParser) -> None:
    """The arguments of `anonymizer preview`."""
    documentation = {name: doc for name, _, doc in config.fields_of(RunConfig)}
    command.add_argument("image", metavar="IMAGE", help="a single file, any fsspec URL")
    command.add_argument("--out", metavar="FILE", required=True, help="the PNG that is written, any fsspec URL")
    text = "methods to show, in this order (default: all)"
    command.add_argument("--methods", metavar="NAME[,NAME]", default=",".join(typing.get_args(Method)), help=text)
    for option in ("--detector", "--weights"):
        setting, metavar = _OPTIONS[option]
        command.add_argument(option, dest=setting, metavar=metavar, help=_escaped(documentation[setting]))
    _add_common(command, "log more")


def add_report(command: argparse.ArgumentParser) -> None:
    """The arguments of `anonymizer report`."""
    documentation = {name: doc for name, _, doc in config.fields_of(RunConfig)}
    command.add_argument("output", metavar="OUTPUT", help=documentation["output"])
    command.add_argument("--manifest", metavar="URI", help=_escaped(documentation["manifest"]))
    command.add_argument("--html", metavar="FILE", required=True, help="the page that is written, any fsspec URL")
    text = "leave out keys, thumbnails and consent"
    command.add_argument("--public", action="store_true", help=text)
    text = "what an evaluation wrote with --json, any fsspec URL; repeatable"
    command.add_argument("--evidence", metavar="FILE", action="append", default=[], help=text)
    text = "photos to look at, at most (default: 60)"
    command.add_argument("--thumbnails", metavar="N", type=int, default=60, help=text)
    text = "keys that are named of each error code, at most (default: 50)"
    command.add_argument("--failures", metavar="N", type=int, default=50, help=text)
    _add_common(command, "log more")


def _add_common(command: argparse.ArgumentParser, verbose: str) -> None:
    """Arguments that every command on an OUTPUT has."""
    text = "settings as TOML (or JSON), section by section; any fsspec URL"
    command.add_argument("--config", metavar="FILE", help=text)
    assignments: dict[str, Any] = {"action": "append", "default": [], "metavar": "SECTION.KEY=VALUE"}
    text = "any setting, repeatable; the README lists them"
    command.add_argument("--set", dest="assignments", help=text, **assignments)
    command.add_argument("--verbose", action="store_true", help=verbose)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def settings(arguments: argparse.Namespace) -> RunConfig:
    """Configuration file, then `--set`, then options: the later one wins.

    Raises:
        ConfigError: A setting is unknown or wrong, or a secret stands on the command line.
    """
    from anonymizer.run.start.resolve import read_uri

    values: dict[str, Any] = {}
    if arguments.config is not None:
        name = PurePosixPath(arguments.config).name
        values = config.parse_file(read_uri(arguments.config, "the configuration"), name)
    for assignment in arguments.assignments:
        _refuse_secret(assignment)
    values = config.merge(values, config.parse_assignments(arguments.assignments))
    names = [*(name for name, _ in _OPTIONS.values()), *_REPEATED.values(), "input", "output"]
    # A command has some of the options; its settings are those of a run all the same.
    given = {name: getattr(arguments, name, None) for name in names}
    given |= {name: getattr(arguments, name, False) or None for name in _FLAGS.values()}
    for name, value in given.items():
        if value is not None:
            values = config.merge(values, _nested(name, value))
    return config.from_mapping(RunConfig, values)


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


def _refuse_secret(assignment: str) -> None:
    path, _, value = assignment.partition("=")
    section, *parts = path.split(".")
    named = [part for part in parts if part not in _NO_SECRETS and any(word in part.lower() for word in _SECRET_WORDS)]
    if section == "storage" and (named or value.lstrip()[:1] == "{"):
        raise ConfigError(
            f"{path}: a secret on the command line can be read by others; use the environment or --config"
        )


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Does what the command line says and returns the exit status."""
    try:
        # First of all: every other complaint repeats what was typed.
        sanitize.refuse_secrets(argv)
        arguments = parser().parse_args(argv)
        _log_to_stderr(arguments.verbose)
        if arguments.command == "report":
            return _report(settings(arguments), arguments)
        if arguments.command == "manifest":
            return _manifest(settings(arguments), arguments.public)
        if arguments.command == "preview":
            return _preview(settings(arguments), arguments)
        if arguments.command == "verify":
            return _verify(settings(arguments), arguments, environ)
        return _run(settings(arguments), environ)
    except UsageError as error:
        return _complain(error, 2)
    except ObjectError as error:
        return _complain(error.message, 1)
    except AnonymizerError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        print("anonymizer: stopped; start it again with the same arguments to go on", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        return _complain(f"{error} in {sys.executable}: install the dependencies there (requirements.lock)", 1)
    except Exception as error:  # the outermost edge: one line, and the traceback for who asks for it
        logging.getLogger(__name__).debug("unexpected", exc_info=error)
        return _complain(f"unexpected {type(error).__name__}; --verbose shows where", 1)


def _complain(error: object, status: int) -> int:
    print(f"anonymizer: {sanitize.line(error)}", file=sys.stderr)
    return status


def _say(text: str) -> None:
    print(sanitize.page(text))


def _run(run_config: RunConfig, environ: Mapping[str, str]) -> int:
    if not run_config.output and not run_config.in_place:
        raise ConfigError("OUTPUT is needed, or --in-place (see anonymizer run --help)")
    return _driven(run_config, environ)


def _driven(run_config: RunConfig, environ: Mapping[str, str], keys: KeyList | None = None) -> int:
    from anonymizer.run import driver, progress

    watched = progress.TerminalProgress(sys.stderr) if sys.stderr.isatty() else progress.LogProgress()
    signal.signal(signal.SIGTERM, _interrupt)
    secret = naming.secret_of(environ.get(naming.SECRET_VARIABLE)) if run_config.names == "hashed" else None
    ready = _with_cluster(run_config, environ)
    summary = driver.run(ready, watched, inside_job=_inside_job(environ), names_secret=secret, keys=keys)
    _say(progress.closing_table(summary))
    return summary.exit_status


def _verify(run_config: RunConfig, arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from anonymizer.audit import evidence, verify
    from anonymizer.run.start.resolve import write_uri

    sample = verify.Sample(arguments.sample, arguments.seed) if arguments.sample is not None else None
    if sample is None and (arguments.redact_suspects or arguments.seed is not None):
        raise ConfigError("--redact-suspects and --seed are for --sample N")
    signal.signal(signal.SIGTERM, _interrupt)
    result = verify.verify(_with_cluster(run_config, environ), inside_job=_inside_job(environ), sample=sample)
    _say(verify.table(result))
    said = verify.evidence(result)
    if sample is not None:
        _say("\n" + "\n".join(said.statements))
    if arguments.json is not None:
        write_uri(arguments.json, evidence.dumps(said).encode(), private=run_config.storage.private)
    redo = verify.redo(run_config, result) if arguments.redact_suspects else None
    if redo is None:
        return result.exit_status
    print()
    status = _driven(redo.config, environ, redo.keys)
    return status if status in (1, 2, 5) else result.exit_status


def _manifest(run_config: RunConfig, public: str) -> int:
    from anonymizer.lake.manifest import write_public
    from anonymizer.lake.roots import open_manifest

    rows = write_public(open_manifest(run_config, run_config.manifest or ""), public)
    _say(f"{rows} rows written to {public}")
    return 0


def _report(run_config: RunConfig, arguments: argparse.Namespace) -> int:
    from anonymizer.audit.report.build import Options, report

    wanted = (arguments.public, tuple(arguments.evidence), arguments.thumbnails, arguments.failures)
    made = report(run_config, Options(arguments.html, *wanted))
    secrecy = "without keys, photos and consent" if arguments.public else "confidential"
    _say(f"{made.rows} rows, {made.photos} photos, {size_text(made.size_bytes)}; {arguments.html} is {secrecy}")
    if made.refused:
        _say(f"{made.refused} published files are not what the manifest says; anonymizer verify names them")
    return 0


def _preview(run_config: RunConfig, arguments: argparse.Namespace) -> int:
    from anonymizer.audit.report import preview
    from anonymizer.run.start.resolve import load_weights, read_uri, write_uri

    methods = preview.methods_of(arguments.methods)
    data = read_uri(arguments.image, "the image")
    made = preview.preview(data, run_config, methods, load_weights(run_config))
    write_uri(arguments.out, preview.png(made.picture), private=run_config.storage.private)
    scores = ", ".join(f"{face.score:.2f}" for face in made.faces[:20])
    _say(f"{len(made.faces)} faces{f' ({scores})' if scores else ''}; {arguments.out} holds the original")
    return 0


def _with_cluster(run_config: RunConfig, environ: Mapping[str, str]) -> RunConfig:
    """Takes the cluster that the environment names, unless another one was named."""
    if run_config.engine.address != "auto" or not environ.get("RAY_ADDRESS"):
        return run_config
    return replace(run_config, engine=replace(run_config.engine, address=environ["RAY_ADDRESS"]))


def _inside_job(environ: Mapping[str, str]) -> bool:
    # Ray sets this for the entry point of a submitted job.
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in environ


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _log_to_stderr(verbose: bool) -> None:
    sanitize.log_to_stderr("%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("anonymizer").setLevel(logging.DEBUG if verbose else logging.INFO)


def entry_point() -> NoReturn:
    """The console script."""
    sys.exit(main(sys.argv[1:], os.environ))
