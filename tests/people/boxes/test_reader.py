"""Boxes as files: what is read, and what is refused with the number of its row."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer.errors import ConfigError
from anonymizer.people.boxes import BoxTable, read_boxes
from anonymizer.people.consent import lines
from anonymizer.records import EVERY_FRAME, GivenBoxes, ImageRef

SHA = "ab" * 32

CSV = (
    "key,x,y,w,h,frame,score,width,height,source_sha256,source_etag\n"
    f'ü.jpg,1.5,2,3,4,,,640,480,{SHA.upper()},"""v1"""\n'
    "b.jpg,,,,,,,,,,\n"
    f"ü.jpg,-5,6,7e0,8,2,0.25,640,480,{SHA.upper()},v1\n"
    "a/1.jpg,10,20,30,40,0,1,,,,\n"
).encode()

ROWS: list[dict[str, object]] = [
    {
        "key": "ü.jpg",
        "x": 1.5,
        "y": 2,
        "w": 3,
        "h": 4,
        "width": 640,
        "height": 480.0,
        "source_sha256": SHA,
        "source_etag": "v1",
    },
    {"key": "b.jpg", "x": None},
    {
        "key": "ü.jpg",
        "x": -5,
        "y": 6,
        "w": 7,
        "h": 8.0,
        "frame": 2,
        "score": 0.25,
        "width": 640,
        "height": 480,
        "source_sha256": SHA,
        "source_etag": "v1",
    },
    {"key": "a/1.jpg", "x": 10, "y": 20, "w": 30, "h": 40, "frame": 0, "score": 1},
]
JSON = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def parquet(columns: dict[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


COLUMNS = ("key", "x", "y", "w", "h", "frame", "score", "width", "height", "source_sha256", "source_etag")
PARQUET = parquet({name: [row.get(name) for row in ROWS] for name in COLUMNS})


def ref(key: str, etag: str = "v1") -> ImageRef:
    return ImageRef(key, f"file:///in/{key}", etag, 1, None)


def find(table: BoxTable, key: str, etag: str = "v1") -> GivenBoxes:
    found = table.find(ref(key, etag))
    assert found is not None
    return found


@pytest.mark.parametrize("batch", [1, 2, 10_000])
@pytest.mark.parametrize(("data", "ending"), [(CSV, "csv"), (JSON, "jsonl"), (PARQUET, "parquet")])
def test_every_format_says_the_same(monkeypatch, data, ending, batch):
    monkeypatch.setattr(lines, "BATCH_ROWS", batch)
    table = read_boxes(data, f"boxes.{ending}")
    assert len(table) == 3
    found = find(table, "ü.jpg")
    assert found.faces.xyxy.tolist() == [[1.5, 2, 4.5, 6], [-5, 6, 2, 14]]
    assert found.faces.frame.tolist() == [EVERY_FRAME, 2]
    assert found.faces.score.tolist() == [1, 0.25]
    assert (found.width, found.height, found.source_sha256, found.outdated) == (640, 480, SHA, False)
    assert find(table, "ü.jpg", "v2").outdated
    nobody = find(table, "b.jpg")
    assert len(nobody.faces) == 0
    assert (nobody.width, nobody.height, nobody.source_sha256, nobody.outdated) == (None, None, None, False)
    assert find(table, "a/1.jpg").faces.xyxy.tolist() == [[10, 20, 40, 60]]


def test_what_is_not_there_is_none():
    table = read_boxes(CSV, "boxes.csv")
    for key in ("", "a", "b.jpeg", "c", "ü.jp", "\udcff.jpg", "\U0010ffff"):
        assert table.find(ref(key)) is None
    assert read_boxes(b"key,x,y,w,h\n", "none.csv").find(ref("a")) is None


def test_many_keys_are_found_whatever_their_order():
    keys = [f"{i:04}.jpg" for i in np.random.default_rng(0).permutation(500)]
    table = read_boxes(parquet({"key": keys, **{c: [int(k[:4]) + 1 for k in keys] for c in "xywh"}}), "b")
    assert all(find(table, key).faces.xyxy[0, 0] == int(key[:4]) + 1 for key in keys)


@pytest.mark.parametrize("dtype", [pa.float32(), pa.float64()])
def test_parquet_numbers_come_through_as_they_are(dtype):
    values = np.random.default_rng(1).uniform(0.001, 5000, (200, 4)).astype(np.float32)
    columns = {name: pa.array(values[:, i].astype(float), pa.float64()).cast(dtype) for i, name in enumerate("xywh")}
    table = read_boxes(parquet({"key": ["a"] * 200, **columns}), "b.parquet")
    x, y, w, h = values.T
    assert np.array_equal(find(table, "a").faces.xyxy, np.stack([x, y, x + w, y + h], axis=1))


def test_the_hash_tells_every_change():
    one = find(read_boxes(CSV, "b.csv"), "ü.jpg")
    assert one.sha256 == find(read_boxes(PARQUET, "b"), "ü.jpg").sha256
    changes = [(b"1.5", b"1.6"), (b",480,", b",481,"), (b"0.25", b"0.26"), (b"8,2,", b"8,1,"), (b"AB", b"AC")]
    others = {find(read_boxes(CSV.replace(*change), "b.csv"), "ü.jpg").sha256 for change in changes}
    assert len(others | {one.sha256, find(read_boxes(CSV, "b.csv"), "ü.jpg", "v2").sha256}) == len(changes) + 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,,,,,,,,,", r"row 1: 10 cells"),
        (",1,1,1,1,,,,,,", "row 2: the key is empty"),
        ("a,1,1,1,,,,,,,", "row 2: box: not x, y, w and h together"),
        ("a,1,1,0,1,,,,,,", "row 2: w: not a number of pixels above 0"),
        ("a,1,1,1,-4,,,,,,", "row 2: h: not"),
        ("a,nan,1,1,1,,,,,,", "row 2: x: not a number of pixels"),
        ("a,1,inf,1,1,,,,,,", "row 2: y: not"),
        ("a,1,1e9,1,1,,,,,,", "row 2: y: not"),
        ('a,"1,5",1,1,1,,,,,,', "row 2: x: not"),
        ("a,1,1,1,1,-1,,,,,", "row 2: frame: not a whole number"),
        ("a,1,1,1,1,1.5,,,,,", "row 2: frame: not"),
        ("a,1,1,1,1,,1.01,,,,", "row 2: score: not a number from 0 to 1"),
        ("a,1,1,1,1,,,0,,,", "row 2: width: not"),
        ("a,1,1,1,1,,,,4.5,,", "row 2: height: not"),
        ("a,1,1,1,1,,,,,abc,", "row 2: source_sha256: not 64"),
    ],
)
def test_a_malformed_row_is_refused_with_its_number(monkeypatch, row, said):
    header = ",".join(COLUMNS)
    for batch in (1, 10_000):
        monkeypatch.setattr(lines, "BATCH_ROWS", batch)
        text = f"{header}\nb,,,,,,,,,,\n{row}\n"
        with pytest.raises(ConfigError, match=said.replace("row 1: 10", "row 2: 10")) as caught:
            read_boxes(text.encode(), "boxes.csv")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("column", "values"), [("width", "5"), ("height", "5"), ("source_sha256", SHA)])
@pytest.mark.parametrize("both", [True, False])
def test_rows_of_one_key_speak_of_one_version(column, values, both):
    other = {"width": "6", "height": "6", "source_sha256": "cd" * 32}[column] if both else ""
    text = f"key,x,y,w,h,{column}\nb,1,1,1,1,{values}\na,1,1,1,1,{values}\nc,,,,,\na,1,1,1,1,{other}\n"
    with pytest.raises(ConfigError, match=f"row 4: {column}: differs from another row"):
        read_boxes(text.encode(), "boxes.csv")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"key,x,y,w\n", "the column h is missing"),
        (b"key,x,y,w,h,label\n", r"column 6 is unknown; known: key, x, y, w, h, frame"),
        (b"PAR1 no more", "no Parquet"),
        (b'{"key": "a", "x": 1, "y": 1, "w": 1}\n', "not x, y, w and h together"),
        (b'{"key": "a", "status": "denied"}\n', "a column is unknown"),
        (b'{"key": "a"}\n', "the column x is missing"),
    ],
)
def test_what_is_no_table_of_boxes(data, said):
    with pytest.raises(ConfigError, match=said):
        read_boxes(data, "boxes")


def test_cells_that_are_no_text_are_refused():
    columns = {"key": ["a", "b"], "x": [[1], None], "y": [1, None], "w": [1, None], "h": [1, None]}
    with pytest.raises(ConfigError, match="row 1: x: not text"):
        read_boxes(parquet(columns), "boxes")
