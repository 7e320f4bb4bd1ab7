"""The policies of infra/deploy/iam allow what runs ask of S3: whoever asks for more is refused, as AWS would."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest

from anonymizer.audit.verify import verify
from anonymizer.config import RunConfig
from anonymizer.lake import manifest
from anonymizer.run import driver
from anonymizer.run.progress import LogProgress
from infra.proof.days.engine import in_this_process
from infra.proof.days.steps import Steps
from tests.fake_s3 import ENVIRONMENT, FakeS3
from tests.integration.runs import config
from tests.pictures import photo

IAM = Path(__file__).parents[3] / "infra" / "deploy" / "iam"
BUCKETS = ("photos-raw", "photos-safe", "photos-manifest", "photos-consent", "photos-originals")
REGISTRY = "s3://photos-consent/registry.csv"


@dataclass(frozen=True)
class Asked:
    """An action on a bucket (with the prefix that is listed) or on an object."""

    action: str
    bucket: str
    key: str = ""
    prefix: str = ""

    def allowed_by(self, statements: Iterable[Mapping[str, Any]]) -> bool:
        return any(self._allowed(statement) for statement in statements)

    def _allowed(self, statement: Mapping[str, Any]) -> bool:
        resource = f"arn:aws:s3:::{self.bucket}" + (f"/{self.key}" if self.key else "")
        patterns = _listed(statement["Resource"])
        if self.action not in statement["Action"] or not any(fnmatchcase(resource, pattern) for pattern in patterns):
            return False
        conditions = statement.get("Condition", {}).values()
        wanted = [_listed(condition["s3:prefix"]) for condition in conditions]
        # The conditions end in IfExists: without a prefix there is nothing to compare.
        return not self.prefix or all(any(fnmatchcase(self.prefix, p) for p in patterns) for patterns in wanted)


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def asked(method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> Iterator[Asked]:
    """What a request needs by the tables of AWS."""
    bucket, _, key = path.lstrip("/").partition("/")
    version = "Version" if "versionId" in query else ""
    if key:
        action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
        yield Asked(f"s3:{action}{version}", bucket, key)
    elif method == "POST":
        assert "delete" in query
        for entry in re.findall(rb"<Object>(.*?)</Object>", body, re.DOTALL):
            [name] = re.findall(rb"<Key>(.*?)</Key>", entry, re.DOTALL)
            yield Asked("s3:DeleteObject" + "Version" * (b"<VersionId>" in entry), bucket, name.decode())
    else:
        assert method == "GET"
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        yield Asked(action, bucket, prefix=query.get("prefix", [""])[0])


@dataclass
class Guarded(FakeS3):
    """Refuses what the policies do not allow; without policies everything is allowed."""

    statements: list[dict[str, Any]] = field(default_factory=list)
    denied: list[Asked] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if self.statements:
            query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
            wanted = list(asked(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, body))
            self.seen |= {one.action for one in wanted}
            denied = [one for one in wanted if not one.allowed_by(self.statements)]
            self.denied += denied
            if denied:
                text = b"<Error><Code>AccessDenied</Code><Message>no statement allows it</Message></Error>"
                start("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
                return [text]
        return super()._answer(environ, start)

    def under(self, *names: str) -> None:
        """Only what these policies allow, from now on; they are those of a lake below `lake`."""
        policies = [json.loads((IAM / f"{name}.json").read_text()) for name in names]
        self.statements = [statement for policy in policies for statement in policy["Statement"]]


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def store(request, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = Guarded()
    server.start()
    # What moto holds is the process's, whichever server shows it.
    server.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint_url)
    client = boto3.client("s3", endpoint_url=server.endpoint_url)
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
        if request.param:
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for i in range(4):
        client.put_object(Bucket="photos-raw", Key=f"lake/{i}.png", Body=photo(i))
    client.close()
    yield server
    server.statements = []
    server.reset()
    server.stop()


def registered(server: Guarded, rows: str) -> None:
    server.plant("photos-consent", "registry.csv", f"key,status\n{rows}".encode())


def settings(**more: Any) -> RunConfig:
    given = {"consent": {"registry": REGISTRY}, "manifest": "s3://photos-manifest/lake", **more}
    return config("s3://photos-raw/lake", "" if "in_place" in more else "s3://photos-safe/lake", given)


def ran(given: RunConfig) -> int:
    with in_this_process(Steps(), workers_die=False):
        return driver.run(given, LogProgress()).exit_status


def probes(server: Guarded) -> list[str]:
    """What the conditions were tried on, and is still there."""
    client = boto3.client("s3", endpoint_url=server.endpoint_url)
    server.statements = []
    listed = [client.list_object_versions(Bucket=bucket) for bucket in BUCKETS]
    client.close()
    entries = [e for page in listed for kind in ("Versions", "DeleteMarkers") for e in page.get(kind, ())]
    return [entry["Key"] for entry in entries if ".probe." in entry["Key"]]


def test_two_nights_with_a_withdrawal_and_what_comes_after_them(store):
    registered(store, "0.png,granted\n1.png,granted\n")
    store.under("source", "output", "manifest")
    assert ran(settings()) == 0
    registered(store, "0.png,granted\n1.png,denied\n")
    store.plant("photos-raw", "lake/2.png", photo(7))
    assert ran(settings()) == 0
    store.under("output", "manifest")
    assert verify(settings()).exit_status == 0
    store.under("auditor")
    assert manifest.current("s3://photos-manifest/lake").num_rows == 4
    assert store.denied == []
    assert {"s3:DeleteObject", "s3:ListBucketVersions"} <= store.seen
    assert probes(store) == []


def test_in_place_with_the_originals_kept(store):
    registered(store, "0.png,granted\n")
    # Of the source's policy the registry's part: the lake's own is the policy for in place.
    store.under("in-place", "manifest", "source")
    given = settings(in_place=True, originals="s3://photos-originals/lake")
    assert ran(given) == 0
    store.plant("photos-raw", "lake/2.png", photo(9))
    assert ran(given) == 0
    assert store.denied == []
    assert probes(store) == []


def test_what_no_statement_allows_is_refused(store):
    """The guard itself."""
    registered(store, "")
    store.under("source", "output")
    with pytest.raises(Exception, match=r"denied|permission|access"):
        ran(settings())
    assert {one.bucket for one in store.denied} == {"photos-manifest"}
