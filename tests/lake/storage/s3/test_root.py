"""What only S3 does: pages, odd keys, headers, failures on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
from botocore.exceptions import ClientError

from anonymizer.errors import (
    AccessDenied,
    Archived,
    ConfigError,
    DeadlinePassed,
    ListingError,
    PublishConflict,
    SourceChanged,
    SourceGone,
    StorageError,
    StorageUnavailable,
    UnsafeKey,
)
from anonymizer.lake.storage import Irregular, Root, open_input, open_root
from anonymizer.lake.storage.faults import Kind, S3Fault, kind_of
from anonymizer.lake.storage.s3 import client
from anonymizer.lake.storage.s3.etags import same
from anonymizer.records import ImageRef
from tests.fake_s3 import ENVIRONMENT, Failure, FakeS3
from tests.lake.storage.conftest import Store
from tests.real_s3 import ENDPOINT_VARIABLE

SLOW_DOWN = ("503 Slow Down", "SlowDown")


def check() -> None:
    """The deadline is far."""


def publish(root: Root, key: str, data: bytes, expected: str | None = None) -> str:
    return root.publish(key, data, expected=expected, media_type="image/jpeg", check=check)


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymizer.lake.storage.s3.client._LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def opened(s3_server: FakeS3) -> Iterator[Callable[..., Root]]:
    roots: list[Root] = []

    def make(uri: str, **settings: object) -> Root:
        root = open_root(uri, {**s3_server.options, **settings.pop("options", {})}, **settings)  # type: ignore
        roots.append(root)
        return root

    yield make
    for root in roots:
        root.close()


Answer: TypeAlias = tuple[dict[str, Any], bytes]
Altered: TypeAlias = Callable[..., None]


@pytest.fixture
def altered(monkeypatch: pytest.MonkeyPatch) -> Altered:
    """Lets a store answer otherwise than it does: (operation, parameters, answer) becomes another answer.

    A second function sees every request before it is sent.
    """
    original = client._send

    def alter(
        change: Callable[[str, dict[str, Any], Answer], Answer] = lambda _operation, _parameters, answer: answer,
        before: Callable[[str, dict[str, Any]], None] = lambda *_: None,
    ) -> None:
        async def send(fs: Any, operation: str, parameters: dict[str, Any]) -> Answer:
            before(operation, parameters)
            return change(operation, parameters, await original(fs, operation, parameters))

        monkeypatch.setattr(client, "_send", send)

    return alter


@pytest.fixture
def root(s3_store: Store) -> Iterator[Root]:
    made = s3_store.open()
    yield made
    made.close()


class TestList:
    def test_pages(self, s3_server: FakeS3, s3_store: Store, root: Root):
        keys = sorted(f"{i % 7}/{i:05}.jpg" for i in range(2500))
        for key in keys:
            # Straight into the server's memory: 2,500 requests would take long.
            s3_server.plant("photos", f"lake/{key}", b"1")
        s3_server.requests.clear()
        assert [item.key for item in root.list()] == keys
        assert len(s3_server.requests) == 3
        assert [item.key for item in root.list(keys[999])] == keys[1000:]
        assert list(root.names("3/")) == [key for key in keys if key.startswith("3/")]
        root.delete(keys)
        assert list(root.list()) == []

    def test_unsafe_keys_are_reported_and_folder_markers_ignored(self, s3_store: Store, root: Root):
        unsafe, fine = ["../x", "./y", "a//../b", "/./z"], ["//x", "/x", "a//b", "fine", "full/"]
        for key in (*unsafe, *fine):
            s3_store.write(key, b"1")
        for key in ("folder/", "folder//", "/"):
            s3_store.write(key, b"")
        found = {item.key: item.error if isinstance(item, Irregular) else None for item in root.list()}
        assert found == dict.fromkeys(fine) | dict.fromkeys(unsafe, UnsafeKey)
        assert list(root.names()) == fine
        assert root.stat("folder/") is root.stat("folder//") is None

    @pytest.mark.parametrize("key", ["/x.jpg", "a//x.jpg", "a//b///x.jpg"])
    def test_a_single_object_whose_name_has_empty_parts(self, s3_server: FakeS3, s3_client: Any, bucket: str, key: str):
        s3_client.put_object(Bucket=bucket, Key=key, Body=b"1")
        with open_input(f"s3://{bucket}/{key}", s3_server.options) as root:
            (ref,) = root.list()
            assert isinstance(ref, ImageRef)
            assert ref.uri == f"s3://{bucket}/{key}"
            assert root.read(ref) == b"1"

    def test_a_content_of_the_folder_marker_itself_has_no_name(self, s3_store: Store, root: Root):
        s3_store.write("", b"1")
        (found,) = root.list()
        assert isinstance(found, Irregular)
        assert found.error is UnsafeKey

    def test_a_bucket_as_root(self, bucket: str, opened: Callable[..., Root]):
        root = opened(f"s3://{bucket}")
        assert list(root.list()) == []
        publish(root, "a", b"1")
        (ref,) = root.list()
        assert ref.uri == f"s3://{bucket}/a"

    def test_no_such_bucket(self, opened: Callable[..., Root]):
        for output in (False, True):
            with pytest.raises(ListingError, match="s3://absent/a: the bucket does not exist"):
                list(opened("s3://absent/a").list(output=output))

    def test_a_folder_is_preferred_to_a_file(self, s3_server: FakeS3, s3_store: Store):
        s3_store.write("b", b"1")
        s3_store.write("b/c", b"1")
        with open_input(f"{s3_store.uri}/b", s3_server.options) as root:
            assert [item.key for item in root.list()] == ["c"]

    def test_a_listing_that_breaks_is_an_error(self, s3_server: FakeS3, s3_store: Store, root: Root):
        for i in range(1001):
            s3_server.plant("photos", f"lake/{i:04}", b"1")
        listing = root.list()
        next(listing)
        s3_server.failures.append(Failure("GET", "403 Forbidden", "AccessDenied"))
        with pytest.raises(ListingError, match="access denied"):
            list(listing)

    def test_a_store_that_lists_out_of_order_is_refused(self, root: Root, monkeypatch: pytest.MonkeyPatch):
        moment = datetime.now(UTC)
        page = {"Contents": [{"Key": f"lake/{key}", "Size": 1, "ETag": '"0"', "LastModified": moment} for key in "ba"]}
        monkeypatch.setattr("anonymizer.lake.storage.s3.client.S3Client.send", lambda *_: (page, b""))
        with pytest.raises(ListingError, match="order"):
            list(root.names())

    @pytest.mark.skipif(ENDPOINT_VARIABLE in os.environ, reason="strangers may not look into the gateway's buckets")
    def test_without_credentials(self, opened: Callable[..., Root], bucket: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(ListingError, match="no usable credentials"):
            list(opened(f"s3://{bucket}").list())
        assert list(opened(f"s3://{bucket}", options={"anon": True}).list()) == []

    @pytest.mark.skipif(ENDPOINT_VARIABLE not in os.environ, reason="the fake store takes every key")
    @pytest.mark.parametrize("wrong", [{"secret": "another"}, {"key": "nobody"}])
    def test_wrong_credentials_are_said_in_one_line(
        self, opened: Callable[..., Root], bucket: str, wrong: dict[str, str]
    ):
        options = {"key": ENVIRONMENT["AWS_ACCESS_KEY_ID"], "secret": ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], **wrong}
        root = opened(f"s3://{bucket}/lake", options=options)
        with pytest.raises(ListingError, match=f"^s3://{bucket}/lake: no usable credentials;[^\n]*$"):
            list(root.list())
        with pytest.raises(ConfigError, match="cannot be published to: no usable credentials"):
            root.check_publishing()

    def test_no_secret_is_shown(self, s3_server: FakeS3, opened: Callable[..., Root], bucket: str):
        root = opened(f"s3://{bucket}", options={"key": "hunter1", "secret": "hunter2"})
        s3_server.failures.append(Failure("GET", "403 Forbidden", "InvalidAccessKeyId"))
        with pytest.raises(ListingError) as caught:
            list(root.list())
        assert "hunter" not in f"{caught.value} {root!r} {root._access!r}"
        assert caught.value.__cause__ is None


def on_get(**changes: object) -> Callable[[str, dict[str, Any], Answer], Answer]:
    """Changes what a GET answers; None takes a header away."""

    def change(operation: str, parameters: dict[str, Any], answer: Answer) -> Answer:
        if operation != "get_object":
            return answer
        headers = {name: value for name, value in {**answer[0], **changes}.items() if value is not None}
        return headers, answer[1]

    return change


class TestRead:
    def test_a_store_that_does_not_look_at_the_condition_is_held_to_it(
        self, s3_server: FakeS3, s3_store: Store, root: Root
    ):
        """Rclone 1.75.2 `serve s3` and s3rver 3.7.1 hand out whatever stands there now."""
        s3_store.write("a", b"old")
        (ref,) = (entry for entry in root.list() if isinstance(entry, ImageRef))
        s3_server.ignore_conditions = True
        assert root.read(ref) == b"old"
        s3_store.write("a", b"new")
        with pytest.raises(SourceChanged):
            root.read(ref)

    def test_an_answer_without_an_etag_may_be_any_version(self, s3_store: Store, root: Root, altered: Altered):
        s3_store.write("a", b"old")
        (ref,) = (entry for entry in root.list() if isinstance(entry, ImageRef))
        altered(on_get(ETag=None))
        with pytest.raises(SourceChanged):
            root.read(ref)
        with pytest.raises(StorageError):
            root.get_with_version("a")

    @pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', "{}", ' "{}"'])
    @pytest.mark.parametrize("capitals", [False, True])
    def test_one_version_may_be_spelled_otherwise(
        self, s3_store: Store, root: Root, altered: Altered, form: str, capitals: bool
    ):
        s3_store.write("a", b"old")
        (ref,) = (entry for entry in root.list() if isinstance(entry, ImageRef))
        altered(on_get(ETag=form.format(ref.etag.upper() if capitals else ref.etag)))
        assert root.read(ref) == b"old"

    def test_capitals_are_the_same_in_a_digest_only(self):
        digest = "0123456789abcdef0123456789abcdef"
        assert same(digest, digest.upper())
        assert same(f"{digest}-4", f'"{digest.upper()}-4"')
        assert not same(f"{digest}-4", digest)
        assert not same("opaque", "OPAQUE")
        assert not same("", "")

    def test_a_body_that_is_not_whole_is_no_answer(self, s3_store: Store, root: Root, altered: Altered):
        s3_store.write("a", b"old")
        (ref,) = (entry for entry in root.list() if isinstance(entry, ImageRef))
        altered(on_get(ContentLength=4))
        for read in (lambda: root.read(ref), lambda: root.get("a")):
            with pytest.raises(StorageUnavailable):
                read()

    def test_a_body_of_another_length_than_was_listed_is_another_version(
        self, s3_store: Store, root: Root, altered: Altered
    ):
        s3_store.write("a", b"old")
        (ref,) = (entry for entry in root.list() if isinstance(entry, ImageRef))
        altered(lambda operation, _, answer: (answer[0] | {"ContentLength": 2}, answer[1][:2]))
        with pytest.raises(SourceChanged):
            root.read(ref)

    def test_a_store_that_lists_no_etags_is_refused(self, s3_store: Store, root: Root, altered: Altered):
        s3_store.write("a", b"old")

        def without(operation: str, _: dict[str, Any], answer: Answer) -> Answer:
            for entry in answer[0].get("Contents", ()):
                entry.pop("ETag")
            return answer

        altered(without)
        with pytest.raises(ListingError, match="lists no ETags"):
            list(root.list())
        with pytest.raises(ListingError, match="lists no ETags"):
            list(root.names())


class TestPublish:
    @pytest.mark.parametrize("taken", [False, True])
    def test_a_store_that_does_not_say_what_it_wrote_is_asked(self, root: Root, altered: Altered, taken: bool):
        def unsaid(operation: str, _: dict[str, Any], answer: Answer) -> Answer:
            if operation == "get_object" and taken:
                return answer[0], b"theirs"
            if operation == "put_object":
                answer[0].pop("ETag")
            return answer

        altered(unsaid)
        if taken:
            with pytest.raises(PublishConflict):
                publish(root, "a", b"ours")
        else:
            assert publish(root, "a", b"ours") == root.version("a")

    def test_the_permission_is_asked_for_once_the_client_is_made(self, root: Root):
        def check() -> None:
            assert root._client._fs is not None  # type: ignore[attr-defined]

        root.publish("a", b"1", expected=None, media_type="image/jpeg", check=check)

    def test_a_store_that_compares_bare_etags_is_understood(self, root: Root, monkeypatch: pytest.MonkeyPatch):
        version = publish(root, "a", b"1")
        original = root._put  # type: ignore[attr-defined]
        sent: list[str] = []

        def put(key: str, data: bytes, parameters: dict[str, str], *rest: object) -> Any:
            sent.append(parameters.get("IfMatch", ""))
            if parameters.get("IfMatch", "").startswith('"'):
                raise S3Fault(Kind.PRECONDITION, 1)
            return original(key, data, parameters, *rest)

        monkeypatch.setattr(root, "_put", put)
        version = publish(root, "a", b"2", version)
        publish(root, "a", b"3", version)
        assert [tag[:1] == '"' for tag in sent] == [True, False, False]
        with pytest.raises(PublishConflict):
            publish(root, "a", b"4", version)
        assert root.get("a") == b"3"

    @pytest.mark.skipif(ENDPOINT_VARIABLE in os.environ, reason="a gateway has one storage class")
    def test_content_type_and_parameters_and_no_metadata(
        self, s3_client: Any, bucket: str, opened: Callable[..., Root]
    ):
        root = opened(f"s3://{bucket}/lake", put={"StorageClass": "STANDARD_IA", "CacheControl": "private"})
        version = publish(root, "a.jpg", b"1")
        s3_client.put_object(Bucket=bucket, Key="lake/a.jpg", Body=b"1", Metadata={"who": "somebody"}, Tagging="a=b")
        publish(root, "a.jpg", b"2", version)
        head = s3_client.head_object(Bucket=bucket, Key="lake/a.jpg")
        tags = s3_client.get_object_tagging(Bucket=bucket, Key="lake/a.jpg")["TagSet"]
        assert (head["ContentType"], head["StorageClass"], head["CacheControl"]) == (
            "image/jpeg",
            "STANDARD_IA",
            "private",
        )
        assert (head["Metadata"], tags) == ({}, [])

    @pytest.mark.parametrize("over", [False, True])
    def test_an_unheard_success_is_found_again(self, s3_server: FakeS3, root: Root, no_pause: None, over: bool):
        expected = publish(root, "a", b"old") if over else None
        s3_server.failures.append(Failure("PUT", *SLOW_DOWN, after=True))
        version = publish(root, "a", b"ours", expected)
        assert root.get_with_version("a") == (b"ours", version)

    def test_a_conflict_after_a_failure_stays_one(self, s3_server: FakeS3, s3_store: Store, root: Root, no_pause: None):
        s3_store.write("a", b"theirs")
        s3_server.failures.append(Failure("PUT", *SLOW_DOWN))
        with pytest.raises(PublishConflict):
            publish(root, "a", b"ours")

    def test_a_concurrent_request_is_a_conflict(self, s3_server: FakeS3, root: Root):
        s3_server.failures.append(Failure("PUT", "409 Conflict", "ConditionalRequestConflict"))
        with pytest.raises(PublishConflict):
            publish(root, "a", b"1")

    def test_the_deadline_is_checked_before_every_attempt(self, s3_server: FakeS3, root: Root, no_pause: None):
        left = iter([None, None])

        def until_two() -> None:
            if next(left, 0) is not None:
                raise DeadlinePassed

        s3_server.failures.append(Failure("PUT", *SLOW_DOWN, times=5))
        s3_server.requests.clear()
        with pytest.raises(DeadlinePassed):
            root.publish("a", b"1", expected=None, media_type="image/jpeg", check=until_two)
        assert s3_server.requests == ["PUT", "PUT"]

    def test_a_store_that_ignores_conditions_is_refused(self, s3_server: FakeS3, s3_store: Store, root: Root):
        s3_server.ignore_conditions = True
        with pytest.raises(ConfigError, match=r"storage\.unconditional"):
            root.check_publishing()
        careless = open_root(s3_store.uri, s3_store.options, unconditional=True)
        careless.set_mark("ab" * 16)
        assert careless.has_mark("ab" * 16)
        careless.clear_mark("ab" * 16)
        careless.check_publishing()
        version = publish(careless, "a", b"1")
        with pytest.raises(PublishConflict):
            publish(careless, "a", b"2")
        publish(careless, "a", b"3", version)
        assert list(careless.names()) == ["a"]
        careless.close()

    def test_a_store_that_does_not_know_conditions_is_refused(self, root: Root, altered: Altered):
        def unknown(operation: str, parameters: dict[str, Any]) -> None:
            if operation == "put_object" and parameters.keys() & {"IfMatch", "IfNoneMatch"}:
                raise ClientError({"Error": {"Code": "NotImplemented"}}, operation)

        altered(before=unknown)
        with pytest.raises(ConfigError, match=r"storage\.unconditional"):
            root.check_publishing()

    def test_the_check_sends_no_empty_body(self, root: Root, altered: Altered):
        """Fauxqs 2.4.1 answers 500 to it, for a reason of its own."""
        sent: list[bytes] = []

        def noted(operation: str, parameters: dict[str, Any]) -> None:
            if operation == "put_object":
                sent.append(parameters["Body"])

        altered(before=noted)
        root.check_publishing()
        assert sent
        assert all(sent)

    @pytest.mark.parametrize("careless", [False, True])
    @pytest.mark.parametrize("versioning", [None, "Enabled", "Suspended"])
    def test_check_leaves_nothing(
        self, s3_server: FakeS3, s3_client: Any, bucket: str, s3_store: Store, versioning: str | None, careless: bool
    ):
        if versioning is not None:
            s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": versioning})
        if careless:
            s3_server.ignore_conditions = True
        before = s3_client.list_object_versions(Bucket=bucket)
        root = s3_store.open()
        with pytest.raises(ConfigError) if careless else nullcontext():
            root.check_publishing()
        root.close()
        after = s3_client.list_object_versions(Bucket=bucket)
        assert [after.get(name) for name in ("Versions", "DeleteMarkers")] == [
            before.get(name) for name in ("Versions", "DeleteMarkers")
        ]

    def test_where_versions_may_not_be_deleted_the_probe_is_hidden_at_least(
        self, s3_client: Any, bucket: str, root: Root, altered: Altered
    ):
        s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

        def refuse(operation: str, parameters: dict[str, Any]) -> None:
            if operation == "delete_object" and "VersionId" in parameters:
                raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)

        altered(before=refuse)
        root.check_publishing()
        assert list(root.names()) == []

    def test_wrong_parameters_are_found_by_the_check(self, bucket: str, opened: Callable[..., Root]):
        with pytest.raises(ConfigError, match="not understood"):
            opened(f"s3://{bucket}", put={"Nonsense": "1"}).check_publishing()
        with pytest.raises(ConfigError, match="put"):
            opened(f"s3://{bucket}", put={"Key": "1"})
        with pytest.raises(ConfigError, match="not understood"):
            opened(f"s3://{bucket}", options={"nonsense": 1}).check_publishing()
        with pytest.raises(ConfigError, match="does not exist"):
            opened("s3://absent").check_publishing()


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "code", "error"),
        [
            ("403 Forbidden", "AccessDenied", AccessDenied),
            ("403 Forbidden", "InvalidObjectState", Archived),
            ("400 Bad Request", "ExpiredToken", AccessDenied),
            ("404 Not Found", "NoSuchKey", SourceGone),
            ("404 Not Found", "NoSuchBucket", StorageError),
            ("400 Bad Request", "SomethingNew", StorageError),
        ],
    )
    def test_final_ones(self, s3_server: FakeS3, root: Root, status: str, code: str, error: type[StorageError]):
        root.put("a", b"1")
        s3_server.failures.append(Failure("GET", status, code, times=9))
        s3_server.requests.clear()
        with pytest.raises(StorageError) as caught:
            root.read(ImageRef("a", "", "0", 1, None))
        assert type(caught.value) is error
        assert s3_server.requests == ["GET"]

    def test_every_request_survives_a_store_that_slows_down(self, s3_server: FakeS3, root: Root, no_pause: None):
        s3_server.failures += [Failure(method, *SLOW_DOWN, times=4) for method in ("GET", "PUT", "HEAD", "DELETE")]
        s3_server.failures.append(Failure("POST", "500 Internal Server Error", "InternalError", times=3))
        version = publish(root, "a", b"1")
        assert root.version("a") == version
        assert [item.key for item in root.list()] == ["a"]
        assert root.get("a") == b"1"
        root.remove("a", expected=version)
        root.delete(["a"])
        assert all(failure.times == 0 for failure in s3_server.failures)

    def test_giving_up(self, s3_server: FakeS3, root: Root, no_pause: None):
        s3_server.failures.append(Failure("GET", *SLOW_DOWN, times=99))
        s3_server.requests.clear()
        with pytest.raises(StorageUnavailable):
            root.get("a")
        assert len(s3_server.requests) == 12

    def test_no_server(self, opened: Callable[..., Root], no_pause: None):
        root = opened("s3://bucket", options={"endpoint_url": "http://127.0.0.1:1"})
        with pytest.raises(StorageUnavailable):
            root.get("a")
        with pytest.raises(ListingError, match="could not be reached"):
            list(root.list())

    def test_an_unheard_removal(self, s3_server: FakeS3, root: Root, no_pause: None):
        version = publish(root, "a", b"1")
        s3_server.failures.append(Failure("DELETE", *SLOW_DOWN, after=True))
        root.remove("a", expected=version)
        assert not root.exists("a")

    def test_a_removal_that_is_overtaken(self, s3_server: FakeS3, root: Root):
        version = publish(root, "a", b"1")
        s3_server.failures.append(Failure("DELETE", "412 Precondition Failed", "PreconditionFailed"))
        with pytest.raises(PublishConflict):
            root.remove("a", expected=version)
        s3_server.failures.append(Failure("DELETE", "403 Forbidden", "AccessDenied"))
        with pytest.raises(AccessDenied):
            root.remove("a", expected=version)
        assert root.exists("a")

    @pytest.mark.parametrize(("request_payer", "sent"), [(False, ""), (True, "requester")])
    def test_requester_pays(self, s3_server: FakeS3, bucket: str, request_payer: bool, sent: str):
        root = open_input(f"s3://{bucket}", s3_server.options, request_payer=request_payer)
        s3_server.payers.clear()
        root.put("a", b"1")
        assert [item.key for item in root.list()] == ["a"]
        root.get("a")
        root.version("a")
        root.delete(["a"])
        root.close()
        assert s3_server.payers == [sent] * 5


class TestPurge:
    @pytest.fixture
    def versioned(self, s3_client: Any, bucket: str, s3_store: Store) -> Callable[[], dict[str, int]]:
        s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

        def count() -> dict[str, int]:
            answer = s3_client.list_object_versions(Bucket=bucket, Prefix="lake/")
            entries = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
            keys = [entry["Key"].removeprefix("lake/") for entry in entries]
            return {key: keys.count(key) for key in keys if key}

        return count

    def test_older_versions_go_too_and_those_of_longer_keys_stay(
        self, s3_store: Store, root: Root, versioned: Callable[[], dict[str, int]]
    ):
        for _ in range(3):
            s3_store.write("a", b"x")
        s3_store.erase("a")
        for key in ("a", "ab", "a/b"):
            s3_store.write(key, b"x")
        root.purge("a")
        assert versioned() == {"ab": 1, "a/b": 1}
        root.purge("a")
        assert versioned() == {"ab": 1, "a/b": 1}

    def test_what_everybody_sees_goes_first(
        self, s3_server: FakeS3, s3_store: Store, root: Root, versioned: Callable[[], dict[str, int]]
    ):
        s3_store.write("a", b"x")
        s3_server.failures.append(Failure("GET", "403 Forbidden", "AccessDenied"))
        with pytest.raises(AccessDenied):
            root.purge("a")
        assert root.version("a") is None
        assert versioned() == {"a": 2}

    @pytest.mark.parametrize(
        "said", [("501 Not Implemented", "NotImplemented"), ("405 Method Not Allowed", "MethodNotAllowed")]
    )
    def test_a_store_without_versions(self, s3_server: FakeS3, s3_store: Store, root: Root, said: tuple[str, str]):
        s3_store.write("a", b"x")
        s3_server.failures.append(Failure("GET", *said))
        root.purge("a")
        assert root.version("a") is None


def test_our_defects_are_not_taken_for_the_networks(root: Root, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise AttributeError

    monkeypatch.setattr("anonymizer.lake.storage.s3.client._send", broken)
    with pytest.raises(AttributeError):
        root.get("a")


def test_an_unknown_error_may_be_tried_again():
    assert kind_of(ConnectionResetError()) is Kind.UNAVAILABLE
    assert kind_of(TimeoutError()) is Kind.UNAVAILABLE


def test_access_points_are_buckets():
    arn = "arn:aws:s3:eu-central-1:123456789012:accesspoint"
    for uri in (f"s3://{arn}/name/a/b", f"s3://{arn}:name/a/b"):
        root = open_root(uri)
        assert vars(root)["_prefix"] == "a/b/"


def test_nothing_is_connected_before_the_first_use(s3_server: FakeS3, bucket: str):
    s3_server.requests.clear()
    open_root(f"s3://{bucket}", s3_server.options)
    assert s3_server.requests == []
