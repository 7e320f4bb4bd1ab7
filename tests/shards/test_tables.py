"""Parquet: the same rows, columns and row groups out, pictures made safe, and nothing that repeats values."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer import shards
from anonymizer.errors import ScrubCheckFailed, ShardDamaged
from anonymizer.shards.tables.check import check
from tests.shards.making import MARK, Safe, jpeg, png, rewritten

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FEATURES = {"image": {"_type": "Image"}, "label": {"names": ["a", "b"], "_type": "ClassLabel"}}
FOOTER = {
    b"huggingface": json.dumps(
        {"info": {"features": FEATURES, "citation": MARK.decode()}, "fingerprint": "x"}
    ).encode(),
    b"pandas": b'{"index_columns": []}' + MARK,
    b"content_defined_chunking": MARK,
}


def table(rows: int = 10) -> pa.Table:
    image = [{"bytes": jpeg(n), "path": f"people/{MARK.decode()}_{n}.jpg"} for n in range(rows)]
    columns = {
        "image": pa.array(image, IMAGE),
        "label": pa.array([n % 2 for n in range(rows)]),
        "caption": pa.array([f"{MARK.decode()} {n}" for n in range(rows)]),
    }
    return pa.table(columns).replace_schema_metadata(FOOTER)


def written(data: pa.Table, **options) -> bytes:
    target = io.BytesIO()
    pq.write_table(data, target, **options)
    return target.getvalue()


def read(data):
    return pq.ParquetFile(io.BytesIO(data)).read().to_pylist()


def test_same_rows_columns_and_row_groups():
    data, report = rewritten(written(table(), row_group_size=4, compression="gzip"), keep=("label",))
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.schema_arrow.names == ["image", "label"]
    assert file.schema_arrow.field("image").type == IMAGE
    assert [file.metadata.row_group(group).num_rows for group in range(3)] == [4, 4, 2]
    assert file.metadata.row_group(0).column(0).compression == "GZIP"
    assert file.read().to_pylist() == [{"image": {"bytes": jpeg(n), "path": None}, "label": n % 2} for n in range(10)]
    assert json.loads(file.schema_arrow.metadata[b"huggingface"]) == {"info": {"features": FEATURES}}
    assert report.left_out == {"column caption": 10}
    assert MARK not in data


@pytest.mark.parametrize("options", [{}, {"use_dictionary": True}, {"write_page_index": True}, {"version": "1.0"}])
def test_no_statistics_dictionaries_and_indexes(options):
    source = written(table(), **options)
    data, _ = rewritten(source)
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    for place in range(group.num_columns):
        column = group.column(place)
        assert not column.is_stats_set or not column.statistics.has_min_max
        assert [column.has_dictionary_page, column.has_column_index, column.has_offset_index] == [False] * 3
    with pytest.raises(ScrubCheckFailed):
        check(io.BytesIO(source))


def test_a_row_with_a_picture_that_fails_is_left_out():
    make = Safe("3/image")
    data, report = rewritten(written(table()), make, keep=("label",))
    assert len(read(data)) == 9
    assert (report.samples_in, report.samples_out, report.dropped) == (10, 9, frozenset({3}))


def test_pictures_are_found_by_their_bytes():
    columns = {
        "raw": pa.array([jpeg(1), b"no picture", None, b""]),
        "large": pa.array([png(1), None, png(2), None], pa.large_binary()),
        "many": pa.array([[jpeg(1), jpeg(2)], [], None, [None, jpeg(3)]]),
        "cells": pa.array([[{"bytes": jpeg(4), "path": "x"}], None, None, None], pa.list_(IMAGE)),
        "words": pa.array(["a", "b", "c", "d"]).dictionary_encode(),
    }
    make = Safe()
    data, report = rewritten(written(pa.table(columns)), make, keep=("words",))
    assert make.made == [
        "0/raw", "0/large", "0/many/0", "0/many/1", "0/cells/0", "2/large", "3/many/1",
    ]  # fmt: skip
    rows = read(data)
    assert [row["raw"] for row in rows] == [jpeg(1), None, None, None]
    assert [row["many"] for row in rows] == [[jpeg(1), jpeg(2)], [], None, [None, jpeg(3)]]
    assert rows[0]["cells"] == [{"bytes": jpeg(4), "path": None}]
    assert [row["words"] for row in rows] == ["a", "b", "c", "d"]
    assert report.left_out == {"column raw: no picture": 2}


def test_bytes_that_are_no_picture_stay_in_a_column_that_is_named():
    data, _ = rewritten(written(pa.table({"raw": [jpeg(1), b"\x93NUMPY array"]})), keep=("raw",))
    assert [row["raw"] for row in read(data)] == [jpeg(1), b"\x93NUMPY array"]


@pytest.mark.parametrize(
    ("cell", "code"), [({"bytes": None, "path": "s3://b/a.jpg"}, "reference"), ({"bytes": b"", "path": None}, "empty")]
)
def test_a_place_of_a_picture_without_bytes_fails(cell, code):
    make = Safe()
    columns = {"image": pa.array([cell, {"bytes": jpeg(1), "path": None}, None, {"bytes": None, "path": None}], IMAGE)}
    data, _ = rewritten(written(pa.table(columns)), make)
    assert make.errors == {"0/image": code}
    assert [row["image"] for row in read(data)] == [
        {"bytes": jpeg(1), "path": None}, None, {"bytes": None, "path": None},
    ]  # fmt: skip


def test_a_column_names_the_rows():
    make = Safe()
    rewritten(written(table(3).append_column("id", pa.array(["x", "y", "z"]))), make, id="id")
    assert make.made == ["x/image", "y/image", "z/image"]


def test_nested_bytes_are_left_out_even_if_they_are_named():
    nested = pa.array([{"deep": {"picture": jpeg(1)}}])
    data, report = rewritten(written(pa.table({"image": [jpeg(2)], "meta": nested})), keep=("meta",))
    assert read(data) == [{"image": jpeg(2)}]
    assert report.left_out == {"column meta": 1}


def test_types_that_a_redacted_picture_does_not_fit():
    fixed = pa.array([jpeg(1)], pa.binary(len(jpeg(1))))
    data, _ = rewritten(written(pa.table({"image": fixed})))
    assert read(data) == [{"image": jpeg(1)}]


def test_no_rows():
    data, report = rewritten(written(table(0)))
    assert read(data) == []
    assert report.pictures_in == 0


@pytest.mark.parametrize("cut", [10, 100, 2000])
def test_damaged_tables_fail(cut):
    with pytest.raises(ShardDamaged):
        rewritten(written(table())[:-cut])


def test_metadata_that_is_no_feature_is_left_out():
    features = {"image": {"_type": "Image", "comment": MARK.decode(), "decode": True}, "gone": {"_type": "Value"}}
    footer = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    data, _ = rewritten(written(table().replace_schema_metadata(footer)))
    kept = json.loads(pq.ParquetFile(io.BytesIO(data)).schema_arrow.metadata[b"huggingface"])
    assert kept == {"info": {"features": {"image": {"_type": "Image", "decode": True}}}}
    assert MARK not in data


def test_pictures_of_an_output():
    data, _ = rewritten(written(table(3)))
    assert [entry.data for entry in shards.pictures("parquet", io.BytesIO(data))] == [jpeg(n) for n in range(3)]


def test_pixels_in_lists_may_be_pictures():
    _, report = rewritten(written(pa.table({"pixels": pa.array([[1, 2]], pa.list_(pa.uint8())), "label": [1]})))
    assert report.may_hide_pictures
    _, report = rewritten(written(pa.table({"label": [1], "words": ["a"]})))
    assert not report.may_hide_pictures
