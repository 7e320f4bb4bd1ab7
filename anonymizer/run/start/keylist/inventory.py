"""Reads an S3 Inventory, which replaces the listing: its manifest.json and the data files that this names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from anonymizer.errors import ConfigError
from anonymizer.run.start.keylist.requests import requests_of

_CSV = {"Key": "key", "Size": "size", "ETag": "etag", "LastModifiedDate": "last_modified"}
_PARQUET = {"key": "key", "size": "size", "e_tag": "etag", "last_modified_date": "last_modified"}


def read_inventory(data: bytes, read: Callable[[str], bytes], root_uri: str) -> pa.Table:
    """Reads the objects of an inventory that are below INPUT, as a table for `KeyList`.

    Args:
        data: The inventory's manifest.json.
        read: Reads the file at a URL.
        root_uri: INPUT.

    Raises:
        ConfigError: It is not an inventory of INPUT's bucket, or one of its files cannot be read.
    """
    try:
        manifest = json.loads(data)
        bucket = manifest["destinationBucket"].rpartition(":")[2]
        kind, source = manifest["fileFormat"], manifest["sourceBucket"]
        schema = [name.strip() for name in manifest["fileSchema"].split(",")] if kind == "CSV" else []
        files = [file["key"] for file in manifest["files"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError("--keys: the file manifest.json is not an S3 Inventory manifest") from None
    root = f"{root_uri.rstrip('/')}/"
    prefix = root.removeprefix(f"s3://{source}/")
    if kind not in ("CSV", "Parquet") or prefix == root:
        raise ConfigError(f"--keys: the inventory must be of INPUT's bucket and in CSV or Parquet, not {kind}")
    parts = [_part(read(f"s3://{bucket}/{file}"), schema, prefix) for file in files]
    return pa.concat_tables(parts) if parts else requests_of({"key": pa.array([], pa.large_string())}, 0)


def _part(data: bytes, schema: list[str], prefix: str) -> pa.Table:
    try:
        columns = _csv_columns(data, schema) if schema else _parquet_columns(data)
        below = pc.and_(pc.starts_with(columns["key"], prefix), pc.invert(_are_folders(columns)))
    except (pa.ArrowException, OSError, EOFError, KeyError):
        raise ConfigError("--keys: a file of the inventory cannot be read") from None
    kept = {name: texts.filter(below) for name, texts in columns.items()}
    kept["key"] = pc.utf8_slice_codeunits(kept["key"], len(prefix))
    return requests_of(kept, len(kept["key"]))


def _are_folders(columns: dict[str, pa.Array]) -> pa.Array:
    """Which lines are markers of folders, not objects of a name that ends so; without sizes all of them are."""
    slashes = pc.ends_with(columns["key"], "/")
    return pc.and_(slashes, pc.equal(columns["size"], "0")) if "size" in columns else slashes


def _csv_columns(data: bytes, schema: list[str]) -> dict[str, pa.Array]:
    types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(schema, pa.large_string()))
    options = pyarrow.csv.ReadOptions(column_names=schema)
    table = pyarrow.csv.read_csv(pa.BufferReader(gzip.decompress(data)), read_options=options, convert_options=types)
    columns = {name: table[theirs].combine_chunks() for theirs, name in _CSV.items() if theirs in schema}
    columns["key"] = pa.array([unquote_plus(key) for key in columns["key"].to_pylist()], pa.large_string())
    return columns


def _parquet_columns(data: bytes) -> dict[str, pa.Array]:
    table = pq.read_table(pa.BufferReader(data))
    if "is_latest" in table.column_names:
        table = table.filter(pc.and_(table["is_latest"], pc.invert(table["is_delete_marker"])))
    found = {name: table[theirs] for theirs, name in _PARQUET.items() if theirs in table.column_names}
    if "last_modified" in found:
        found["last_modified"] = pc.strftime(found["last_modified"], "%Y-%m-%dT%H:%M:%SZ")
    return {name: column.cast(pa.large_string()).combine_chunks() for name, column in found.items()}
