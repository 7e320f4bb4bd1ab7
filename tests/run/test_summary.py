import pytest

from anonymizer.errors import ConfigError
from anonymizer.run.summary import FailureLimit, Summary, exit_status, failure_limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, None), ("0", FailureLimit(0, None)), ("7", FailureLimit(7, None)), ("5%", FailureLimit(None, 0.05))],
)
def test_failure_limits(text, expected):
    assert failure_limit(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "x", "101%", "-1%", "nan%", "1.5"])
def test_malformed_failure_limits(text):
    with pytest.raises(ConfigError):
        failure_limit(text)


@pytest.mark.parametrize(
    ("failed", "limit", "unsafe_left", "early", "expected"),
    [
        (0, None, [], False, 0),
        (1, None, [], False, 3),
        (1, "1", [], False, 0),
        (10, "10%", [], False, 0),
        (11, "10%", [], False, 3),
        (0, "5", [], True, 3),
        (9, None, ["a"], False, 5),
    ],
)
def test_exit_statuses(failed, limit, unsafe_left, early, expected):
    summary = Summary(current_failures=failed, unsafe_left=unsafe_left, stopped_early=early)
    assert exit_status(summary, failure_limit(limit), rows=100) == expected
