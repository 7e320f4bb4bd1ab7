"""What a run was asked for: which options contradict each other, and whether two starts ask for the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import replace

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.sanitize import settings_without_secrets


def with_output_in_place(config: RunConfig) -> RunConfig:
    """The configuration of a run with `--in-place`: INPUT is OUTPUT too, so that safe images replace their sources.

    Raises:
        ConfigError: Options contradict this, or leave open what becomes of the originals.
    """
    if config.output:
        raise ConfigError("--in-place takes no OUTPUT: INPUT is cleaned where it lies")
    if (config.originals is None) != config.discard_originals:
        raise ConfigError("--in-place replaces the originals: --originals URI keeps them, --discard-originals does not")
    if config.names != "same" or config.consent.policy != "redact":
        raise ConfigError("--in-place keeps names and withholds nothing: no --names hashed, no --policy public")
    storage = replace(config.storage, output=config.storage.output or config.storage.input)
    return replace(config, output=config.input, storage=storage)


def check_options(config: RunConfig) -> None:
    """Raises ConfigError for options that cannot stand beside each other.

    `--prune` removes the outputs of objects that are not listed any more. It needs the whole listing: what a part of
    it does not show is not gone.
    """
    part = {"--keys": config.keys, "--limit": config.limit, "--include": config.include, "--exclude": config.exclude}
    given = [option for option, value in part.items() if value not in (None, ())]
    if not config.in_place and (config.originals is not None or config.discard_originals):
        raise ConfigError("--originals and --discard-originals are for --in-place")
    if config.prune and given:
        raise ConfigError(f"--prune needs the whole listing: it cannot stand beside {given[0]}")
    if config.keys is not None and len(given) > 1:
        raise ConfigError(f"--keys names the objects: it cannot stand beside {given[1]}")


def arguments_sha256(config: RunConfig) -> str:
    """Hash of what makes two starts the same run, so that the second one takes up what the first one left.

    The number of workers and how the storage is reached do not count; secrets are left out.
    """
    values = settings_without_secrets(dataclasses.asdict(config))
    del values["engine"], values["storage"], values["adopt"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
