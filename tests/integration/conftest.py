"""Fixtures of the tests in which the world around a run changes."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest

from anonymizer.run.start import clock as clock_module
from infra.proof.days.engine import in_this_process
from infra.proof.days.steps import Steps
from tests.fake_s3 import ENVIRONMENT
from tests.integration.worlds import Bucket, Disk, World
from tests.pictures import photo
from tests.real_s3 import RealS3


@pytest.fixture
def no_ray():
    """What is tested here is decided by the driver and done by workers: where these run does not matter."""
    with in_this_process(Steps(), workers_die=False):
        yield


@pytest.fixture(params=["disk", "s3"])
def world(request, tmp_path):
    """A lake of three photos, two of which may be shown."""
    made: World = Disk(tmp_path)
    if request.param == "s3":
        server = request.getfixturevalue("s3_server")
        made = Bucket(tmp_path, server, request.getfixturevalue("s3_client"), versioned=False)
    for i, key in enumerate(("a.png", "b.png", "c.png")):
        made.put(key, photo(i))
    made.grant("a.png,granted", "b.png,granted")
    return made


@pytest.fixture
def versions(s3_server, s3_client, tmp_path):
    """The same lake over a bucket that keeps versions."""
    # Ceph up to Pacific ignores conditions in a versioned bucket, and such a bucket is refused else.
    made = Bucket(tmp_path, s3_server, s3_client, versioned=True, unconditional=isinstance(s3_server, RealS3))
    for i, key in enumerate(("a.png", "b.png", "c.png")):
        made.put(key, photo(i))
    made.grant("a.png,granted", "b.png,granted")
    return made


@pytest.fixture
def clock(monkeypatch):
    """What the machine's clock says to runs."""
    now = [datetime(2026, 6, 10, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now[0].astimezone(tz)

    monkeypatch.setattr(clock_module, "datetime", Clock)
    return now


@pytest.fixture
def client(s3_server):
    """A client of the server, with a bucket for INPUT and one for OUTPUT."""
    client = boto3.client("s3", endpoint_url=s3_server.endpoint_url)
    for name in ("lake-in", "lake-out"):
        client.create_bucket(Bucket=name)
    yield client
    client.close()


@pytest.fixture
def options(s3_server):
    """Settings that reach it: workers have the environment in which Ray was started, so they are given credentials."""
    credentials = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}
    reach = s3_server.options | credentials
    return {"storage": {"input": reach, "output": reach}}
