"""A veto is read as a person would read it; a grant as it stands there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.people import consent
from anonymizer.people.consent.spelling import absolute, fold, plain, readings
from tests.people.consent.scenes import AS_OF, Cells, to_csv

ROOTS = {"s3": "s3://lake/in", "file": "file:///data/in"}
OTHERWISE = [
    *(" photos/a b.jpg", "photos/a b.jpg \t", "\u00a0photos/a b.jpg\u2003", "photos/a\u00a0b.jpg", "photos/ a b.jpg"),
    *("\u200bphotos/a b.jpg", "photos/a\u200b b.jpg\ufeff", "photos/a\u00ad b.jpg", "photos/a b.jpg\r"),
    *("./photos/a b.jpg", "/photos/a b.jpg", "photos//a b.jpg", "photos\\a b.jpg", ".\\photos\\a b.jpg"),
    *("photos/./a b.jpg", "photos/x/../a b.jpg", "photos/a%20b.jpg", "photos%2Fa%20b.jpg", "photos/a%2520b.jpg"),
    *("photos/a+b.jpg", "PHOTOS/A%C2%A0B.JPG", "\uff50hotos/a b.jpg"),
]
FULL = [
    *[("s3", uri) for uri in ("s3://lake/in/photos/a b.jpg", "S3A://lake/in//photos/a%20b.jpg")],
    *[
        ("s3", f"https://{where}/photos/a+b.jpg")
        for where in ("lake.s3.amazonaws.com/in", "s3.eu.amazonaws.com/lake/in")
    ],
    ("s3", "/lake/in/photos/a b.jpg"),
    *[("file", f"{start}/data/in/photos/a b.jpg") for start in ("file://", "file:", "file://localhost", "", "/")],
    ("file", "file:///data/in/photos/a%20b.jpg "),
    *[("s3", f"arn:{part}:s3:::lake/in/photos/a b.jpg") for part in ("aws", "aws-cn", "AWS-US-GOV")],
    *[("s3", f"{start}in/photos/a b.jpg") for start in ("", "/", "lake/", "/lake//", "LAKE%2F")],
    *[("file", f"{start}in/photos/a b.jpg") for start in ("", "data/")],
]
QUERIES = ["?versionId=3", "?versionid=a%2Bb&x=1", "?X-Amz-Date=1&response-content-type=image%2Fjpeg"]
AROUND = [
    *('"{}"', "'{}'", "`{}`", "\u201c{}\u201d", "\u201e{}\u201c", "\u2018{}\u2019", "\u00ab{}\u00bb", "\uff02{}\uff02"),
    *(
        "<{}>",
        "{},",
        "{};",
        "{} ,",
        '"{}",',
        '"{},"',
        " '{}' ; ",
        '"{}',
        "{}\u201d",
        "%22{}%22",
        '\u200b"{}"\u200b',
        "\"'{}',\"",
    ),
]


def vetoed(row: Cells, key: str, root: str = "") -> bool:
    grant = {"key": key, "status": "granted", "scope": "everyone"}
    registry = consent.load_registry(
        to_csv([grant, {"status": "denied", **row}]), "r.csv", purpose=None, as_of=AS_OF, root=root
    )
    decision = registry.decide(key)
    assert len(decision.grants) == 1
    assert (registry.unmatched(objections=True).tolist() == []) is bool(decision.vetoes)
    return bool(decision.vetoes)


@pytest.mark.parametrize("text", OTHERWISE, ids=ascii)
def test_a_veto_whose_key_is_written_otherwise(text):
    key = "photos/a b.jpg"
    assert vetoed({"key": text}, key)
    assert vetoed({"key": text[:-3], "match": "prefix"}, key) or text[-1] in " \t\r\ufeff\u2003"
    assert vetoed({"key": f"{text[:2]}*{text[-1:]}"}, key)
    assert not vetoed({"key": text}, "photos/c.jpg")


@pytest.mark.parametrize("text", ["photos/ ", "photos\\", "/photos//", "photos%2F", "./PHOTOS/\u200b", "photos/."])
def test_a_folder_that_is_written_otherwise(text):
    assert vetoed({"key": text}, "photos/a b.jpg")
    assert not vetoed({"key": text}, "photos2/a b.jpg")


@pytest.mark.parametrize(("root", "uri"), FULL, ids=str)
def test_a_veto_that_names_the_full_uri(root, uri):
    assert vetoed({"key": uri}, "photos/a b.jpg", ROOTS[root])
    assert vetoed({"key": uri.rpartition("/")[0] + "/"}, "photos/a b.jpg", ROOTS[root])
    assert vetoed({"key": uri.rpartition("/")[0] + "/*.JPG"}, "photos/a b.jpg", ROOTS[root])
    assert not vetoed({"key": uri}, "a b.jpg", ROOTS[root])
    assert not vetoed({"key": uri.replace("in/", "other/")}, "photos/a b.jpg", ROOTS[root])


def test_a_veto_on_all_of_a_bucket_and_on_an_input_that_is_one_file():
    assert vetoed({"key": "s3://lake/"}, "photos/a.jpg", "s3://lake/in")
    assert vetoed({"key": "s3://lake/*/photos/*"}, "photos/a.jpg", "s3://lake/in")
    assert vetoed({"key": "file:///data/a.jpg"}, "a.jpg", "file:///data/a.jpg")


@pytest.mark.parametrize("around", AROUND, ids=ascii)
@pytest.mark.parametrize(("root", "uri"), [("s3", "photos/a b.jpg"), FULL[0], FULL[-1]], ids=str)
def test_what_stands_around_a_key_may_be_no_part_of_it(root, uri, around):
    key, folder = "photos/a b.jpg", uri.rpartition("/")[0]
    assert vetoed({"key": around.format(uri)}, key, ROOTS[root])
    assert vetoed({"key": around.format(f"{folder}/")}, key, ROOTS[root])
    assert vetoed({"key": around.format(f"{folder}/*.JPG")}, key, ROOTS[root])
    assert vetoed({"key": around.format(uri[:-3]), "match": "prefix"}, key, ROOTS[root])
    assert not vetoed({"key": around.format(uri)}, "photos/c.jpg", ROOTS[root])
    # What really is called so is vetoed by its letters.
    name = around.format("a b.jpg")
    assert vetoed({"key": name}, name)
    assert vetoed({"key": f"photos/{name}"}, f"photos/{name}")
    assert vetoed({"key": f'"{name}"'}, name)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    ("root", "uri"), [found for found in FULL if "://" in found[1] and found[1][-1] != " "], ids=str
)
def test_a_query_is_no_part_of_a_uri(root, uri, query):
    for text in (f"{uri}{query}", f'"{uri}{query}",'):
        assert vetoed({"key": text}, "photos/a b.jpg", ROOTS[root])
        assert not vetoed({"key": text}, "photos/a b.jpg2", ROOTS[root])


def test_a_version_is_no_part_of_a_key():
    assert vetoed({"key": "photos/a b.jpg?versionId=3"}, "photos/a b.jpg")
    assert vetoed({"key": "a.jpg?versionId=3"}, "a.jpg?versionId=3")
    assert not vetoed({"key": "photos/?.jpg"}, "photos/ab.jpg")
    assert not vetoed({"key": "s3://lake/in/photos/?.jpg"}, "photos/ab.jpg", ROOTS["s3"])


def test_names_of_inputs_own_folders_are_no_pattern_of_keys():
    assert not vetoed({"key": "in*"}, "photos/a.jpg", ROOTS["s3"])
    assert not vetoed({"key": "in", "match": "prefix"}, "photos/a.jpg", ROOTS["s3"])
    assert vetoed({"key": "in/"}, "photos/a.jpg", ROOTS["s3"])
    assert vetoed({"key": "in/ph*"}, "photos/a.jpg", ROOTS["s3"])
    assert vetoed({"key": "lake/in/ph", "match": "prefix"}, "photos/a.jpg", ROOTS["s3"])
    assert vetoed({"key": "in/a.jpg"}, "in/a.jpg", ROOTS["s3"])


@given(
    st.text("aA./\\%20+, ;\"'\u201d\u200b\u00e9?*=", max_size=10).map(lambda key: f"x{key}y"),
    st.lists(st.sampled_from(AROUND), max_size=2),
    st.sampled_from(["exact", "prefix", "glob"]),
)
@settings(max_examples=200, deadline=None)
def test_any_key_is_met_by_a_veto_on_it_with_anything_around(key, layers, match):
    text = key
    for layer in layers:
        text = layer.format(text)
    rows = [{"key": text, "status": "denied", "match": match}, {"key": text, "status": "granted", "scope": "everyone"}]
    registry = consent.load_registry(to_csv(rows), "r.csv", purpose=None, as_of=AS_OF, root=ROOTS["s3"])
    assert registry.decide(text).vetoes
    assert registry.decide(key).vetoes
    assert bool(registry.decide(key).grants) <= (text == key or "*" in text or "?" in text)


@pytest.mark.parametrize(
    "text",
    [
        *(*OTHERWISE, *(uri for _, uri in FULL), *(f"{FULL[0][1]}{query}" for query in QUERIES)),
        *(around.format("photos/a b.jpg") for around in AROUND),
    ],
    ids=ascii,
)
def test_a_grant_whose_key_is_written_otherwise_grants_nothing(text):
    row = {"key": text, "status": "granted", "scope": "everyone"}
    registry = consent.load_registry(to_csv([row]), "r.csv", purpose=None, as_of=AS_OF, root=ROOTS["s3"])
    assert registry.decide("photos/a b.jpg").grants == ()


@pytest.mark.parametrize("key", OTHERWISE, ids=ascii)
def test_a_key_that_really_is_written_so_is_vetoed_by_its_letters(key):
    assert vetoed({"key": key}, key)


@given(st.text("aA./\\%20+ \u200b\u00e9e\u0301\u00df\ufb01", max_size=12))
def test_one_spelling(text):
    assert plain(text) == plain(fold(text))
    assert plain(f" {text.strip()}") == plain(text.strip()) or "/" in text[:1]
    assert all(not spelling.startswith("/") for spelling in absolute(text))


def test_what_stands_around_without_end_does_not_hang():
    assert len(readings('"' * 100_000 + "a" + ",;" * 100_000)) > 1


def test_escapes_without_end_do_not_hang():
    assert plain("%25" * 100_000).startswith("%")
