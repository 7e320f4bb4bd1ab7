"""Folders for the tests of a manifest."""

import pytest

from anonymizer.lake.storage import open_root
from tests.lake.manifest.stores import MemoryStore


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else open_root(str(tmp_path / "out.manifest"))
