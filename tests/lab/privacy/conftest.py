"""What all attacks in the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Small matrices on a busy machine: threads that wait for each other take many times as long as one alone."""
    with threadpool_limits(1):
        yield
