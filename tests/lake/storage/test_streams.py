"""What every store has to do with objects that are read and written piece by piece."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import (
    DeadlinePassed,
    ObjectError,
    PublishConflict,
    ReservedKey,
    SourceChanged,
    SourceGone,
    UnsafeKey,
)
from anonymizer.lake.storage import Root
from anonymizer.lake.storage.streams import Stream
from anonymizer.records import ImageRef
from tests.lake.storage.conftest import Store

LARGE = 20 * 2**20
"""Three parts of an upload to S3."""


def pattern(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def ref_of(root: Root, key: str = "a") -> ImageRef:
    found = root.stat(key)
    assert isinstance(found, ImageRef)
    return next(ref for ref in root.list() if isinstance(ref, ImageRef) and ref.key == key)


def stream(root: Root, key: str = "a", expected: str | None = None, check: Callable[[], None] = lambda: None) -> Stream:
    return root.publish_stream(key, expected=expected, media_type="application/x-tar", check=check)


def published(root: Root, data: bytes, key: str = "a", expected: str | None = None) -> str:
    with stream(root, key, expected) as out:
        for start in range(0, len(data), 3 * 2**20):
            out.write(memoryview(data)[start : start + 3 * 2**20])
        return out.finish()


def write_and(
    root: Root,
    data: bytes,
    between: Callable[[], object] = lambda: None,
    expected: str | None = None,
    check: Callable[[], None] = lambda: None,
) -> str:
    """Something happens before the stream is finished."""
    with stream(root, expected=expected, check=check) as out:
        out.write(data)
        between()
        return out.finish()


def fails(error: type[Exception]) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def everything(root: Root) -> list[str]:
    """Every key, those of temporary files and notes too."""
    return [entry.key for entry in root.list(output=True, temporaries=True)]


class TestSource:
    @pytest.mark.parametrize(("piece", "ahead"), [(7, 0), (7, 3), (1000, 1), (2**20, 1)])
    def test_any_part_of_it(self, store: Store, piece: int, ahead: int):
        data = pattern(5000)
        store.write("a", data)
        root, dice = store.open(), random.Random(piece)
        with root.open_source(ref_of(root), piece=piece, ahead=ahead) as source:
            assert (source.size, source.name, source.coding) == (5000, "a", "")
            assert source.read() == data
            assert source.read(1) == b""
            for _ in range(30):
                start, length = dice.randrange(6000), dice.randrange(300)
                assert source.seek(start) == source.tell() == start
                assert source.read(length) == data[start : start + length]
            assert source.seek(-10, io.SEEK_END) == 4990
            target = bytearray(20)
            assert (source.readinto(target), bytes(target[:10])) == (10, data[-10:])

    def test_empty(self, store: Store):
        store.write("a", b"")
        root = store.open()
        with root.open_source(ref_of(root)) as source:
            assert (source.read(), source.read(5), source.size) == (b"", b"", 0)

    def test_readers_of_archives_and_tables_take_it(self, store: Store):
        files = {name: io.BytesIO() for name in ("tar", "zip", "parquet")}
        with tarfile.open(fileobj=files["tar"], mode="w") as tar:
            member = tarfile.TarInfo("b.jpg")
            member.size = 3000
            tar.addfile(member, io.BytesIO(pattern(3000)))
        with zipfile.ZipFile(files["zip"], "w") as archive:
            archive.writestr("b.jpg", pattern(3000))
        pq.write_table(pa.table({"image": [pattern(3000)]}), files["parquet"])
        for name, file in files.items():
            store.write(name, file.getvalue())
        root = store.open()
        with root.open_source(ref_of(root, "tar"), piece=512) as source, tarfile.open(fileobj=source, mode="r|") as tar:
            member_of = next(iter(tar))
            content = tar.extractfile(member_of)
            assert content is not None
            assert (member_of.name, content.read()) == ("b.jpg", pattern(3000))
        with root.open_source(ref_of(root, "zip"), piece=512) as source, zipfile.ZipFile(source) as archive:
            assert archive.read("b.jpg") == pattern(3000)
        with root.open_source(ref_of(root, "parquet"), piece=512) as source:
            assert pq.read_table(source)["image"].to_pylist() == [pattern(3000)]

    def test_another_version_is_not_read_on(self, store: Store):
        store.write("a", pattern(5000))
        root = store.open()
        with root.open_source(ref_of(root), piece=1000, ahead=0) as source:
            assert source.read(1000) == pattern(5000)[:1000]
            store.write("a", pattern(5000, seed=1))
            with pytest.raises(SourceChanged):
                source.read()

    def test_it_is_the_listed_version_that_is_opened(self, store: Store):
        store.write("a", b"old")
        root = store.open()
        ref = ref_of(root)
        for other in (replace(ref, etag="0" * 32), replace(ref, size=2), replace(ref, size=4)):
            with pytest.raises(SourceChanged), root.open_source(other) as source:
                source.read()
        store.erase("a")
        with pytest.raises(SourceGone), root.open_source(ref) as source:
            source.read()

    def test_no_unsafe_key(self, store: Store):
        with pytest.raises(UnsafeKey):
            store.open().open_source(ImageRef("../a", "", "0", 1, None))


@pytest.fixture(params=[9, LARGE], ids=["small", "large"])
def data(request: pytest.FixtureRequest) -> bytes:
    return pattern(request.param)


class TestStream:
    def test_where_nothing_stands(self, store: Store, data: bytes):
        root = store.open()
        version = published(root, data, "b/c/a")
        assert root.version("b/c/a") == version
        assert root.get("b/c/a") == data
        assert everything(root) == ["b/c/a"]

    def test_nothing_at_all(self, store: Store):
        root = store.open()
        with stream(root) as out:
            assert (out.size, out.finish()) == (0, root.version("a"))
        assert root.get("a") == b""

    def test_over_the_expected_version(self, store: Store, data: bytes):
        root = store.open()
        first = published(root, b"1")
        assert published(root, data, expected=first) == root.version("a") != first
        assert root.get("a") == data
        assert everything(root) == ["a"]

    def test_not_where_something_stands_or_another_version(self, store: Store, data: bytes):
        root = store.open()
        version = published(root, b"1")
        store.write("a", b"theirs")
        for expected in (None, version):
            with pytest.raises(PublishConflict):
                published(root, data, expected=expected)
        assert root.get("a") == b"theirs"
        assert everything(root) == ["a"]

    def test_not_over_what_came_meanwhile_or_was_taken_down(self, store: Store, data: bytes):
        root = store.open()
        with pytest.raises(PublishConflict):
            write_and(root, data, lambda: store.write("a", b"theirs"))
        assert root.get("a") == b"theirs"
        with pytest.raises(PublishConflict):
            write_and(root, data, lambda: store.erase("a"), expected=root.version("a"))
        assert everything(root) == []

    def test_not_past_the_deadline(self, store: Store, data: bytes):
        root = store.open()
        with pytest.raises(DeadlinePassed):
            write_and(root, data, check=fails(DeadlinePassed))
        assert everything(root) == []

    def test_nothing_is_left_without_the_end(self, store: Store, data: bytes):
        root = store.open()
        with stream(root) as out:
            out.write(data)
        with pytest.raises(RuntimeError):
            write_and(root, data, fails(RuntimeError))
        assert everything(root) == []
        assert root.sweep(age_s=-5.0) == 0

    def test_nothing_is_seen_before_the_end(self, store: Store, data: bytes):
        root = store.open()
        with stream(root) as out:
            out.write(data)
            assert list(root.list(output=True)) == []
            assert root.version("a") is None
            out.finish()
        assert root.version("a") is not None

    def test_what_a_killed_process_left_is_swept_once_it_is_old(self, store: Store):
        root = store.open()
        lost = stream(root)
        lost.write(pattern(LARGE))
        assert len(everything(root)) == 1
        assert root.sweep() == 0
        assert len(everything(root)) == 1
        assert root.sweep(age_s=-5.0) == 1
        assert everything(root) == []
        with lost, pytest.raises(ObjectError):
            lost.finish()
        assert everything(root) == []

    def test_no_unsafe_or_reserved_key(self, store: Store):
        for key, error in (("../a", UnsafeKey), (".a.anon-0123456789abcdef.tmp", ReservedKey)):
            with pytest.raises(error):
                stream(store.open(), key)

    def test_of_four_at_once_exactly_one_wins(self, store: Store, data: bytes):
        if store.unconditional:
            pytest.skip("check and write are two steps there; that is what `unconditional` says")
        root = store.open()
        with ThreadPoolExecutor(4) as pool:
            won = [number for number in pool.map(partial(wins, root, data), range(4)) if number is not None]
        assert len(won) == 1
        assert root.get("a")[:1] == bytes(won)
        assert everything(root) == ["a"]


def wins(root: Root, data: bytes, number: int) -> int | None:
    try:
        published(root, bytes([number]) + data)
    except PublishConflict:
        return None
    return number
