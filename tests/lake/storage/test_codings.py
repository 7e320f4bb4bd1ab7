"""Content-Encoding: what comes out, what is refused, and no more than may be."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.errors import ImageTooLarge
from anonymizer.lake.storage.codings import Undecodable, decoded

DATA = bytes(range(256)) * 40
RAW = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(DATA),
    "x-gzip": gzip.compress(DATA[:99]) + gzip.compress(DATA[99:]),
    "deflate": zlib.compress(DATA),
    "br": pa.compress(DATA, "brotli", asbytes=True),
    "zstd": pa.compress(DATA, "zstd", asbytes=True),
    " GZIP ": gzip.compress(DATA),
    "deflate, gzip": gzip.compress(zlib.compress(DATA)),
    "aws-chunked,gzip": gzip.compress(DATA),
    "gzip, aws-chunked": gzip.compress(DATA),
    "identity": DATA,
    "aws-chunked": DATA,
    "": DATA,
}
ALONE = ["gzip", "deflate", "br", "zstd"]


@pytest.mark.parametrize("coding", CODED)
def test_what_was_coded_comes_out(coding: str) -> None:
    assert decoded(CODED[coding], coding, len(DATA)) == DATA


def test_deflate_without_its_header() -> None:
    assert decoded(RAW.compress(DATA) + RAW.flush(), "deflate", len(DATA)) == DATA


@pytest.mark.parametrize("coding", ALONE)
def test_not_a_byte_more_than_may_be(coding: str) -> None:
    with pytest.raises(ImageTooLarge):
        decoded(CODED[coding], coding, len(DATA) - 1)


@pytest.mark.parametrize("coding", ALONE)
def test_a_bomb_is_not_unfolded(coding: str) -> None:
    """Half a gigabyte of nothing in half a megabyte or less."""
    zeros = bytes(2**24)
    part = decoded_as(coding, zeros)
    bomb = part * 32 if coding != "deflate" else zlib.compress(bytes(2**27))
    with pytest.raises(ImageTooLarge):
        decoded(bomb, coding, 2**20)


def decoded_as(coding: str, data: bytes) -> bytes:
    name = {"br": "brotli"}.get(coding, coding)
    return zlib.compress(data) if coding == "deflate" else bytes(pa.compress(data, name, asbytes=True))


@pytest.mark.parametrize("coding", ALONE)
def test_what_is_cut_or_something_else_is_refused(coding: str) -> None:
    whole = CODED[coding]
    for data in (whole[:-5], whole[: len(whole) // 2], b"\xff\xd8\xff\xe0 JFIF", whole + b"behind it"):
        with pytest.raises(Undecodable):
            decoded(data, coding, 10**6)


@pytest.mark.parametrize("coding", ["compress", "utf-8", "base64", "gzip2", "image/jpeg", "gzip, lz4"])
def test_codings_that_nobody_knows(coding: str) -> None:
    with pytest.raises(Undecodable):
        decoded(DATA, coding, 10**6)


@given(st.binary(max_size=200), st.sampled_from(ALONE))
def test_any_bytes_are_an_answer(data: bytes, coding: str) -> None:
    with suppress(Undecodable, ImageTooLarge):
        assert len(decoded(data, coding, 500)) <= 500
