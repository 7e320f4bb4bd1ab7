"""Fixtures that several parts of the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from tests.fake_s3 import ENVIRONMENT, FakeS3


@pytest.fixture(scope="session")
def _s3_process() -> Iterator[FakeS3]:
    server = FakeS3()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def s3_server(_s3_process: FakeS3, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty S3 on this machine; the environment holds credentials for it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    _s3_process.reset()
    return _s3_process


@pytest.fixture
def bucket(s3_server: FakeS3) -> str:
    """The name of an empty bucket."""
    client = boto3.client("s3", endpoint_url=s3_server.endpoint_url)
    client.create_bucket(Bucket="photos")
    client.close()
    return "photos"
