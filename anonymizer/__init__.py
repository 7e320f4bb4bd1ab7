"""Makes a data lake of photographs safe: redacts faces without consent, scrubs all metadata."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anonymizer.errors import AnonymizerError, ObjectError
    from anonymizer.pipeline import Anonymizer
    from anonymizer.records import AnonymizedImage

__version__ = "0.1.0"

__all__ = ["AnonymizedImage", "Anonymizer", "AnonymizerError", "ObjectError"]

_HOMES = {
    "AnonymizedImage": "anonymizer.records",
    "Anonymizer": "anonymizer.pipeline",
    "AnonymizerError": "anonymizer.errors",
    "ObjectError": "anonymizer.errors",
}


def __getattr__(name: str) -> Any:
    """Loads a public name when it is asked for: `anonymizer --help` needs no network runtime."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
