"""Names, temporaries and where roots meet."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.errors import ConfigError, NameNotHeld, ObjectError, ReservedKey, UnsafeKey
from anonymizer.lake.storage import (
    check_key,
    is_local,
    is_relative,
    is_reserved,
    is_temporary,
    join_uri,
    local_path,
    nested,
    normalize_uri,
)
from anonymizer.lake.storage.keys import spelled, spelled_key, temporary_name


class TestUris:
    @pytest.mark.parametrize(
        ("given_uri", "expected"),
        [
            ("/", "file:///"),
            ("//", "file:///"),
            ("/a/b/", "file:///a/b"),
            ("/a/../b//c", "file:///b/c"),
            ("file:///a b#c%20", "file:///a b#c%20"),
            ("FILE:///a", "file:///a"),
            ("local:///a", "file:///a"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3a://bucket/a/b/", "s3://bucket/a/b"),
            ("memory://", "memory://"),
            ("memory:///a/", "memory://a"),
            ("abfs://lake@account.dfs.core.windows.net/a", "abfs://lake@account.dfs.core.windows.net/a"),
            ("/a::b", "file:///a::b"),
        ],
    )
    def test_one_spelling(self, given_uri: str, expected: str):
        assert normalize_uri(given_uri) == expected
        assert normalize_uri(expected) == expected

    def test_relative_paths_become_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        assert normalize_uri("a/b") == f"file://{tmp_path}/a/b"
        assert local_path("file://a") == str(tmp_path / "a")

    @pytest.mark.parametrize(
        "uri", ["", "a\0b", "s3://", "s3:///a", "simplecache::s3://b/a", "s3://key:hunter2@bucket/a", "/a\udcff"]
    )
    def test_refused(self, uri: str):
        with pytest.raises(ConfigError) as caught:
            normalize_uri(uri)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("root", "key", "expected"),
        [
            ("/", "a", "file:///a"),
            ("/a/", "b/c", "file:///a/b/c"),
            ("s3://bucket", "a b", "s3://bucket/a b"),
            ("s3://bucket/a/", "b", "s3://bucket/a/b"),
            ("memory://", "b", "memory://b"),
        ],
    )
    def test_join(self, root: str, key: str, expected: str):
        assert join_uri(root, key) == expected

    def test_local_and_relative(self):
        assert [is_local(uri) for uri in ("a", "/a", "file:///a", "s3://b/a")] == [True, True, True, False]
        assert [is_relative(uri) for uri in ("a", "/a", "file://a", "file:///a", "s3://b")] == [
            True, False, True, False, False,
        ]  # fmt: skip


class TestNested:
    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            ("s3://b/a", "s3://b/a/", True),
            ("s3://b", "s3://b/a", True),
            ("s3://b/a", "s3://b/ab", False),
            ("s3://b/a", "s3://c/a", False),
            ("s3://b/a", "memory://b/a", False),
            ("s3://b/a", "/b/a", False),
            ("memory://", "memory://a", True),
            ("memory://a.manifest", "memory://a", False),
            ("/", "/nowhere", True),
            ("/nowhere/a", "/nowhere/a.manifest", False),
            ("/nowhere/a", "/nowhere/b/../a/c", True),
        ],
    )
    def test_table(self, a: str, b: str, expected: bool):
        assert nested(a, b) is expected
        assert nested(b, a) is expected

    def test_links_are_resolved(self, tmp_path: Path):
        (tmp_path / "in" / "deep").mkdir(parents=True)
        (tmp_path / "link").symlink_to(tmp_path / "in" / "deep")
        assert nested(str(tmp_path / "in"), str(tmp_path / "link" / "new"))
        assert not nested(str(tmp_path / "out"), str(tmp_path / "link"))


class TestKeys:
    @pytest.mark.parametrize(
        "key", ["a", "a/b.jpg", "a b", "...", "..a", "a..", ".hidden", "a\\b", "a\nb", "ä", "~", "%2e"]
    )
    def test_good(self, key: str):
        check_key(key)

    @pytest.mark.parametrize(
        "key",
        [
            "",
            ".",
            "..",
            "../a",
            "a/..",
            "a/./b",
            "a\0",
            "..\\a",
            "a\\..\\b",
            "a/..\\b",
            "\ud800",
        ],
    )
    def test_unsafe(self, key: str):
        with pytest.raises(UnsafeKey):
            check_key(key)

    @pytest.mark.parametrize("key", ["/", "/a", "a/", "a//b", "//", "a///b/"])
    def test_empty_parts_are_names_for_some_stores_alone(self, key: str):
        with pytest.raises(NameNotHeld):
            check_key(key)
        check_key(key, empty_parts=True)

    @pytest.mark.parametrize("key", ["", "/..", "a//../b", "//.", "a//\0"])
    def test_unsafe_whatever_the_store(self, key: str):
        for empty_parts in (True, False):
            with pytest.raises(UnsafeKey):
                check_key(key, empty_parts=empty_parts)

    @given(st.text(st.sampled_from("a./\\\0é\udcff"), max_size=8))
    def test_what_passes_stays_below_the_root(self, key: str):
        try:
            check_key(key)
        except ObjectError:
            return
        for text in (key, key.replace("\\", "/")):
            assert os.path.normpath(f"/lake/folder/{text}").startswith("/lake/folder")
        assert os.path.normpath(f"/lake/{key}") == f"/lake/{key}"

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("", False),
            ("a.tmp", False),
            (".a.tmp", False),
            ("a.anon-0a.tmp", False),
            (".a.anon-.tmp", False),
            (".a.anon-0a.tmp/b", False),
            (".a.anon-0a.tmp", True),
            ("b/..jpg.anon-0123456789abcdef.tmp", True),
            (".a\nb.anon-0a.tmp", True),
        ],
    )
    def test_reserved(self, key: str, expected: bool):
        assert is_reserved(key) is expected

    def test_reserved_keys_have_their_own_error(self):
        with pytest.raises(ReservedKey):
            check_key("b/.a.anon-0a.tmp")


NAMES = st.lists(st.sampled_from([*rb"\.xf0", 0xC3, 0xA4, 0xED, 0xA0, 0xFF]), min_size=1, max_size=8).map(bytes)


class TestSpelled:
    @given(NAMES | st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 0x2F} & {*name}))
    def test_only_what_is_text_stands_for_itself(self, name: bytes):
        if name == b".":
            return
        key = spelled(name)
        assert key.encode()
        try:
            assert key == name.decode()
        except UnicodeDecodeError:
            with pytest.raises(UnsafeKey):
                check_key(key)
            assert key.split("/")[0] == "."

    @given(NAMES, NAMES)
    def test_two_names_have_two_keys(self, one: bytes, other: bytes):
        assert (one == other) == (spelled(one) == spelled(other))

    @given(st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 0x2F} & {*name}))
    def test_the_name_can_be_told_from_the_key(self, name: bytes):
        key = spelled(name)
        if key.startswith("./"):
            key = re.sub(r"\\x([0-9a-f]{2})|\\\\", lambda m: chr(0xDC00 + int(m[1], 16)) if m[1] else "\\", key[2:])
        assert key.encode("utf-8", "surrogateescape") == name

    def test_of_other_filesystems(self):
        assert spelled_key("a/./ä") == "a/./ä"
        assert spelled_key("a/\udcff\\/b") == "a/./\\xed\\xb3\\xbf\\\\/b"


class TestTemporaryNames:
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=260))
    def test_fit_and_are_ours(self, name: str):
        temporary = temporary_name(name)
        assert len(temporary.encode()) <= 255
        assert is_reserved(temporary)
        assert is_temporary(temporary)

    def test_never_the_same(self):
        assert temporary_name("a") != temporary_name("a")
