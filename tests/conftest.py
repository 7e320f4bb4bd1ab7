"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

import botocore.loaders
import botocore.session
import pytest
import ray
from hypothesis import HealthCheck, settings

from anonymizer.run.engine import startup
from tests.fake_s3 import ENVIRONMENT, FakeS3
from tests.real_s3 import ENDPOINT_VARIABLE, RealS3

# A slow machine is no finding.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def _s3_process() -> Iterator[FakeS3 | RealS3]:
    endpoint = os.environ.get(ENDPOINT_VARIABLE)
    if endpoint is not None:
        yield RealS3(endpoint)
        return
    server = FakeS3()
    server.start()
    with pytest.MonkeyPatch.context() as patched:
        # Reading the description of S3 is most of what a new client costs.
        patched.setattr(botocore.session, "create_loader", functools.cache(botocore.loaders.create_loader))
        yield server
    server.stop()


@pytest.fixture(scope="session")
def _their_client(_s3_process: FakeS3) -> Iterator[Any]:
    client = RealS3(_s3_process.endpoint_url).client()
    yield client
    client.close()


@pytest.fixture
def s3_server(_s3_process: FakeS3, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty S3 on this machine; the environment holds credentials for it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    _s3_process.reset()
    return _s3_process


@pytest.fixture
def s3_client(s3_server: FakeS3, _their_client: Any) -> Any:
    """A boto3 client: a hand in the store that is not ours."""
    return _their_client


@pytest.fixture
def bucket(s3_client: Any) -> str:
    """The name of an empty bucket."""
    s3_client.create_bucket(Bucket="photos")
    return "photos"


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """A Ray that every run in these tests connects to."""
    own: dict[str, Any] = {"address": "local", "num_cpus": 2, "include_dashboard": False, "logging_level": 40}
    startup.start_ray(lambda: ray.init(**own, object_store_memory=120 * 2**20), "Ray did not start")
    yield
    ray.shutdown()
