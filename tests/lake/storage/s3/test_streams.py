"""Multipart uploads and ranged reads of S3: what is sent, what is honoured, answers that are lost or wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from anonymizer.errors import PublishConflict, SourceChanged, StorageError, StorageUnavailable
from anonymizer.lake.storage import Root, open_root
from anonymizer.lake.storage.s3 import client
from anonymizer.lake.storage.s3.root import S3Root
from anonymizer.lake.storage.s3.stream import LARGEST, MOST_PARTS, SMALLEST, first_part_size, part_size
from anonymizer.lake.storage.streams import PIECE
from anonymizer.records import ImageRef
from tests.lake.storage.conftest import Store
from tests.lake.storage.test_streams import LARGE, everything, fails, pattern, published, ref_of, stream, write_and
from tests.real_s3 import ENDPOINT_VARIABLE

REAL = ENDPOINT_VARIABLE in os.environ
DATA = pattern(LARGE)


@pytest.fixture
def root(s3_store: Store) -> Iterator[Root]:
    made = s3_store.open()
    yield made
    made.close()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymizer.lake.storage.s3.client._LONGEST_PAUSE_S", 0.0)


class Wire:
    """Every request that is sent, and a hand that changes answers.

    Attributes:
        sent: Names of the operations, in order.
        after: What happens to an answer: (operation, parameters, answer) → answer, or it raises.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.parameters: list[dict[str, Any]] = []
        self.after: Callable[[str, dict[str, Any], Any], Any] = lambda _operation, _parameters, answer: answer


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    original, seen = client._send, Wire()

    async def send(fs: Any, operation: str, parameters: dict[str, Any]) -> Any:
        seen.sent.append(operation)
        seen.parameters.append(parameters)
        return seen.after(operation, parameters, await original(fs, operation, parameters))

    monkeypatch.setattr(client, "_send", send)
    return seen


def lost(operation: str, times: int = 1) -> Callable[[str, dict[str, Any], Any], Any]:
    """The request is carried out, and its answer is a failure that may be temporary."""
    left = [times]

    def answer(sent: str, _parameters: dict[str, Any], found: Any) -> Any:
        if sent == operation and left[0]:
            left[0] -= 1
            response: Any = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(response, sent)
        return found

    return answer


