"""What a measurement found, in the form in which the report shows it, and the exact interval of a share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from anonymizer.errors import ConfigError

SCHEMA_VERSION = 1
KINDS = ("utility", "privacy", "verification")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a page; cells are shown as they are.

    Attributes:
        title: Of the table.
        note: A sentence or two below it.
        columns: Their headings.
        rows: As many cells each as there are columns.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measurement; it names no person and no path, and no key but in `figures`.

    Attributes:
        kind: One of `KINDS`.
        statements: What may be said on the strength of it, a sentence each, its limits included.
        tables: The figures.
        figures: Everything that was measured, ready for JSON, for programs. Of a verification also the suspects, with
            the manifest's keys: what is shown to everybody leaves the figures out.
    """

    kind: str
    statements: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Mapping[str, Any]


def dumps(evidence: Evidence) -> str:
    """As JSON."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(evidence)}, indent=2) + "\n"


def loads(text: str | bytes) -> Evidence:
    """What `dumps` wrote.

    Raises:
        ConfigError: It is no such file.
    """
    try:
        loaded = json.loads(text)
        if loaded["schema_version"] != SCHEMA_VERSION or loaded["kind"] not in KINDS:
            raise ConfigError("the evidence is of a kind or version that this software does not know")
        tables = tuple(
            Table(table["title"], table["note"], tuple(table["columns"]), tuple(map(tuple, table["rows"])))
            for table in loaded["tables"]
        )
        return Evidence(loaded["kind"], tuple(loaded["statements"]), tables, loaded["figures"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError("the evidence is not what an evaluation wrote with --json") from None


def exact_interval(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share, exact for independent trials (Clopper & Pearson, Biometrika 26, 1934).

    Args:
        hits: Of the trials.
        trials: At least one.
        confidence: Of the two-sided interval.

    Returns:
        Its ends, in 0 to 1.
    """
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1 - tail, hits + 1, trials - hits))
    return low, high
