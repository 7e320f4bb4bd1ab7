"""Defines all settings: each is a typed field with its documentation, default and limits.

The command line, `--set section.key=value`, the configuration file (TOML or JSON), the page of settings and the error
messages all come from these fields. An unknown key is an error.
"""

from anonymizer.config.convert import from_mapping
from anonymizer.config.fields import choices, fields_of
from anonymizer.config.hashes import (
    failure_settings_sha256,
    item_settings_sha256,
    settings_sha256,
    shard_settings_sha256,
)
from anonymizer.config.schema import (
    Adopt,
    Bind,
    BoxesConfig,
    BoxesMode,
    CodecConfig,
    ConsentConfig,
    DetectorConfig,
    DetectorName,
    EngineConfig,
    Jpeg,
    Kept,
    MetadataConfig,
    Method,
    Names,
    Policy,
    Precision,
    Preset,
    Raw,
    RedactionConfig,
    RunConfig,
    ShardsConfig,
    StorageConfig,
)
from anonymizer.config.sources import merge, parse_assignments, parse_file

__all__ = [
    "Adopt",
    "Bind",
    "BoxesConfig",
    "BoxesMode",
    "CodecConfig",
    "ConsentConfig",
    "DetectorConfig",
    "DetectorName",
    "EngineConfig",
    "Jpeg",
    "Kept",
    "MetadataConfig",
    "Method",
    "Names",
    "Policy",
    "Precision",
    "Preset",
    "Raw",
    "RedactionConfig",
    "RunConfig",
    "ShardsConfig",
    "StorageConfig",
    "choices",
    "failure_settings_sha256",
    "fields_of",
    "from_mapping",
    "item_settings_sha256",
    "merge",
    "parse_assignments",
    "parse_file",
    "settings_sha256",
    "shard_settings_sha256",
]
