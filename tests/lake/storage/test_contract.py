"""What every store has to do, run over all of them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from anonymizer.errors import (
    DeadlinePassed,
    ListingError,
    NameNotHeld,
    PublishConflict,
    ReservedKey,
    SourceChanged,
    SourceGone,
    UnsafeKey,
)
from anonymizer.lake.storage import Irregular, Root, VersionCursor, join_uri, open_input, open_root
from anonymizer.lake.storage.keys import mark_name
from anonymizer.records import ImageRef
from tests.lake.storage.conftest import Store

TRICKY = [
    "a",
    "a b",
    "a-b",
    "a.jpg",
    "a0",
    "b/a",
    "b/c/d.jpg",
    "b.jpg",
    "B",
    "ä",
    "z",
    "%41",
    "a+b#c?d",
    "é\u0301",
    "😀.jpg",
]
RESERVED = ".a.jpg.anon-0123456789abcdef.tmp"
UNSAFE = ["", ".", "..", "../a", "a/../b", "a/./b", "a\0b", "..\\a", "\udcff.jpg"]
EMPTY_PARTS = ["/a", "a/", "a//b", "//", "a/b//"]
"""To S3 these are names like any other."""


def check() -> None:
    """The deadline is far."""


def dead() -> None:
    raise DeadlinePassed


def refs(root: Root, *, output: bool = False) -> list[ImageRef]:
    listed = list(root.list(output=output))
    assert all(isinstance(item, ImageRef) for item in listed)
    return [item for item in listed if isinstance(item, ImageRef)]


def publish(root: Root, key: str, data: bytes, expected: str | None) -> str:
    return root.publish(key, data, expected=expected, media_type="image/jpeg", check=check)


class TestList:
    def test_an_empty_folder_is_fine(self, store: Store):
        assert refs(store.open()) == []
        assert refs(store.open(), output=True) == []

    def test_order_is_that_of_the_keys_bytes(self, store: Store):
        for key in TRICKY:
            store.write(key, b"1")
        assert [ref.key for ref in refs(store.open())] == sorted(TRICKY, key=str.encode)

    def test_a_folder_sorts_as_its_name_and_a_slash(self, store: Store):
        for key in ("a/z", "a.b", "a-b", "a0"):
            store.write(key, b"1")
        assert [ref.key for ref in refs(store.open())] == ["a-b", "a.b", "a/z", "a0"]

    def test_starts_after_any_text(self, store: Store):
        for key in TRICKY:
            store.write(key, b"1")
        root = store.open()
        for after in ("", "A", "a", "b", "b/", "b/a", "b/c", "b/c/d.jpg", "b/z", "ä", "😀.jpg", "\U0010ffff"):
            assert [item.key for item in root.list(after)] == [key for key in sorted(TRICKY) if key > after]

    def test_says_what_an_object_is(self, store: Store):
        store.write("b/a.jpg", b"123")
        (ref,) = refs(store.open())
        assert (ref.key, ref.size) == ("b/a.jpg", 3)
        assert ref.uri == join_uri(store.uri, "b/a.jpg")
        assert ref.modified is not None
        assert ref.modified.utcoffset() is not None
        assert ref.etag == store.open().version("b/a.jpg")
        assert '"' not in ref.etag

    def test_listing_again_gives_the_same_versions(self, store: Store):
        store.write("a", b"1")
        assert refs(store.open()) == refs(store.open())

    def test_what_is_not_there_is_an_error_for_an_input_and_empty_for_an_output(self, store: Store):
        root = open_input(f"{store.uri}/absent", store.options)
        store.roots.append(root)
        with pytest.raises(ListingError, match="absent: there is no"):
            list(root.list())
        assert list(root.list(output=True)) == []

    def test_a_single_file_is_a_listing_of_one(self, store: Store):
        for key in ("b/a", "b/a.jpg", "b/a.jpg.jpg"):
            store.write(key, b"123")
        root = open_input(f"{store.uri}/b/a.jpg", store.options)
        store.roots.append(root)
        assert root.uri == join_uri(store.uri, "b")
        assert [ref.key for ref in refs(root)] == ["a.jpg"]
        assert [ref.key for ref in refs(pickle.loads(pickle.dumps(root)))] == ["a.jpg"]
        assert root.read(refs(root)[0]) == b"123"
        assert list(root.list("a.jpg")) == []

    def test_reserved_names_are_reported_in_an_input_and_ignored_in_an_output(self, store: Store):
        store.write(f"b/{RESERVED}", b"1")
        store.write("b/c", b"1")
        first, second = store.open().list()
        assert first == Irregular(f"b/{RESERVED}", join_uri(store.uri, f"b/{RESERVED}"), ReservedKey)
        assert second.key == "b/c"
        assert [ref.key for ref in refs(store.open(), output=True)] == ["b/c"]


class TestRead:
    def test_empty_and_large(self, store: Store):
        content = {"a": b"", "b": bytes(range(256)) * 20_000}
        for key, data in content.items():
            store.write(key, data)
        root = store.open()
        assert {ref.key: root.read(ref) for ref in refs(root)} == content

    def test_every_key_that_is_listed(self, store: Store):
        for key in TRICKY:
            store.write(key, key.encode())
        root = store.open()
        assert [root.read(ref).decode() for ref in refs(root)] == sorted(TRICKY)

    def test_another_version_is_not_read(self, store: Store):
        store.write("a", b"old")
        root = store.open()
        (ref,) = refs(root)
        store.write("a", b"newer")
        with pytest.raises(SourceChanged):
            root.read(ref)

    def test_another_length_is_not_read(self, store: Store):
        store.write("a", b"old")
        root = store.open()
        (ref,) = refs(root)
        with pytest.raises(SourceChanged):
            root.read(replace(ref, size=4))

    def test_a_removed_one(self, store: Store):
        store.write("b/a", b"old")
        root = store.open()
        (ref,) = refs(root)
        store.erase("b/a")
        with pytest.raises(SourceGone):
            root.read(ref)

    def test_no_unsafe_key(self, store: Store):
        for key in UNSAFE:
            with pytest.raises(UnsafeKey):
                store.open().read(ImageRef(key, "", "0", 1, None))

    def test_from_many_threads(self, store: Store):
        content = {f"{i:02}": bytes([i]) * 1000 for i in range(40)}
        for key, data in content.items():
            store.write(key, data)
        root = store.open()
        with ThreadPoolExecutor(8) as pool:
            listed = refs(root)
            assert dict(zip(content, pool.map(root.read, listed), strict=True)) == content


class TestEmptyParts:
    """`a//b`, `/a`, `a/`: S3 holds them, each by itself; elsewhere they are told apart from what is unsafe."""

    def test_where_they_are_names(self, s3_store: Store):
        root = s3_store.open()
        keys = sorted([*EMPTY_PARTS, "a", "a/b"])
        for key in keys:
            publish(root, key, key.encode(), None)
        listed = refs(root)
        assert [ref.key for ref in listed] == keys
        assert list(root.names()) == keys
        for ref in listed:
            assert root.can_hold(ref.key)
            assert root.read(ref) == root.get(ref.key) == ref.key.encode()
            found = root.stat(ref.key)
            assert isinstance(found, ImageRef)
            # The answer to a HEAD has whole seconds.
            assert replace(found, modified=ref.modified) == ref
            assert root.version(ref.key) == ref.etag
            assert ref.uri == f"{root.uri}/{ref.key}"
        root.purge("a//b")
        root.remove("/a", expected=root.version("/a"))
        assert list(root.names()) == [key for key in keys if key not in ("a//b", "/a")]

    @pytest.mark.parametrize("key", EMPTY_PARTS)
    @pytest.mark.parametrize("kind", ["local", "memory"])
    def test_where_they_are_not(self, request: pytest.FixtureRequest, kind: str, key: str):
        root = request.getfixturevalue(f"{kind}_store").open()
        assert not root.can_hold(key)
        assert root.version(key) is None
        found = root.stat(key)
        assert isinstance(found, Irregular)
        assert found.error is NameNotHeld
        for attempt in (
            lambda: root.read(ImageRef(key, "", "0", 1, None)),
            lambda: publish(root, key, b"1", None),
            lambda: root.remove(key, expected=None),
        ):
            with pytest.raises(NameNotHeld):
                attempt()
        assert list(root.list()) == []


class TestStat:
    def test_one_object_as_it_is_listed(self, store: Store):
        for key in TRICKY:
            store.write(key, key.encode())
        root = store.open()
        found = [root.stat(ref.key) for ref in refs(root)]
        assert [(ref.key, ref.uri, ref.etag, ref.size) for ref in found if isinstance(ref, ImageRef)] == [
            (ref.key, ref.uri, ref.etag, ref.size) for ref in refs(root)
        ]

    def test_none(self, store: Store):
        store.write("a/b", b"1")
        root = store.open()
        assert [root.stat(key) for key in ("a", "a/b/c", "a/c", "x")] == [None] * 4

    def test_what_can_never_be_read(self, store: Store):
        for key in UNSAFE:
            found = store.open().stat(key)
            assert isinstance(found, Irregular)
            assert found.error is UnsafeKey


class TestPurge:
    def test_whatever_stands_there(self, store: Store):
        for key in ("a", "ab", "b"):
            store.write(key, b"1")
        root = store.open()
        root.purge("a")
        root.purge("nothing")
        assert [ref.key for ref in refs(root)] == ["ab", "b"]

    def test_only_the_expected_version(self, store: Store):
        root = store.open()
        version = publish(root, "a", b"1", None)
        store.write("a", b"theirs")
        with pytest.raises(PublishConflict):
            root.purge("a", expected=version)
        assert root.get("a") == b"theirs"
        root.forget_older("a")
        assert root.get("a") == b"theirs"
        root.purge("a", expected=root.version("a"))
        assert root.version("a") is None


class TestMark:
    ONE, OTHER = "ab" * 16, "cd" * 16

    def test_a_place_that_is_not_there_bears_none(self, store: Store):
        root = store.open()
        assert (root.has_mark(self.ONE), list(root.marks())) == (False, [])
        root.clear_mark(self.ONE)

    def test_it_is_seen_by_all_and_is_no_object(self, store: Store):
        root = store.open()
        for _ in range(2):
            root.set_mark(self.ONE)
        store.write("a", b"1")
        assert (store.open().has_mark(self.ONE), root.has_mark(self.OTHER)) == (True, False)
        assert [ref.key for ref in refs(root, output=True)] == ["a"]
        assert [entry.key for entry in root.list(output=True, temporaries=True)] == [mark_name(self.ONE), "a"]
        root.sweep(age_s=-1.0)
        assert list(root.marks()) == [self.ONE]

    def test_a_name_without_its_content_is_none(self, store: Store):
        store.write(mark_name(self.ONE), b"anything")
        root = store.open()
        assert (root.has_mark(self.ONE), list(root.marks())) == (False, [self.ONE])
        with pytest.raises(PublishConflict):
            root.set_mark(self.ONE)

    def test_it_can_be_taken_away(self, store: Store):
        root = store.open()
        for output_id in (self.ONE, self.OTHER):
            root.set_mark(output_id)
        root.clear_mark(self.ONE)
        assert list(root.marks()) == [self.OTHER]

    def test_nothing_is_published_under_its_name(self, store: Store):
        with pytest.raises(ReservedKey):
            publish(store.open(), mark_name(self.ONE), b"1", None)


class TestPublish:
    def test_where_nothing_stands(self, store: Store):
        root = store.open()
        root.check_publishing()
        version = publish(root, "b/c/a.jpg", b"1", None)
        (ref,) = refs(root)
        assert (ref.key, ref.etag) == ("b/c/a.jpg", version)
        assert root.read(ref) == b"1"

    def test_over_the_expected_version(self, store: Store):
        root = store.open()
        first = publish(root, "a", b"1", None)
        second = publish(root, "a", b"22", first)
        assert root.version("a") == second != first
        assert root.get("a") == b"22"

    def test_not_where_something_stands(self, store: Store):
        store.write("a", b"theirs")
        with pytest.raises(PublishConflict):
            publish(store.open(), "a", b"ours", None)
        assert store.open().get("a") == b"theirs"

    def test_not_over_another_version(self, store: Store):
        root = store.open()
        version = publish(root, "a", b"1", None)
        store.write("a", b"theirs")
        with pytest.raises(PublishConflict):
            publish(root, "a", b"ours", version)
        assert root.get("a") == b"theirs"

    def test_not_where_it_was_taken_down(self, store: Store):
        root = store.open()
        version = publish(root, "a", b"1", None)
        root.remove("a", expected=version)
        with pytest.raises(PublishConflict):
            publish(root, "a", b"ours", version)
        assert list(root.list()) == []

    def test_not_past_the_deadline(self, store: Store):
        root = store.open()
        with pytest.raises(DeadlinePassed):
            root.publish("a", b"1", expected=None, media_type="image/jpeg", check=dead)
        assert list(root.list()) == []

    def test_no_unsafe_key(self, store: Store):
        root = store.open()
        for key in UNSAFE:
            with pytest.raises(UnsafeKey):
                publish(root, key, b"1", None)
        assert list(root.list()) == []

    def test_no_reserved_key(self, store: Store):
        with pytest.raises(ReservedKey):
            publish(store.open(), f"b/{RESERVED}", b"1", None)

    @pytest.mark.parametrize("standing", [False, True])
    def test_of_eight_at_once_exactly_one_wins(self, store: Store, standing: bool):
        if store.unconditional:
            pytest.skip("check and write are two steps there; that is what `unconditional` says")
        root = store.open()
        expected = publish(root, "a", b"old", None) if standing else None

        def attempt(number: int) -> int | None:
            try:
                publish(root, "a", b"%d" % number * 1000, expected)
            except PublishConflict:
                return None
            return number

        with ThreadPoolExecutor(8) as pool:
            winners = [number for number in pool.map(attempt, range(8)) if number is not None]
        assert len(winners) == 1
        assert root.get("a") == b"%d" % winners[0] * 1000
        assert len(refs(root)) == 1


class TestRemove:
    def test_the_expected_version(self, store: Store):
        root = store.open()
        version = publish(root, "b/a", b"1", None)
        publish(root, "b/b", b"1", None)
        root.remove("b/a", expected=version)
        assert [ref.key for ref in refs(root)] == ["b/b"]

    def test_not_another_version(self, store: Store):
        root = store.open()
        version = publish(root, "a", b"1", None)
        second = publish(root, "a", b"22", version)
        with pytest.raises(PublishConflict):
            root.remove("a", expected=version)
        assert root.version("a") == second

    def test_whatever_stands_there(self, store: Store):
        store.write("a", b"theirs")
        store.open().remove("a", expected=None)
        assert store.open().version("a") is None

    def test_what_is_gone_already(self, store: Store):
        root = store.open()
        for key in ("a", "b/a"):
            root.remove(key, expected=None)
            root.remove(key, expected="0123")

    def test_no_unsafe_key(self, store: Store):
        with pytest.raises(UnsafeKey):
            store.open().remove("../a", expected=None)


class TestObjects:
    def test_put_get_exists_delete(self, store: Store):
        root = store.open()
        assert not root.exists("_runs/r1.json")
        root.put("_runs/r1.json", b"1")
        root.put("_runs/r1.json", b"22")
        assert root.exists("_runs/r1.json")
        assert root.get_with_version("_runs/r1.json") == (b"22", root.version("_runs/r1.json"))
        root.delete(["_runs/r1.json", "_runs/absent.json"])
        root.delete([])
        with pytest.raises(SourceGone):
            root.get("_runs/r1.json")

    def test_create_is_exclusive(self, store: Store):
        root = store.open()
        assert root.create("_journal/a", b"first")
        assert not root.create("_journal/a", b"second")
        assert not root.create("_journal/a", b"first")
        assert root.get("_journal/a") == b"first"

    def test_of_eight_creations_one_succeeds(self, store: Store):
        root = store.open()
        with ThreadPoolExecutor(8) as pool:
            created = list(pool.map(lambda i: root.create("_lease", b"%d" % i), range(8)))
        assert created.count(True) == 1

    def test_names(self, store: Store):
        root = store.open()
        for name in ("_journal/r1-a", "_journal/r1-b", "_journal/r2-a", "_journal.txt", "_journalx", "z"):
            root.put(name, b"1")
        store.write(f"_journal/{RESERVED}", b"1")
        assert list(root.names("_journal/")) == ["_journal/r1-a", "_journal/r1-b", "_journal/r2-a"]
        assert list(root.names("_journal/r1")) == ["_journal/r1-a", "_journal/r1-b"]
        assert list(root.names("absent/")) == []
        assert list(root.names())[-1] == "z"
        assert len(list(root.names())) == 6

    def test_a_root_that_is_not_there_yet_is_made(self, store: Store):
        root = open_root(f"{store.uri}.manifest/new", store.options, unconditional=store.unconditional)
        store.roots.append(root)
        assert list(root.names()) == []
        assert root.version("a/b") is None
        root.put("a/b", b"1")
        assert list(root.names()) == ["a/b"]

    def test_a_root_travels(self, store: Store):
        store.write("a", b"1")
        root = store.open()
        assert root.get("a") == b"1"
        copy: Root = pickle.loads(pickle.dumps(root))
        store.roots.append(copy)
        assert copy.get("a") == b"1"
        assert copy.uri == root.uri

    def test_closing_is_no_end(self, store: Store):
        store.write("a", b"1")
        with store.open() as root:
            assert root.get("a") == b"1"
        assert root.get("a") == b"1"

    def test_versions_from_one_listing(self, store: Store):
        for key in ("a", "b/a", "b/c", f"b/{RESERVED}", "d"):
            store.write(key, b"1")
        root = store.open()
        cursor = VersionCursor(root.list(output=True))
        asked = ["", "Z", "a", "a", "b", "b/b", "b/c", "b/d", "d", "e"]
        assert [cursor.version(key) for key in asked] == [root.version(key) if key else None for key in asked]


class TestVersionCursor:
    def test_empty(self):
        assert VersionCursor(iter(())).version("a") is None

    def test_going_back_is_a_mistake(self):
        cursor = VersionCursor(iter(()))
        cursor.version("b")
        with pytest.raises(ValueError, match="ascending"):
            cursor.version("a")

    def test_what_is_irregular_has_no_version(self):
        cursor = VersionCursor(iter([Irregular("a", "file:///a", UnsafeKey)]))
        assert cursor.version("a") is None
