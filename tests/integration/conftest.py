"""One Ray for the whole session: embedded, two CPUs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import ray


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A Ray that every run in these tests connects to."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=120 * 2**20, logging_level=40)
    yield
    ray.shutdown()
