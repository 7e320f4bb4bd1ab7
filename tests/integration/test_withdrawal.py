"""Consents are withdrawn: their photos go first, all versions of them, and nobody else's is touched."""

from __future__ import annotations

import os

import boto3
import pytest

from anonymizer.lake.storage import marked_id
from anonymizer.run import engine
from infra.proof.faults import proxy
from infra.proof.faults.proxy import Rules
from tests.fake_s3 import ENVIRONMENT
from tests.integration.runs import rows, run
from tests.pictures import photo
from tests.real_s3 import RealS3

pytestmark = pytest.mark.usefixtures("cluster")

#: The measurement is made with 1,000 and 10.
COUNT = int(os.environ.get("WITHDRAWAL_COUNT", "40"))
KEYS = [f"{i:04}.png" for i in range(COUNT)]
WITHDRAWN = KEYS[: COUNT // 2 : max(1, COUNT // 20)][:10]
DELETED = WITHDRAWN[1:3]
DENIED = KEYS[KEYS.index(WITHDRAWN[5]) + 1]
CREDENTIALS = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]}


@pytest.fixture
def client(s3_server):
    client = boto3.client("s3", endpoint_url=s3_server.endpoint_url)
    for bucket in ("lake-in", "lake-out"):
        client.create_bucket(Bucket=bucket)
    # Ceph up to Pacific ignores conditions in a versioned bucket, and such a bucket is refused.
    if not isinstance(s3_server, RealS3):
        client.put_bucket_versioning(Bucket="lake-out", VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def line(s3_server):
    """A way to the store on which one key may not be read."""
    with proxy.running(s3_server.endpoint_url, Rules(denied=(f"/photos/{DENIED}",)), seed=1) as url:
        yield url


def settings(registry, url):
    reach = {"endpoint_url": url, **CREDENTIALS}
    return {"storage": {"input": reach, "output": reach}, "consent": {"registry": str(registry)}}


def published(client):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="lake-out", Prefix="run/")
    found = {o["Key"].removeprefix("run/"): o["ETag"] for page in pages for o in page.get("Contents", ())}
    return {key: etag for key, etag in found.items() if marked_id(key) is None}


def kept_versions(client):
    """ETags of every version of every photo, older ones too."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket="lake-out", Prefix="run/")
    return {(o["Key"].removeprefix("run/"), o["ETag"]) for page in pages for o in page.get("Versions", ())}


def write_registry(path, keys):
    path.write_text("key,status\n" + "".join(f"{key},granted\n" for key in keys))


def test_withdrawn_consents_go_first_and_nothing_else_is_touched(client, line, s3_server, tmp_path, monkeypatch):
    for i, key in enumerate(KEYS):
        client.put_object(Bucket="lake-in", Key=f"photos/{key}", Body=photo(i))
    registry = tmp_path / "consent.csv"
    write_registry(registry, KEYS)
    places = ("s3://lake-in/photos", "s3://lake-out/run")
    first = run(*places, settings(registry, s3_server.endpoint_url))
    before = published(client)
    assert (first.statuses["retained"], len(before)) == (COUNT, COUNT)

    write_registry(registry, [key for key in KEYS if key not in WITHDRAWN])
    for key in DELETED:
        client.delete_object(Bucket="lake-in", Key=f"photos/{key}")
    at_work = []
    connected = engine.connected

    def watched(*arguments):
        at_work.append((published(client), kept_versions(client)))
        return connected(*arguments)

    monkeypatch.setattr(engine, "connected", watched)
    # The key that may not be read has changed, or nobody would read it.
    client.put_object(Bucket="lake-in", Key=f"photos/{DENIED}", Body=photo(COUNT))
    summary = run(*places, settings(registry, line))

    faces = {(key, before[key]) for key in WITHDRAWN}
    [(seen, versions)] = at_work
    assert seen.keys() == set(KEYS) - set(WITHDRAWN)
    assert not faces & versions
    assert summary.removed_unsafe == len(WITHDRAWN)
    assert (summary.gone, summary.unsafe_left) == (0, [])
    after = published(client)
    redone = set(WITHDRAWN) - set(DELETED)
    assert after.keys() == set(KEYS) - set(DELETED)
    assert {key for key in after if after[key] != before[key]} == redone
    assert not faces & kept_versions(client)
    table = rows(places[1], settings(registry, s3_server.endpoint_url)["storage"]["output"])
    assert {table[key]["status"] for key in redone} == {"anonymized"}
    assert {table[key]["status"] for key in DELETED} == {"removed"}
    assert (table[DENIED]["status"], table[DENIED]["error_code"]) == ("failed", "access_denied")
