import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import ConfigError, RunError
from anonymizer.lake.manifest import SCHEMA, SCHEMA_VERSION, from_table, to_table
from anonymizer.lake.manifest.parts import decode, encode_journal, encode_part
from tests.lake.manifest.rows import FULL, MINIMAL, row

ENCODERS = pytest.mark.parametrize("encode", [encode_journal, encode_part])


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def _file(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(data))


@ENCODERS
@pytest.mark.parametrize("rows", [[], [MINIMAL], [MINIMAL, FULL]])
def test_rows_come_back(encode, rows):
    table = decode(encode(to_table(rows)), "p", SCHEMA.names)
    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata == SCHEMA.metadata
    assert from_table(table) == rows


@ENCODERS
def test_files_are_zstd_with_version_and_same_bytes_each_time(encode):
    table = to_table([FULL, MINIMAL])
    data = encode(table)
    file = _file(data)
    assert file.metadata.metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert data == encode(table)


def test_large_parts_are_sorted_and_keys_have_no_dictionary():
    data = encode_part(to_table([row("ä"), row("b", 2), row("a"), row("b", 1)]))
    assert [(r["key"], r["attempt"]) for r in decode(data, "p", ["key", "attempt"]).to_pylist()] == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
        ("ä", 1),
    ]
    group = _file(data).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert not columns["key"].has_dictionary_page
    assert columns["status"].has_dictionary_page
    assert columns["key"].statistics.min == "a"
    assert columns["key"].statistics.max == "ä"
    assert group.sorting_columns == (pq.SortingColumn(0),)


def test_only_the_wanted_columns_in_their_order():
    assert decode(encode_part(to_table([FULL])), "p", ["status", "key"]).to_pylist() == [
        {"status": "anonymized", "key": "ä/b.jpg"}
    ]


def test_older_versions_are_read_and_filled_with_null():
    older = to_table([FULL]).drop_columns(["retained_until", "faces", "attempt"])
    older = older.set_column(older.column_names.index("source_size"), "source_size", pa.array([5], pa.int32()))
    older = older.append_column("since_dropped", pa.array(["x"])).replace_schema_metadata({"schema_version": "0"})
    table = decode(_parquet(older), "p", SCHEMA.names)
    assert table.schema.equals(SCHEMA)
    (found,) = from_table(table)
    assert (found.source_size, found.retained_until, found.faces, found.attempt) == (5, None, (), 1)
    assert found.source_sha256 == FULL.source_sha256


def test_newer_versions_are_refused():
    newer = to_table([FULL]).replace_schema_metadata({"schema_version": str(SCHEMA_VERSION + 1)})
    with pytest.raises(ConfigError, match=rf"part the/name\.parquet has schema_version {SCHEMA_VERSION + 1}.*upgrade"):
        decode(_parquet(newer), "the/name.parquet", ["key"])


@pytest.mark.parametrize("metadata", [None, {"schema_version": ""}, {"schema_version": "x"}, {"schema_version": "-1"}])
def test_tables_of_others_are_refused(metadata):
    with pytest.raises(RunError, match="part p has no schema_version"):
        decode(_parquet(to_table([FULL]).replace_schema_metadata(metadata)), "p", ["key"])


def test_a_column_of_another_kind_is_refused():
    bad = to_table([FULL]).drop_columns(["width"]).append_column("width", pa.array(["wide"]))
    with pytest.raises(RunError, match="part p is damaged"):
        decode(_parquet(bad), "p", SCHEMA.names)


@ENCODERS
def test_truncated_parts_are_refused(encode):
    data = encode(to_table([FULL, MINIMAL]))
    for length in (0, 1, 4, 8, 12, len(data) // 2, len(data) - 8, len(data) - 1):
        with pytest.raises(RunError, match="part p is damaged"):
            decode(data[:length], "p", SCHEMA.names)


@ENCODERS
def test_a_flipped_bit_is_refused_or_harmless(encode):
    table = to_table([FULL, row("b"), row("c")])
    whole = decode(encode(table), "p", SCHEMA.names)
    data = bytearray(encode(table))
    refused = 0
    for position in range(0, len(data), 83):
        data[position] ^= 0x10
        try:
            # Descriptions of the footer may change; values never do.
            found = decode(bytes(data), "p", SCHEMA.names).num_rows
        except (RunError, ConfigError):
            refused += 1
        else:
            assert found == whole.num_rows
        data[position] ^= 0x10
    assert refused > 20
