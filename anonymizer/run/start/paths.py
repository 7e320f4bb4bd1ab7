"""Where a run reads and writes: full URLs of INPUT, OUTPUT, the manifest, the originals; which may not lie where."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.storage import folder_uri, is_local, nested
from anonymizer.run.start.arguments import check_options, with_output_in_place


def resolved(config: RunConfig, *, inside_job: bool) -> tuple[RunConfig, str]:
    """The configuration with full URLs, and that of the manifest's folder.

    Args:
        config: As the user wrote it.
        inside_job: Relative paths are refused: inside a Ray job they point into a package that is deleted later.

    Raises:
        ConfigError: They are missing, contradict each other or cannot mean what was meant.
    """
    if config.in_place:
        config = with_output_in_place(config)
    if not config.input or not config.output:
        raise ConfigError("INPUT and OUTPUT are both needed")
    if inside_job and any(_is_relative_path(uri) for uri in _given(config)):
        raise ConfigError("inside a Ray job relative paths point into a package that is deleted later: give full ones")
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
    """Where the manifest lies: as it was given, else in a folder beside OUTPUT."""
    if config.manifest:
        return folder_uri(config.manifest)
    if config.manifest is None and not is_local(output) and "/" not in output.partition("://")[2].strip("/"):
        where = "INPUT" if config.in_place else "OUTPUT"
        raise ConfigError(f"{where} is a bucket's root, so its manifest cannot lie beside it: give --manifest URI")
    return f"{output.rstrip('/')}.manifest"


def _check_apart(config: RunConfig) -> None:
    """No folder that is written to may lie in another one, nor hold it; else a run would read what it writes."""
    folders = {
        "INPUT": config.input,
        "OUTPUT": None if config.in_place else config.output,
        "the manifest": config.manifest,
        "the originals": config.originals,
    }
    for (name, a), (other, b) in combinations([(n, uri) for n, uri in folders.items() if uri is not None], 2):
        # The manifest may lie in an INPUT that nothing else is written to.
        if nested(a, b) and ({name, other} != {"INPUT", "the manifest"} or config.in_place):
            raise ConfigError(f"{name} and {other} lie inside one another")
