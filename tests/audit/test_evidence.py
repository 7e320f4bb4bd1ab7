"""The form of a measurement, and the exact interval of a share."""

import pytest
from scipy.stats import binom

from anonymizer.audit import evidence
from anonymizer.audit.evidence import Evidence, Table, exact_interval
from anonymizer.errors import ConfigError

FOUND = Evidence("privacy", ("A sentence.",), (Table("T", "a note", ("a", "b"), (("1", "2"),)),), {"auc": 0.5})


def test_comes_back_as_it_was():
    assert evidence.loads(evidence.dumps(FOUND)) == FOUND


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema_version": 1}', b"\xff"])
def test_anything_else_is_refused_in_a_line(text):
    with pytest.raises(ConfigError, match="evidence"):
        evidence.loads(text)


@pytest.mark.parametrize("change", [('"schema_version": 1', '"schema_version": 9'), ('"privacy"', '"astrology"')])
def test_unknown_versions_and_kinds_are_refused(change):
    with pytest.raises(ConfigError, match="does not know"):
        evidence.loads(evidence.dumps(FOUND).replace(*change))


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (1, 1), (0, 300), (3, 300), (150, 300), (300, 300)])
def test_the_ends_leave_a_fortieth_on_each_side(hits, trials):
    low, high = exact_interval(hits, trials)
    assert low <= hits / trials <= high
    if hits > 0:
        assert binom.sf(hits - 1, trials, low) == pytest.approx(0.025)
    else:
        assert low == 0
    if hits < trials:
        assert binom.cdf(hits, trials, high) == pytest.approx(0.025)
    else:
        assert high == 1
