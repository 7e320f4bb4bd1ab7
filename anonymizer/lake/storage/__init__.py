"""Objects below a URL: streaming listing, exact reads, conditional publishing. The only code that knows fsspec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anonymizer.lake.storage.access import Access
from anonymizer.lake.storage.base import Root
from anonymizer.lake.storage.generic import GenericRoot
from anonymizer.lake.storage.keys import (
    check_key,
    folder_uri,
    is_local,
    is_relative,
    is_reserved,
    is_temporary,
    join_uri,
    local_path,
    mark_content,
    marked_id,
    nested,
    normalize_uri,
    split_uri,
)
from anonymizer.lake.storage.listing import Irregular, Listed, VersionCursor, name_fits
from anonymizer.lake.storage.local import rights
from anonymizer.lake.storage.local.root import LocalRoot
from anonymizer.lake.storage.s3.root import S3Root
from anonymizer.lake.storage.streams import PIECE, Source, Stream

_BACKENDS: dict[str, type[Root]] = {"file": LocalRoot, "s3": S3Root}


def open_root(
    uri: str,
    options: Mapping[str, Any] | None = None,
    *,
    put: Mapping[str, Any] | None = None,
    unconditional: bool = False,
    private: bool = False,
    keeps_rights: bool = False,
    mark: str | None = None,
) -> Root:
    """Opens a folder; nothing is asked of the storage yet.

    Args:
        uri: A path or any fsspec URL; see `normalize_uri`.
        options: Of the fsspec filesystem (locally only `lock_path`: the lock file, instead of one beside the folder).
        put: Extra S3 PutObject parameters, e.g. `ServerSideEncryption`.
        unconditional: Publish although the store cannot write conditionally.
        private: See `access.Access`, as for the next one.
        keeps_rights: Of the files that are replaced.
        mark: Id of the OUTPUT that it has to be.

    Raises:
        ConfigError: The URL or an option is malformed, or the scheme is not known.
    """
    access = Access(
        dict(options or {}),
        dict(put or {}),
        unconditional=unconditional,
        private=private,
        keeps_rights=keeps_rights,
        mark=mark,
    )
    return _opened(normalize_uri(uri), access)


def open_input(
    uri: str, options: Mapping[str, Any] | None = None, *, request_payer: bool = False, list_threads: int = 1
) -> Root:
    """Opens INPUT, a folder or a single file; the storage is asked which.

    A single file becomes the root of its folder whose listing has that one key. On S3 a URL is a file only if nothing
    lies below it as a folder.

    Args:
        uri: See `open_root`, as for the others.
        options: Of the fsspec filesystem.
        request_payer: Reads from a requester-pays bucket.
        list_threads: Ranges of keys that are listed at once, on S3.

    Raises:
        ConfigError: See `open_root`.
        ListingError: The storage cannot tell.
    """
    access = Access(dict(options or {}), request_payer=request_payer, list_threads=list_threads)
    root = _opened(normalize_uri(uri), access)
    if not root.is_object():
        return root
    folder, name = split_name(root.uri)
    return _opened(normalize_uri(f"{folder}/"), access, name)


def split_name(uri: str) -> tuple[str, str]:
    """The folder of an object and its name in there: of `s3://b/a//c` that is `/c`, for no URL ends in a slash.

    Args:
        uri: Normalized.
    """
    folder = uri.rpartition("/")[0]
    if _backend(uri).empty_parts:
        folder = folder.rstrip("/")
    return folder, uri[len(folder) + 1 :]


def holds_name(root_uri: str, key: str) -> bool:
    """Whether the store below a root knows names of a key's form at all: `a//b` is one on S3 only."""
    return name_fits(key, empty_parts=_backend(root_uri).empty_parts)


def is_open_to_others(uri: str) -> bool:
    """Whether a folder on a disk lets somebody else than its owner look in; False elsewhere and without one."""
    return is_local(uri) and rights.is_open_to_others(local_path(uri))


def _opened(uri: str, access: Access, only: str | None = None) -> Root:
    return _backend(uri)(uri, access, only)


def _backend(uri: str) -> type[Root]:
    return _BACKENDS.get(split_uri(uri)[0], GenericRoot)


__all__ = [
    "PIECE",
    "Irregular",
    "Listed",
    "Root",
    "Source",
    "Stream",
    "VersionCursor",
    "check_key",
    "folder_uri",
    "holds_name",
    "is_local",
    "is_open_to_others",
    "is_relative",
    "is_reserved",
    "is_temporary",
    "join_uri",
    "local_path",
    "mark_content",
    "marked_id",
    "nested",
    "normalize_uri",
    "open_input",
    "open_root",
    "split_name",
]
