"""Objects that S3 has put away: known from the listing, read once they are restored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from anonymizer.errors import Archived
from anonymizer.lake.storage import Root, open_root
from anonymizer.lake.storage.faults import Kind, S3Fault
from anonymizer.lake.storage.s3.archive import needs_restoring, page_of_objects
from anonymizer.records import ImageRef
from tests.fake_s3 import FakeS3

CLASSES = {"a": "STANDARD", "b": "GLACIER", "c": "DEEP_ARCHIVE", "d": "GLACIER_IR", "e": "INTELLIGENT_TIERING"}


@pytest.fixture
def root(s3_server: FakeS3, bucket: str) -> Iterator[Root]:
    if not isinstance(s3_server, FakeS3):
        pytest.skip("this store has no archive")
    with open_root(f"s3://{bucket}", s3_server.options) as opened:
        yield opened


def _refs(root: Root) -> dict[str, ImageRef]:
    return {ref.key: ref for ref in root.list() if isinstance(ref, ImageRef)}


def test_the_listing_tells(s3_client: Any, bucket: str, root: Root) -> None:
    for key, name in CLASSES.items():
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"1", StorageClass=name)
    found = _refs(root)
    assert {key: ref.archived for key, ref in found.items()} == dict.fromkeys(CLASSES, False) | {"b": True, "c": True}
    assert {key: root.stat(key) for key in CLASSES} == found
    for key in "bc":
        with pytest.raises(Archived):
            root.read(found[key])
    assert root.read(found["d"]) == b"1"


def test_what_was_restored_is_read(s3_client: Any, bucket: str, root: Root) -> None:
    s3_client.put_object(Bucket=bucket, Key="b", Body=b"1", StorageClass="GLACIER")
    s3_client.restore_object(Bucket=bucket, Key="b", RestoreRequest={"Days": 1})
    ref = root.stat("b")
    assert isinstance(ref, ImageRef)
    assert not ref.archived
    assert root.read(ref) == b"1"


class _Client:
    """Answers as AWS documents it; moto knows nothing of the states of copies in listings."""

    def __init__(self, *answers: dict[str, Any] | S3Fault) -> None:
        self._answers = iter(answers)
        self.asked: list[dict[str, Any]] = []

    def send(self, operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        assert operation == "list_objects_v2"
        self.asked.append(parameters)
        answer = next(self._answers)
        if isinstance(answer, S3Fault):
            raise answer
        return answer, b""


def _page(client: _Client) -> dict[str, bool]:
    page = page_of_objects(client, {"Prefix": "p"})  # type: ignore[arg-type]
    return {item["Key"]: needs_restoring(item) for item in page["Contents"]}


def test_a_page_without_archived_objects_is_asked_for_once() -> None:
    client = _Client({"Contents": [{"Key": "a"}, {"Key": "b", "StorageClass": "STANDARD_IA"}]})
    assert _page(client) == {"a": False, "b": False}
    assert client.asked == [{"Prefix": "p"}]


def test_a_page_with_some_is_asked_for_with_their_state() -> None:
    first = {"Contents": [{"Key": key, "StorageClass": "GLACIER"} for key in "abc"]}
    states = {"b": {"IsRestoreInProgress": True}, "c": {"IsRestoreInProgress": False, "RestoreExpiryDate": object()}}
    second = {"Contents": [{**item, "RestoreStatus": states.get(item["Key"], {})} for item in first["Contents"]]}
    client = _Client(first, second)
    assert _page(client) == {"a": True, "b": True, "c": False}
    assert client.asked[1] == {"Prefix": "p", "OptionalObjectAttributes": ["RestoreStatus"]}


def test_where_the_state_cannot_be_asked_for_a_read_tells() -> None:
    client = _Client({"Contents": [{"Key": "a", "StorageClass": "GLACIER"}]}, S3Fault(Kind.UNSUPPORTED, 1))
    assert _page(client) == {"a": False}


@pytest.mark.parametrize(
    ("header", "archived"),
    [
        (None, True),
        ('ongoing-request="true"', True),
        ('ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"', False),
    ],
)
def test_what_the_answer_to_a_head_says(header: str | None, archived: bool) -> None:
    assert needs_restoring({"StorageClass": "DEEP_ARCHIVE", "Restore": header}) is archived
