"""Store the results of measurements in the form that the report shows, and compute exact confidence intervals."""

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
    """One table of the report; cells are shown unchanged.

    Attributes:
        title: The caption.
        note: A sentence or two shown below the table.
        columns: The column headings.
        rows: The cells, one per column.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of one measurement. It names no person or path; object keys appear in `figures` only.

    Attributes:
        kind: One of `KINDS`.
        statements: The conclusions and their limits, one sentence each.
        tables: The figures.
        figures: Everything that was measured, ready for JSON, for programs. Of a verification also the suspects, with
            the manifest's keys: what is shown to everybody leaves the figures out.
    """

    kind: str
    statements: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Mapping[str, Any]


def dumps(evidence: Evidence) -> str:
    """Serializes evidence as JSON."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(evidence)}, indent=2) + "\n"


def loads(text: str | bytes) -> Evidence:
    """Parses what `dumps` wrote.

    Raises:
        ConfigError: The text is not evidence of a known kind and version.
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
    """The exact confidence interval of a proportion for independent trials (Clopper & Pearson, Biometrika 26, 1934).

    Args:
        hits: Number of successes.
        trials: Number of trials, at least one.
        confidence: Confidence level of the two-sided interval.

    Returns:
        The lower and upper bound, from 0 to 1.
    """
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1 - tail, hits + 1, trials - hits))
    return low, high
