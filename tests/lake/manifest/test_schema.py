import dataclasses
from datetime import UTC, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.lake.manifest import SCHEMA, SCHEMA_VERSION, from_table, public_copy, to_table
from anonymizer.lake.manifest.schema import CURRENT_SCHEMA, latest
from anonymizer.records import ManifestRow
from tests.lake.manifest.rows import FULL, INSIDE, MINIMAL, NOON, SHARD, row, rows


def test_every_field_of_a_row_is_a_column():
    assert set(SCHEMA.names) == {field.name for field in dataclasses.fields(ManifestRow)}


def test_types_of_the_contract():
    time = pa.timestamp("us", tz="UTC")
    assert {SCHEMA.field(name).type for name in ("source_modified", "as_of", "retained_until", "processed_at")} == {
        time
    }
    assert SCHEMA.field("source_size").type == SCHEMA.field("output_size").type == pa.int64()
    assert SCHEMA.field("duration_ms").type == pa.float32()
    face = SCHEMA.field("faces").type.value_type
    assert [(f.name, str(f.type)) for f in face] == [
        ("frame", "int32"),
        *((name, "float") for name in ("x", "y", "w", "h", "score")),
        ("redacted", "bool"),
    ]
    assert SCHEMA.metadata == {b"schema_version": str(SCHEMA_VERSION).encode()}


@pytest.mark.parametrize("given_rows", [[], [MINIMAL], [FULL], [FULL, MINIMAL, FULL]])
def test_rows_come_back(given_rows):
    table = to_table(given_rows)
    table.validate(full=True)
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert from_table(table) == given_rows


def test_full_row_fills_every_column():
    every = (FULL, SHARD, INSIDE)
    assert all(any(getattr(row, name) not in (None, ()) for row in every) for name in SCHEMA.names)


@given(st.lists(rows, max_size=5))
def test_any_rows_come_back(given_rows):
    assert from_table(to_table(given_rows)) == given_rows


def test_times_are_utc_whatever_their_zone():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    (found,) = from_table(to_table([dataclasses.replace(MINIMAL, processed_at=elsewhere)]))
    assert found.processed_at == NOON
    assert found.processed_at.tzinfo is UTC


def _runs(*written: tuple[str, ManifestRow]) -> pa.Table:
    table = to_table(item for _, item in written)
    return table.append_column("run_id", pa.array([run for run, _ in written], pa.string())).cast(CURRENT_SCHEMA)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([], []),
        ([("r1", row("a"))], [("a", "r1", 1)]),
        ([("r1", row("a", 9)), ("r2", row("a", 0))], [("a", "r2", 0)]),
        ([("r1", row("a", 2)), ("r1", row("a", 10)), ("r1", row("a", 9))], [("a", "r1", 10)]),
        ([("r1", row("b")), ("r1", row("a")), ("r1", row("b"))], [("a", "r1", 1), ("b", "r1", 1)]),
        # Bytes, not letters: Z < a < ä < 𝄞 and U+FFFD.
        (
            [("r1", row(key)) for key in ("𝄞", "a", "ä", "�", "Z", "")],
            [(key, "r1", 1) for key in ("", "Z", "a", "ä", "�", "𝄞")],
        ),
    ],
)
def test_latest_row_of_each_key(written, expected):
    found = latest(_runs(*written)).select(["key", "run_id", "attempt"]).to_pylist()
    assert [tuple(record.values()) for record in found] == expected


def test_no_clock_decides():
    old = row("a", 2, processed_at=NOON - timedelta(days=900), source_etag="new")
    table = _runs(("r1", row("a", 1, processed_at=NOON)), ("r1", old))
    assert latest(table)["source_etag"].to_pylist() == ["new"]


def test_of_one_attempt_the_row_that_names_an_output_wins_in_any_order():
    published = row("a", output_sha256="1" * 64, status="anonymized")
    failed = row("a", status="failed", error_code="timeout")
    for written in ([failed, published], [published, failed]):
        assert latest(_runs(*(("r1", item) for item in written)))["status"].to_pylist() == ["anonymized"]


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2"]), st.sampled_from("abä"), st.integers(0, 3)), max_size=12))
def test_latest_is_the_greatest_run_and_attempt(entries):
    truth: dict[str, tuple[str, int]] = {}
    for run, key, attempt in entries:
        truth[key] = max(truth.get(key, ("", -1)), (run, attempt))
    found = latest(_runs(*((run, row(key, attempt)) for run, key, attempt in entries)))
    assert found.schema.equals(CURRENT_SCHEMA)
    assert [(r["key"], (r["run_id"], r["attempt"])) for r in found.to_pylist()] == sorted(truth.items())


def test_public_copy_tells_nothing_of_sources_hashes_consent_and_boxes():
    secret = {
        field.name: getattr(FULL, field.name)
        for field in SCHEMA
        if field.name.endswith(("uri", "etag", "sha256")) or field.name.startswith("consent")
        if getattr(FULL, field.name) is not None
    }
    table = public_copy(to_table([FULL, MINIMAL]))
    assert table.num_rows == 2
    assert not set(table.column_names) & {"shard", "left_out", "key", "faces", "purpose", "retained_until", *secret}
    text = str(table.to_pylist())
    assert not any(str(value) in text for value in ("b.jpg", *secret.values()))


def test_public_copy_keeps_no_order_of_keys():
    many = [row(f"{number}", width=width) for number, width in enumerate((3, 1, 2))]
    assert public_copy(to_table(many)).equals(public_copy(to_table(reversed(many))))
