"""Reads a list of keys: a table that a user wrote, or an S3 Inventory."""

from __future__ import annotations

from collections.abc import Callable

from anonymizer.errors import ConfigError
from anonymizer.people.consent.formats import read_sheet
from anonymizer.people.consent.sheet import Layout
from anonymizer.run.start.keylist.inventory import read_inventory
from anonymizer.run.start.keylist.requests import COLUMNS, KeyList, requests_of
from anonymizer.sanitize import name_without_secrets

_LAYOUT = Layout(COLUMNS, ("key",), ConfigError)


def read_keys(uri: str, read: Callable[[str], bytes], root_uri: str) -> KeyList:
    """Reads a list.

    Args:
        uri: A table (CSV, JSON Lines, Parquet) with `key` and optionally `action`, `size`, `etag` and `last_modified`,
            or the `manifest.json` of an S3 Inventory (CSV or Parquet). The default action is `check` for rows with size
            and ETag, and `redo` for others.
        read: Reads the file at a URL.
        root_uri: INPUT; the keys of an inventory are relative to its bucket.

    Raises:
        ConfigError: It cannot be read, or a row is malformed; the message has the row's number.
    """
    data, name = read(uri), name_without_secrets(uri)
    if name.endswith("manifest.json"):
        return KeyList(read_inventory(data, read, root_uri))
    sheet = read_sheet(data, name, _LAYOUT)
    return KeyList(requests_of(sheet.columns, sheet.rows))
