"""The consent registry: read it, decide about a key, apply the decision to the faces of one picture."""

from anonymizer.consent.binding import bind, held
from anonymizer.consent.cells import parse_time
from anonymizer.consent.faces import Canvas, Verdict, apply, is_withheld, status_of
from anonymizer.consent.registry import Registry, empty_registry, load_registry

__all__ = [
    "Canvas",
    "Registry",
    "Verdict",
    "apply",
    "bind",
    "empty_registry",
    "held",
    "is_withheld",
    "load_registry",
    "parse_time",
    "status_of",
]
