"""Makes a data lake of photographs safe: redacts faces without consent, scrubs all metadata."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anonymizer.errors import AnonymizerError, ObjectError
    from anonymizer.lab import augment
    from anonymizer.lake import manifest
    from anonymizer.pipeline import Anonymizer
    from anonymizer.records import AnonymizedImage

__version__ = "0.1.0"

__all__ = ["AnonymizedImage", "Anonymizer", "AnonymizerError", "ObjectError", "augment", "manifest"]

_HOMES = {
    "AnonymizedImage": "records",
    "Anonymizer": "pipeline",
    "AnonymizerError": "errors",
    "ObjectError": "errors",
    "augment": "lab",
    "manifest": "lake",
}


def __getattr__(name: str) -> Any:
    """Loads a public name when it is asked for: `anonymizer --help` needs no network runtime."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}.{_HOMES[name]}"
    try:
        return getattr(importlib.import_module(home), name)
    except AttributeError:
        return importlib.import_module(f"{home}.{name}")
