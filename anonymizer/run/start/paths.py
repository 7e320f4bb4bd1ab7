"""Resolves INPUT, OUTPUT, the manifest and the originals to full URLs, and checks that none is inside another."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.storage import folder_uri, is_local, nested
from anonymizer.run.start.arguments import check_options, with_output_in_place


def resolved(config: RunConfig, *, inside_job: bool) -> tuple[RunConfig, str]:
    """Returns the configuration with full URLs, and the URL of the manifest's folder.

    Args:
        config: The settings as the user gave them.
        inside_job: The process is the entry point of a Ray job: relative paths are refused, because they would point
            into the job's working directory, which Ray deletes.

    Raises:
        ConfigError: A URL is missing or not allowed, or two contradict each other.
    """
    if config.in_place:
        config = with_output_in_place(config)
    if not config.input or not config.output:
        raise ConfigError("INPUT and OUTPUT are both required")
    if inside_job and any(_is_relative_path(uri) for uri in _given(config)):
        raise ConfigError(
            "a Ray job needs absolute paths: relative ones would point into its working directory, which Ray deletes"
        )
    check_options(config)
    source, output = folder_uri(config.input), folder_uri(config.output)
    manifest = _manifest_uri(config, output)
    originals = folder_uri(config.originals) if config.originals else None
    config = replace(config, input=source, output=output, manifest=manifest, originals=originals)
    _check_apart(config)
    return config, manifest


def _given(config: RunConfig) -> list[str]:
    return [uri for uri in (config.input, config.output, config.manifest, config.originals) if uri]


def _is_relative_path(uri: str) -> bool:
    return "://" not in uri and not uri.startswith("/")


def _manifest_uri(config: RunConfig, output: str) -> str:
    """URL of the manifest's folder: as given, else `OUTPUT.manifest` beside OUTPUT."""
    if config.manifest:
        return folder_uri(config.manifest)
    if config.manifest is None and not is_local(output) and "/" not in output.partition("://")[2].strip("/"):
        where = "INPUT" if config.in_place else "OUTPUT"
        raise ConfigError(f"{where} is the root of a bucket, so the manifest cannot be beside it: give --manifest URI")
    return f"{output.rstrip('/')}.manifest"


def _check_apart(config: RunConfig) -> None:
    """Raises ConfigError if a folder that is written to is inside another one; a run would then read what it writes."""
    folders = {
        "INPUT": config.input,
        "OUTPUT": None if config.in_place else config.output,
        "the manifest": config.manifest,
        "the originals": config.originals,
    }
    for (name, a), (other, b) in combinations([(n, uri) for n, uri in folders.items() if uri is not None], 2):
        # The manifest may be inside INPUT, unless the run works in place.
        if nested(a, b) and ({name, other} != {"INPUT", "the manifest"} or config.in_place):
            raise ConfigError(f"{name} and {other} are inside one another")
