"""Keys of outputs: the same, hashed, with another format's extension, and back from a row's URL."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.errors import ConfigError
from anonymizer.lake import naming
from anonymizer.lake.storage import join_uri, normalize_uri
from anonymizer.lake.storage.keys import check_key

SECRET = b"0123456789abcdef"
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0"), min_size=1).filter(
    lambda part: part not in (".", "..")
)


@pytest.mark.parametrize("key", ["a.jpg", "2019/März/IMG 1.HEIC", "no-extension", "percent%20#?.png"])
def test_the_same_name_is_the_key_itself(key):
    assert naming.output_key(key, "same", None) == key


def test_a_hashed_name_is_the_keyed_hash_of_the_key():
    digits = hmac.new(SECRET, "Jane Doe/März.JPG".encode(), hashlib.sha256).hexdigest()[:32]
    assert naming.output_key("Jane Doe/März.JPG", "hashed", SECRET) == f"{digits[:2]}/{digits}.jpg"


def test_another_secret_gives_other_names():
    one, other = (naming.output_key("a.jpg", "hashed", secret) for secret in (SECRET, SECRET[::-1]))
    assert one != other


@pytest.mark.parametrize(
    ("key", "extension"),
    [
        ("a.jpg", ".jpg"),
        ("a.JPeG", ".jpeg"),
        ("folder.png/a", ""),
        ("a.jane-doe", ""),
        ("a.jpg.jane", ""),
        ("a.", ""),
        (".jpg", ""),
        ("a.TIFF", ".tiff"),
    ],
)
def test_only_the_extension_of_a_picture_is_kept(key, extension):
    hashed = naming.output_key(key, "hashed", SECRET)
    assert re.fullmatch(rf"([0-9a-f]{{2}})/\1[0-9a-f]{{30}}{re.escape(extension)}", hashed)


@given(KEYS)
def test_hashed_names_are_always_good_keys(key):
    check_key(naming.expected_key(key, "hashed", SECRET))


@pytest.mark.parametrize("secret", [None, b"", SECRET[:-1]])
def test_hashing_without_a_good_secret_is_refused(secret):
    with pytest.raises(ConfigError, match="16 bytes in ANONYMIZER_NAMES_KEY"):
        naming.output_key("a.jpg", "hashed", secret)


@pytest.mark.parametrize("value", [None, "", "fifteen bytes .."[:15]])
def test_a_missing_or_short_secret_is_wrong_usage(value):
    with pytest.raises(ConfigError, match="16 bytes in ANONYMIZER_NAMES_KEY"):
        naming.secret_of(value)


def test_the_secret_is_counted_in_bytes():
    assert naming.secret_of("ä" * 8) == "ä".encode() * 8
    assert naming.secret_of("\udcff" * 16) == b"\xff" * 16


def test_another_format_has_its_extension_appended():
    assert naming.replaced("a.heic", "heif", "jpeg") == "a.heic.jpg"
    assert naming.replaced("a.jpg", "jpeg", "jpeg") == "a.jpg"
    assert naming.replaced("scan", "jp2", "png") == "scan.png"


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "b/c.hif"])
def test_names_of_heif_are_expected_as_jpeg(name):
    assert naming.expected_key(name, "same", None) == f"{name}.jpg"
    assert naming.expected_key(name, "hashed", SECRET) == naming.output_key(name, "hashed", SECRET) + ".jpg"


@pytest.mark.parametrize("name", ["a.jpg", "heic", "a.heic/b", "a.heic.png"])
def test_other_names_are_expected_as_they_are(name):
    assert naming.expected_key(name, "same", None) == name


@pytest.mark.parametrize("root", ["/", "/data/out", "/a b#c/%20", "s3://bucket", "s3://bucket/deep", "memory://x"])
@pytest.mark.parametrize("key", ["a.jpg", "März/IMG 1#?%2F.jpg", "out/out"])
def test_the_key_of_a_row_comes_back_from_its_url(root, key):
    assert naming.output_key_of(join_uri(root, key), normalize_uri(root)) == key


@pytest.mark.parametrize(
    "uri", ["file:///data/outer/a.jpg", "s3://bucket/a.jpg", "file:///data/out", "file:///data/out/"]
)
def test_an_output_elsewhere_has_no_key(uri):
    assert naming.output_key_of(uri, "file:///data/out") is None
