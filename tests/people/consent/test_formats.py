"""Registries as files: CSV, JSON Lines and Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import RegistryError
from anonymizer.people import consent
from anonymizer.people.consent import lines as lines_module
from anonymizer.people.consent import registry as registry_module
from tests.people.consent.scenes import AS_OF, KEY

UNTIL = datetime(2027, 3, 1, 11, tzinfo=UTC)


def load(data: bytes, name: str = "registry") -> consent.Registry:
    return consent.load_registry(data, name, purpose="research", as_of=AS_OF)


def json_lines(*rows: Mapping[str, object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(columns: Mapping[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), sink)
    return sink.getvalue()


CSV = (
    "key,status,record_id,subject_id,purposes,valid_until,x,y,w,h,width,height,frame\n"
    f"{KEY},granted,7,s1,training;research,2027-03-01T12:00:00+01:00,1.5,2,3,4,640,480,0\n"
    f"{KEY},denied,,,,,,,,,,,\n"
).encode()
JSON = json_lines(
    {
        "key": KEY,
        "status": "granted",
        "record_id": 7,
        "subject_id": "s1",
        "purposes": "training;research",
        "valid_until": "2027-03-01T12:00:00+01:00",
        "x": 1.5,
        "y": 2,
        "w": 3,
        "h": 4.0,
        "width": 640,
        "height": 480.0,
        "frame": 0,
    },
    {"key": KEY, "status": "denied", "x": None},
)
PARQUET = parquet(
    {
        "key": [KEY, KEY],
        "status": pa.array(["granted", "denied"]).dictionary_encode(),
        "record_id": [7, None],
        "subject_id": pa.array(["s1", None], pa.large_string()),
        "purposes": pa.array([b"training;research", None]),
        "valid_until": pa.array([UNTIL, None], pa.timestamp("ns", "Europe/Berlin")),
        "x": pa.array([1.5, None], pa.float32()),
        "y": [2.0, None],
        "w": pa.array([3, None], pa.int8()),
        "h": [4, None],
        "width": [640, None],
        "height": pa.array([480, None]).cast(pa.decimal128(21, 2)),
        "frame": [0, None],
    }
)


@pytest.mark.parametrize(
    "data",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV,
        CSV.replace(b"\n", b"\r\n"),
        CSV.replace(b"\n", b"\n\n"),
        CSV.replace(b"s1", b'"s1"').replace(b"training;research", b'"training;\nresearch"'),
        JSON,
        b"\xef\xbb\xbf" + JSON,
        JSON.replace(b"\n", b"\r\n\r\n"),
        PARQUET,
    ],
    ids=["csv", "csv-bom", "csv-crlf", "csv-blank", "csv-quoted", "json", "json-bom", "json-blank", "parquet"],
)
def test_all_formats_say_the_same(data):
    registry = load(data)
    assert (registry.rows, registry.problems) == (2, ())
    decision = registry.decide(KEY)
    assert decision.sha256 == load(CSV).decide(KEY).sha256
    (grant,), (veto,) = decision.grants, decision.vetoes
    assert (grant.record_id, grant.person, grant.valid_until) == ("7", 1, UNTIL)
    place = grant.region
    assert place is not None
    assert (place.x, place.y, place.w, place.h, place.width, place.height, place.frame) == (1.5, 2, 3, 4, 640, 480, 0)
    assert (veto.status, veto.region) == ("denied", None)
    assert registry.sha256 == decision.registry_sha256
    assert len(registry.sha256 or "") == 64


def test_the_content_or_the_ending_tells_the_format():
    for name in ("consent.csv", "consent", "consent.txt"):
        assert load(CSV, name).rows == 2
    for name in ("consent.jsonl", "consent.ndjson", "consent.JSON", "consent"):
        assert load(JSON, name).rows == 2
    for name in ("consent.parquet", "consent", "consent.csv"):
        assert load(PARQUET, name).rows == 2
    with pytest.raises(RegistryError, match="no Parquet"):
        load(CSV, "consent.parquet")
    with pytest.raises(RegistryError, match="no JSON"):
        load(CSV, "consent.jsonl")


def test_a_registry_without_rows_is_one():
    assert load(b"key,status\n").rows == 0
    assert load(parquet({"key": pa.array([], pa.string()), "status": pa.array([], pa.string())})).rows == 0


@pytest.mark.parametrize("data", [b"", b" \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file_is_no_registry(data):
    for name in ("r.csv", "r.jsonl", "r.parquet", "r"):
        with pytest.raises(RegistryError, match="empty"):
            load(data, name)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"key\na\n", "column status is missing"),
        (b"status\ndenied\n", "column key is missing"),
        (b"Key,status\na,denied\n", "column 1 is unknown"),
        (b"key,status,\na,denied,\n", "column 3 is unknown"),
        (b"key,status,status\na,denied,granted\n", "column 3 is there twice"),
        (b"jane.jpg,granted\n", "column 1 is unknown"),
        (b"key,status\na,denied\nb\n", "row 2"),
        (b"key,status\na,denied\nb,granted,x\n", "row 2"),
        (b'key,status\na,denied\n"b,granted\nc,denied\n', "row 2"),
        (b'key,status\na,denied\n"b"b,granted\n', "row 2"),
        (b"key,status\na,denied\n\n\n,granted\n", "row 2"),
        (b"key,status\n\xe9.jpg,denied\n", "row 1"),
        (b"\xff\xfek\x00e\x00y\x00", "column 1 is unknown"),
        (json_lines({"key": "a", "status": "denied"}, {"key": "b", "statsu": "denied"}), "row 2: a column is unknown"),
        (json_lines({"key": "a"}), "column status is missing"),
        (json_lines({"key": "a", "status": "denied"}, {"status": "denied"}), "row 2: the key"),
        (json_lines({"key": 12, "status": "denied"}), "row 1: the key"),
        (json_lines({"key": ["a"], "status": "denied"}), "row 1: the key"),
        (json_lines({"key": None, "status": "denied"}), "row 1: the key"),
        (json_lines({"key": "a\ud800", "status": "denied"}), "row 1: the key"),
        (b'{"key": "a", "key": "b", "status": "denied"}\n', "row 1: the key"),
        (b'{"key": "\xff", "status": "denied"}\n', "row 1: the key"),
        (b'{"key": "a", "status": "denied"}\n\n{"key": \n', "row 2: this is no JSON"),
        (b'{"key": "a", "status": "denied"}\n[1]\n', "row 2: this is no JSON object"),
        (b'{"a":' * 100_000 + b"\n", "row 1: this is no JSON"),
        (parquet({"key": ["a", None], "status": ["denied"] * 2}), "row 2: the key"),
        (parquet({"key": ["a", ""], "status": ["denied"] * 2}), "row 2: the key"),
        (parquet({"key": [1, 2], "status": ["denied"] * 2}), "row 1: the key"),
        (parquet({"key": [b"a", b"\xff"], "status": ["denied"] * 2}), "row 2: the key"),
        (parquet({"key": ["a"], "status": ["denied"], "note": ["Jane"]}), "column 3 is unknown"),
        (b"PAR1 and no more", "no Parquet"),
    ],
)
def test_what_is_no_registry_is_said_in_one_line(data, said):
    with pytest.raises(RegistryError) as caught:
        load(data, "s3://bucket/consent")
    text = str(caught.value)
    assert said in text
    assert text.startswith("s3://bucket/consent: ")
    assert "\n" not in text
    assert "jane" not in text.lower()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("record_id", True),
        ("record_id", [1]),
        ("subject_id", {"id": 1}),
        ("purposes", ["research"]),
        ("purposes", False),
        ("status", ["granted"]),
        ("scope", 1),
        ("valid_until", 1800000000),
        ("x", "\ud800"),
        ("x", float("nan")),
        ("width", 640.5),
    ],
)
def test_values_that_are_no_text_are_malformed(column, value):
    row = {"key": KEY, "status": "granted", column: value}
    registry = load(json_lines(row))
    assert [veto.status for veto in registry.decide(KEY).vetoes] == ["malformed"]
    assert any(problem.startswith(f"row 1: {column}: not ") for problem in registry.problems)


def test_a_name_that_is_given_twice_is_malformed():
    for first, second in (('"denied"', '"granted"'), ("null", '"granted"'), ('"granted"', '"granted"')):
        line = f'{{"key": "{KEY}", "status": {first}, "status": {second}}}\n'
        assert [veto.status for veto in load(line.encode()).decide(KEY).vetoes] == ["malformed"]


def test_a_name_that_only_some_lines_have_is_an_empty_cell_in_the_others():
    rows = [{"key": KEY, "status": "granted"}, {"key": "b", "status": "granted", "purposes": "research"}]
    assert load(json_lines(*rows)).decide(KEY).grants == ()
    assert len(load(json_lines(rows[0])).decide(KEY).grants) == 1


@pytest.mark.parametrize(
    ("values", "works"),
    [
        (pa.array([UNTIL], pa.timestamp("us", "UTC")), True),
        (pa.array([UNTIL], pa.timestamp("s", "+05:30")), True),
        (pa.array([date(2027, 3, 1)]), True),
        (pa.array([date(2020, 3, 1)]), False),
        (pa.array([UNTIL.replace(tzinfo=None)], pa.timestamp("us")), None),
        (pa.array([2**62], pa.timestamp("us", "UTC")), None),
        (pa.array([1800000000]), None),
        (pa.array([timedelta(1)]), None),
        (pa.array([b"\xff"]), None),
        (pa.array([["2027-03-01"]]), None),
        (pa.array([None], pa.null()), True),
        (pa.array([None], pa.list_(pa.string())), True),
    ],
    ids=str,
)
def test_times_of_parquet(values, works):
    registry = load(parquet({"key": [KEY], "status": ["granted"], "valid_until": values}))
    decision = registry.decide(KEY)
    assert bool(decision.grants) is bool(works)
    assert bool(decision.vetoes) is (works is None)
    assert len(registry.problems) == (works is None)


def test_text_of_parquet_that_is_no_utf8():
    bad = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    assert [v.status for v in load(parquet({"key": [KEY], "status": ["granted"], "record_id": bad})).decide(KEY).vetoes]
    with pytest.raises(RegistryError, match="row 1: the key"):
        load(parquet({"key": bad, "status": ["granted"]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01 12:00:00+0100", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("2026-03-01T12:00:00,5-01", datetime(2026, 3, 1, 13, 0, 0, 500000, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123456789Z", datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_times(text, expected):
    assert consent.parse_time(text) == expected
    assert consent.parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", " 2026-03-01", "2026-03-01T12:00:00", "2026-03", "20260301", "2026-W01-1", "2026-13-01", "2026-03-01T12Z",
     "2026-03-01T25:00Z", "2026-03-01T12:00+25:00", "0001-01-01T00:00+01:00", "2026-03-01Z", "\u0662026-03-01"],
)  # fmt: skip
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=r"ISO 8601|no such time"):
        consent.parse_time(text)


def test_a_zone_of_ones_own_is_taken_as_the_instant_it_is():
    zone = timezone(timedelta(hours=2))
    row = f"key,status,valid_until\n{KEY},granted,2026-06-01T12:00:00Z\n".encode()
    local = datetime(2026, 6, 1, 13, 59, tzinfo=zone)
    assert consent.load_registry(row, "r", purpose=None, as_of=local).decide(KEY).grants
    assert not consent.load_registry(row, "r", purpose=None, as_of=local.replace(hour=14, minute=0)).decide(KEY).grants


def test_rows_are_read_in_batches_and_problems_are_named_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(lines_module, "BATCH_ROWS", 3)
    monkeypatch.setattr(registry_module, "NAMED_PROBLEMS", 2)
    lines = [f"{row:02d}.jpg,{'granted' if row % 2 else 'yes'}" for row in range(10)]
    registry = load("\n".join(["key,status", *lines]).encode())
    assert registry.rows == 10
    assert registry.problems == (
        "row 1: status: not one of granted, denied, withdrawn, pending, expired",
        "row 3: status: not one of granted, denied, withdrawn, pending, expired",
        "and 3 more malformed cells",
    )
    assert [bool(registry.decide(f"{row:02d}.jpg").grants) for row in range(10)] == [False, True] * 5
