"""A worker on three folders, without Ray."""

from __future__ import annotations

import pytest

from tests.pictures import photo
from tests.run.worker.bench import Bench


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    for i in range(10):
        (tmp_path / "in" / f"{i}.png").write_bytes(photo(i))
    yield made
    made.lease.release()
