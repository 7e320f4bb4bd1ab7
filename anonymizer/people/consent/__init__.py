"""Evaluate the consent registry: read it, decide about a key, apply the decision to the faces of a picture."""

from anonymizer.people.consent.binding import bind, held
from anonymizer.people.consent.cells import parse_time
from anonymizer.people.consent.faces import Canvas, Verdict, apply, is_withheld, status_of
from anonymizer.people.consent.registry import Registry, empty_registry, load_registry

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
