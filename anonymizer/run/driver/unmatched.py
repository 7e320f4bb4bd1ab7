"""Rows of the registry that match no listed object: nobody can tell whom they were meant for."""

from __future__ import annotations

from collections.abc import Iterable

from anonymizer.config import RunConfig
from anonymizer.errors import RegistryError
from anonymizer.lake.storage import Listed
from anonymizer.people.consent import Registry
from anonymizer.run.summary import NAMED_OBJECTIONS, Summary, row_list


def sees_all(config: RunConfig, summary: Summary) -> bool:
    """Whether a run asks the registry about all of INPUT. Otherwise such a row may match what is left out."""
    in_part = (config.keys, config.limit) != (None, None) or config.include or config.exclude
    return not in_part and not summary.stopped_early


def record(registry: Registry, config: RunConfig, summary: Summary) -> None:
    """Names them in the account, at the end of a run that has asked the registry about all of INPUT."""
    if sees_all(config, summary):
        summary.registry_unmatched = tuple(registry.unmatched().tolist())
        summary.objections_unmatched = tuple(registry.unmatched(objections=True).tolist())


def require(registry: Registry, config: RunConfig, summary: Summary, listing: Iterable[Listed]) -> None:
    """With `consent.strict`: lists INPUT once more and makes sure that every objection matches an object.

    This is done before anything new is published.

    Raises:
        RegistryError: An objection matches nothing; names the rows.
    """
    if not config.consent.strict or not sees_all(config, summary) or not registry.rows:
        return
    for entry in listing:
        registry.meet(entry.key)
    raise_for(registry.unmatched(objections=True).tolist())


def raise_for(rows: list[int]) -> None:
    """Raises RegistryError if there are any; names the rows."""
    if rows:
        raise RegistryError(
            f"consent.strict: {len(rows)} objections match no listed object, and nothing new is published: "
            f"rows {row_list(rows, NAMED_OBJECTIONS)}; correct their keys, or take out those whose photos are gone"
        )