def uploads(s3_client: Any, bucket: str) -> list[str]:
    return [upload["Key"] for upload in s3_client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


class TestParts:
    def test_ten_thousand_are_enough_for_the_largest_shard(self):
        for hint, least in ((0, 273 * 2**30), (300 * 2**30, 625 * 2**30)):
            first = first_part_size(hint)
            sizes = [part_size(number, first) for number in range(1, MOST_PARTS + 1)]
            assert sum(sizes) >= least
            assert sizes == sorted(sizes)
            assert SMALLEST <= sizes[0] == first <= sizes[-1] <= LARGEST

    @pytest.mark.parametrize("hint", [0, 1, 10 * 2**30, 39 * 2**30, 100 * 2**30, 312 * 2**30])
    def test_what_is_told_about_the_size_gives_equal_parts(self, hint: int):
        first = first_part_size(hint)
        number, left = 1, hint
        while left > 0:
            assert part_size(number, first) == first
            number, left = number + 1, left - first


class TestRequests:
    def test_a_small_one_is_one_conditional_put(self, wire: Wire, root: Root):
        published(root, DATA[:SMALLEST])
        assert wire.sent == ["put_object"]
        assert wire.parameters[0]["IfNoneMatch"] == "*"

    def test_a_large_one_is_an_upload_under_a_condition(self, wire: Wire, root: Root, s3_client: Any, bucket: str):
        first = published(root, DATA)
        assert wire.sent.count("upload_part") == 2 + 3  # Two of the proof.
        wire.sent.clear()
        published(root, DATA[::-1], expected=first)
        ours = ["create_multipart_upload", "put_object", *["upload_part"] * 3]
        # Both do not look at If-Match then; and radosgw names no ETag, so that it is asked for.
        looks = ["head_object", "complete_multipart_upload", *(["head_object"] if REAL else [])]
        assert wire.sent == [*ours, *looks, "delete_object"]
        assert uploads(s3_client, bucket) == []
        head = s3_client.head_object(Bucket=bucket, Key="lake/a")
        assert head["ContentType"] == "application/x-tar"

    def test_parameters_of_put_go_with_it(self, s3_store: Store, s3_client: Any, bucket: str):
        if REAL:
            pytest.skip("needs a key server there")
        root = open_root(s3_store.uri, s3_store.options, put={"ServerSideEncryption": "AES256"})
        s3_store.roots.append(root)
        published(root, DATA)
        assert s3_client.head_object(Bucket=bucket, Key="lake/a")["ServerSideEncryption"] == "AES256"

    def test_a_bucket_with_versions_keeps_no_note_and_no_proof(self, root: Root, s3_client: Any, bucket: str):
        s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        published(root, DATA)
        with pytest.raises(RuntimeError):
            write_and(root, DATA, fails(RuntimeError))
        answer = s3_client.list_object_versions(Bucket=bucket)
        found = [entry["Key"] for kind in ("Versions", "DeleteMarkers") for entry in answer.get(kind, ())]
        assert sorted(found) == ["lake/", "lake/a"]


def honoured(root: Root) -> frozenset[str]:
    assert isinstance(root, S3Root)
    return root._uploads.honoured()


class TestConditions:
    def test_what_a_store_honours_is_proved_and_not_believed(self, root: Root, s3_store: Store):
        # radosgw honours none of them on completion, moto one, AWS both.
        assert honoured(root) == (frozenset() if REAL else {"IfNoneMatch"})
        unconditional = open_root(s3_store.uri, s3_store.options, unconditional=True)
        s3_store.roots.append(unconditional)
        assert honoured(unconditional) == frozenset()
        assert everything(root) == []

    @pytest.mark.parametrize("told", [frozenset(), frozenset({"IfNoneMatch"}), frozenset({"IfNoneMatch", "IfMatch"})])
    def test_what_is_not_honoured_is_looked_at_before(self, wire: Wire, root: Root, told: frozenset[str]):
        assert isinstance(root, S3Root)
        root._uploads._honoured = told
        version = published(root, DATA)
        wire.sent.clear()
        published(root, DATA, expected=version)
        before = wire.sent[: wire.sent.index("complete_multipart_upload")]
        assert ("head_object" in before) is ("IfMatch" not in told)


class TestLostAnswers:
    @pytest.mark.usefixtures("no_pause")
    @pytest.mark.parametrize("standing", [False, True])
    def test_an_answer_to_the_completion_that_is_lost(self, wire: Wire, root: Root, standing: bool):
        expected = published(root, b"1") if standing else None
        honoured(root)
        wire.after = lost("complete_multipart_upload")
        version = published(root, DATA, expected=expected)
        assert "get_object" not in wire.sent
        assert root.version("a") == version
        assert everything(root) == ["a"]

    def test_where_etags_of_parts_say_nothing_the_object_is_read_again(
        self, wire: Wire, root: Root, monkeypatch: pytest.MonkeyPatch
    ):
        honoured(root)
        monkeypatch.setattr("anonymizer.lake.storage.s3.stream.etag_of_parts", lambda _tags: "")
        wire.after = lambda operation, _parameters, answer: (
            ({**answer[0], "ETag": ""}, b"") if operation == "complete_multipart_upload" else answer
        )
        assert published(root, DATA) == root.version("a")
        assert wire.sent.count("get_object") == 3

    @pytest.mark.usefixtures("no_pause")
    def test_an_answer_that_is_lost_and_something_else_stands_there(self, wire: Wire, root: Root, s3_store: Store):
        honoured(root)

        def other(operation: str, parameters: dict[str, Any], answer: Any) -> Any:
            if operation == "complete_multipart_upload" and wire.sent.count(operation) == 1:
                s3_store.write("a", b"theirs")
                return lost(operation)(operation, parameters, answer)
            return answer

        wire.sent.clear()
        wire.after = other
        with pytest.raises(PublishConflict):
            published(root, DATA)
        assert root.get("a") == b"theirs"
        assert everything(root) == ["a"]

    @pytest.mark.usefixtures("no_pause")
    def test_a_part_that_cannot_be_sent(self, wire: Wire, root: Root, s3_client: Any, bucket: str):
        honoured(root)
        wire.after = lost("upload_part", 99)
        with pytest.raises(StorageUnavailable):
            published(root, DATA)
        assert (everything(root), uploads(s3_client, bucket)) == ([], [])

    @pytest.mark.usefixtures("no_pause")
    def test_a_note_that_cannot_be_written_begins_nothing(self, wire: Wire, root: Root, s3_client: Any, bucket: str):
        honoured(root)
        wire.after = lost("put_object", 99)
        with pytest.raises(StorageUnavailable):
            published(root, DATA)
        assert uploads(s3_client, bucket) == []

    def test_an_upload_that_somebody_ended(self, root: Root, s3_client: Any, bucket: str):
        def end() -> None:
            for upload in s3_client.list_multipart_uploads(Bucket=bucket)["Uploads"]:
                s3_client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

        with pytest.raises(StorageError) as caught:
            write_and(root, DATA, end)
        assert caught.value.retryable
        assert everything(root) == []


class TestSweep:
    def test_uploads_of_others_are_not_ours_to_end(self, root: Root, s3_client: Any, bucket: str):
        s3_client.create_multipart_upload(Bucket=bucket, Key="lake/theirs")
        left = stream(root)
        left.write(DATA)
        assert sorted(uploads(s3_client, bucket)) == ["lake/a", "lake/theirs"]
        assert root.sweep(age_s=-5.0) == 1
        assert uploads(s3_client, bucket) == ["lake/theirs"]
        left.__exit__(None, None, None)

    def test_what_is_no_note_stays(self, root: Root, s3_store: Store):
        notes = {
            ".upload.anon-0123456789abcdef.tmp": b"no note",
            ".upload.anon-1123456789abcdef.tmp": b'{"key": "elsewhere/a", "upload_id": "1"}',
            ".upload.anon-2": b'{"key": "lake/a", "upload_id": "1"}',
        }
        for key, data in notes.items():
            s3_store.write(key, data)
        assert root.sweep(age_s=-5.0) == 0
        assert len(everything(root)) == 3


class TestRanges:
    def test_a_piece_is_asked_for_once_and_those_behind_it_ahead(self, wire: Wire, root: Root, s3_store: Store):
        s3_store.write("a", DATA)
        ref = ref_of(root)
        wire.sent.clear()
        with root.open_source(ref) as source:
            assert all(source.read(2**20) == DATA[at : at + 2**20] for at in range(0, LARGE, 2**20))
        assert wire.sent == ["get_object"] * -(-LARGE // PIECE)

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"ETag": '"other"'}, SourceChanged),
            ({"ETag": ""}, SourceChanged),
            ({"ContentRange": "bytes 0-99/999"}, SourceChanged),
            ({"ContentRange": "bytes 1-100/5000"}, StorageError),
            ({"ContentRange": "pages 1-100/5000"}, StorageError),
        ],
    )
    def test_an_answer_is_held_against_what_was_asked(
        self, wire: Wire, root: Root, s3_store: Store, changed: dict[str, str], error: type[Exception]
    ):
        s3_store.write("a", DATA[:5000])
        ref = ref_of(root)
        wire.after = lambda _operation, _parameters, answer: ({**answer[0], **changed}, answer[1])
        with root.open_source(ref, piece=100) as source, pytest.raises(error):
            source.read(100)

    def test_a_store_that_answers_with_the_whole_object(self, wire: Wire, root: Root, s3_store: Store):
        s3_store.write("a", DATA[:5000])
        ref = ref_of(root)

        def whole(_operation: str, _parameters: dict[str, Any], answer: Any) -> Any:
            return {key: value for key, value in answer[0].items() if key != "ContentRange"}, DATA[:5000]

        wire.after = whole
        with root.open_source(ref, piece=100, ahead=0) as source, pytest.raises((StorageError, SourceChanged)):
            source.read(200)
        with root.open_source(ref, piece=5000) as source:
            assert source.read() == DATA[:5000]

    @pytest.mark.usefixtures("no_pause")
    def test_a_piece_that_is_cut_short_or_lost(self, wire: Wire, root: Root, s3_store: Store):
        s3_store.write("a", DATA[:5000])
        ref = ref_of(root)
        wire.after = lost("get_object", 2)
        with root.open_source(ref) as source:
            assert source.read() == DATA[:5000]
        wire.after = lambda _operation, _parameters, answer: (answer[0], answer[1][:-1])
        with root.open_source(ref) as source, pytest.raises(StorageUnavailable):
            source.read()

    def test_an_object_that_became_shorter(self, root: Root, s3_store: Store):
        s3_store.write("a", DATA[:5000])
        ref = ref_of(root)
        s3_store.write("a", DATA[:10])
        with root.open_source(ref, piece=1000) as source:
            source.seek(4000)
            with pytest.raises(SourceChanged):
                source.read()

    def test_its_coding_is_told(self, root: Root, s3_client: Any, bucket: str):
        s3_client.put_object(Bucket=bucket, Key="lake/a", Body=b"0", ContentEncoding="gzip")
        found = root.stat("a")
        assert isinstance(found, ImageRef)
        with root.open_source(found) as source:
            assert (source.read(), source.coding) == (b"0", "gzip")
