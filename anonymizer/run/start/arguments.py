"""Checks which options of a run contradict each other, and hashes its arguments to recognize a run to resume."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.sanitize import settings_without_secrets


def with_output_in_place(config: RunConfig) -> RunConfig:
    """Returns the configuration of a run with `--in-place`: INPUT is OUTPUT too, so safe images replace their sources.

    Raises:
        ConfigError: Other options contradict `--in-place`, or it is not said whether the originals are kept.
    """
    if config.output:
        raise ConfigError("--in-place takes no OUTPUT: the photos in INPUT are replaced")
    if (config.originals is None) != config.discard_originals:
        raise ConfigError("--in-place needs either --originals URI (keeps the originals) or --discard-originals")
    if config.names != "same" or config.consent.policy != "redact":
        raise ConfigError("--in-place cannot be combined with --names hashed or --policy public")
    storage = replace(config.storage, output=config.storage.output or config.storage.input)
    return replace(config, output=config.input, storage=storage)


def check_options(config: RunConfig) -> None:
    """Raises ConfigError for options that cannot be combined.

    `--prune` removes the outputs of objects that are no longer listed. It needs the whole listing, because an object
    that is missing in a part of it may still exist.
    """
    part = {"--keys": config.keys, "--limit": config.limit, "--include": config.include, "--exclude": config.exclude}
    given = [option for option, value in part.items() if value not in (None, ())]
    if not config.in_place and (config.originals is not None or config.discard_originals):
        raise ConfigError("--originals and --discard-originals need --in-place")
    if config.prune and given:
        raise ConfigError(f"--prune needs the whole listing: it cannot be combined with {given[0]}")
    if config.keys is not None and len(given) > 1:
        raise ConfigError(f"--keys cannot be combined with {given[1]}")


def arguments_sha256(config: RunConfig) -> str:
    """Hashes the arguments of a run: a run with the same hash as an unfinished one resumes it.

    Settings of engine and storage and `adopt` do not count; secrets are left out.
    """
    values = settings_without_secrets(dataclasses.asdict(config))
    del values["engine"], values["storage"], values["adopt"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
