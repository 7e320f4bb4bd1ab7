"""Reports the rows of the registry that match no listed object, for example because their key is misspelled."""

from __future__ import annotations

from collections.abc import Iterable

from anonymizer.config import RunConfig
from anonymizer.errors import RegistryError
from anonymizer.lake.storage import Listed
from anonymizer.people.consent import Registry
from anonymizer.run.summary import NAMED_OBJECTIONS, Summary, row_list


def sees_all(config: RunConfig, summary: Summary) -> bool:
    """Whether the run looks up all of INPUT. Otherwise an unmatched row may match an object that is left out."""
    in_part = (config.keys, config.limit) != (None, None) or config.include or config.exclude
    return not in_part and not summary.stopped_early


def record(registry: Registry, config: RunConfig, summary: Summary) -> None:
    """Adds the unmatched rows to the summary, at the end of a run that has looked up all of INPUT."""
    if sees_all(config, summary):
        summary.registry_unmatched = tuple(registry.unmatched().tolist())
        summary.objections_unmatched = tuple(registry.unmatched(objections=True).tolist())


def require(registry: Registry, config: RunConfig, summary: Summary, listing: Iterable[Listed]) -> None:
    """With `consent.strict`: lists INPUT an additional time and checks that every objection matches an object.

    Is called before anything new is published.

    Raises:
        RegistryError: An objection matches no object; the message lists the rows.
    """
    if not config.consent.strict or not sees_all(config, summary) or not registry.rows:
        return
    for entry in listing:
        registry.meet(entry.key)
    raise_for(registry.unmatched(objections=True).tolist())


def raise_for(rows: list[int]) -> None:
    """Raises RegistryError with the row numbers if there are any."""
    if rows:
        raise RegistryError(
            f"consent.strict: {len(rows)} objections match no listed object, and nothing new is published: "
            f"rows {row_list(rows, NAMED_OBJECTIONS)}; correct their keys, or delete the rows whose photos are gone"
        )
