"""Secrets in URLs and characters that move the cursor: what is told, and what is kept of a text."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import sanitize
from anonymizer.errors import ConfigError

M = "MARKER"
SECRET = [
    f"https://host/a.csv?X-Amz-Signature={M}",
    f"https://host/a.csv?x=1&X-Amz-Credential={M}%2F20260101&y=2",
    f"https://host/a.csv?X-Amz-Security-Token={M}",
    f"https://b.s3.amazonaws.com/a?AWSAccessKeyId={M}&Expires=1&Signature={M}%3D",
    f"https://acc.blob.core.windows.net/c/a?sv=2024&sp=r&sig={M}%2B%3D",
    f"https://storage.googleapis.com/b/a?X-Goog-Algorithm=a&X-Goog-Signature={M}",
    f"https://host/a?%73ig={M}",
    f"HTTPS://host/a?TOKEN={M}",
    f"https://host/a?access_token={M}",
    f"https://host/a#access_token={M}",
    f"https://host/a?api_key={M}",
    f"https://host/a?apikey={M}",
    f"https://host/a?key={M}",
    f"https://host/a;token={M}",
    f"https://user:{M}@host/a",
    f"https://:{M}@host/a",
    f"https://{M}@host/a",
    f"https://user:{M[:3]}/{M}+{M}@host/a",
    f"s3://{M}:{M}@bucket/a",
    f"s3://ID:{M}/{M}@bucket/a",
    f"s3://{M}@bucket",
    f"s3://bucket/a.csv?X-Amz-Signature={M}",
    f"abfs://lake@account.dfs.core.windows.net/a?sig={M}",
    f"ftp://user:{M}@host/a",
    f"sftp://user:{M}@host:22/a",
    f"simplecache::https://host/a?sig={M}",
    f"ray://user:{M}@head:10001",
    f"https://host/a;jsessionid={M}",
    f"https://host/a;jsessionid={M}?x=1",
    f"https://host/a?PHPSESSID={M}",
    f"https://host/a?sid={M}",
    f"https://www.dropbox.com/scl/fi/x/a.csv?rlkey={M}&dl=1",
    f"https://drive.google.com/uc?id=1&resourcekey={M}",
    f"https://host/a?exp=1~hmac={M}",
    f"https://host/a?hdnea=exp=1~acl=/*~hmac={M}",
    f"https://host/a?hdnts={M}",
    f"https://host/a?x=1;token={M}",
    f"https://host/hdntl=exp=1~acl=/*~hmac={M}/a.csv",
    f"https://host/a?md5={M}&expires=1",
    f"https://host/a?q-sign={M}",
    f"github://{M}@org/repo",
    f"gitlab://{M}@host/org/repo",
    f"hf://{M}@datasets/a",
    f"ray://{M}@head:10001",
]
HARMLESS = [
    "photos",
    "/photos/what?token=no",
    "file:///photos/a?token=no",
    "s3://bucket/a?b.jpg",
    "s3://bucket/a:b@c.jpg",
    "s3://arn:aws:s3:eu-west-1:1:accesspoint/ap/a@b",
    "abfs://lake@account.dfs.core.windows.net/a",
    "sftp://user@host:22/a@b",
    "memory://a",
    "memory://a@b/c",
    "oci://bucket@namespace/a",
    "s3://bucket/key=5/session=a/b.jpg",
    "s3://bucket/a~b=c.jpg",
    "s3://bucket/hdmi=1/a.jpg",
    "http://[::1]:9000/a@b",
    "http://localhost:9000/a@b.jpg",
    "key=value",
]


class TestSecrets:
    @pytest.mark.parametrize("uri", SECRET)
    def test_told_and_cut(self, uri: str):
        assert sanitize.secret_in(uri)
        assert M not in str(sanitize.secret_in(uri))
        assert M not in sanitize.uri_without_secrets(uri)
        assert sanitize.secret_in(sanitize.uri_without_secrets(uri)) in (None, "a token", sanitize.PASSWORD)
        assert sanitize.uri_without_secrets(sanitize.uri_without_secrets(uri)) == sanitize.uri_without_secrets(uri)
        for text in (f"{uri} cannot be read", f"URL('{uri}'), 403", f'"{uri}"\nmore', f"a {uri}"):
            assert M not in sanitize.text_without_secrets(text)
            assert M not in sanitize.line(text)

    @pytest.mark.parametrize("uri", SECRET)
    @pytest.mark.parametrize("form", ["{}", "--manifest={}", "consent.registry={}", 'boxes.uri=["{}"]', "{} b"])
    def test_refused_wherever_it_stands(self, uri: str, form: str):
        with pytest.raises(ConfigError, match="environment or --config") as caught:
            sanitize.refuse_secrets(["run", form.format(uri)])
        assert M not in str(caught.value)

    @pytest.mark.parametrize("uri", HARMLESS)
    def test_everything_else_stays(self, uri: str):
        assert sanitize.secret_in(uri) is None
        assert sanitize.uri_without_secrets(uri) == uri
        sanitize.refuse_secrets([uri])

    def test_a_blank_ends_no_url_that_is_alone(self):
        uri = f"https://host/a b.csv?sig={M} {M}"
        assert M not in sanitize.uri_without_secrets(uri)
        assert sanitize.secret_in(uri)

    def test_a_query_of_the_web_is_never_shown_but_may_be_typed(self):
        uri = f"https://host/a.csv?whatever={M}"
        assert sanitize.uri_without_secrets(uri) == "https://host/a.csv?…"
        assert sanitize.name_without_secrets(uri) == "https://host/a.csv"
        assert sanitize.secret_in(uri) is None

    def test_what_is_left_of_a_url(self):
        texts = [f"a.csv?X-Amz-Signature={M}&x=1", f"x&sig={M}", f"{{'Authorization': 'Basic {M}'}}"]
        assert [M in sanitize.text_without_secrets(text) for text in texts] == [False] * 3
        assert sanitize.text_without_secrets(texts[0]) == "a.csv?X-Amz-Signature=…&x=1"

    def test_everything_in_settings(self):
        given_settings = {"a": SECRET[0], "b": [SECRET[1], 1, None], "c": {"d": (SECRET[2],)}, "e": "photos"}
        kept = sanitize.settings_without_secrets(given_settings)
        assert M not in str(kept)
        assert (kept["b"][1:], kept["e"]) == ([1, None], "photos")

    @given(st.text(max_size=30), st.sampled_from(SECRET), st.text(max_size=30))
    def test_no_text_around_it_brings_it_back(self, before: str, uri: str, after: str):
        assert M not in sanitize.text_without_secrets(f"{before} {uri} {after}")


class TestCharacters:
    @given(st.text(st.characters()))
    def test_a_line_is_a_line(self, text: str):
        assert sanitize.line(text).isprintable()
        assert sanitize.name(text).isprintable()
        assert sanitize.line(text).encode() is not None

    def test_what_is_printable_stays(self):
        assert sanitize.line("ä b/ü 'x' \\") == "ä b/ü 'x' \\"
        assert sanitize.line("a\x1b[2J\n\u202eb\udcff") == "a\\x1b[2J\\n\\u202eb\\udcff"
        assert sanitize.page("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"
        assert [sanitize.name(key) for key in ("ä", "a\n")] == ["ä", "'a\\n'"]

    def test_logs(self):
        form = sanitize.Formatter("%(levelname)s %(message)s")
        try:
            raise OSError(f"cannot read {SECRET[0]}\x1b")
        except OSError as error:
            record = logging.LogRecord(
                "a", 40, "", 1, "%s: no", ("k\n\x1b.jpg",), (OSError, error, error.__traceback__)
            )
        text = form.format(record)
        assert text.startswith("ERROR k\\n\\x1b.jpg: no\nTraceback")
        assert M not in text
        assert "\x1b" not in text
