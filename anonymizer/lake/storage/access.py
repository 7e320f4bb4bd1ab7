"""How a root is reached: the options of its storage, and the rules for publishing into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Access:
    """How a root is reached.

    Attributes:
        options: Of the fsspec filesystem; never shown, they may hold secrets.
        put: Extra S3 PutObject parameters.
        request_payer: Reads from a requester-pays bucket.
        unconditional: Publish although the store cannot write conditionally.
        list_threads: Ranges of keys that are listed at once, where the store can; with 1 no page is asked for early.
        private: On a disk what is made is for its owner only (0600 and 0700); else the umask decides.
        keeps_rights: On a disk a file that is replaced leaves its mode, and where we may its owner, to the new one.
        mark: On a disk everything is looked up, written and removed only in a folder that bears the mark of this id,
            else `OutputLost`; elsewhere it would be one more request for each object.
    """

    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    put: Mapping[str, Any] = field(default_factory=dict, repr=False)
    request_payer: bool = False
    unconditional: bool = False
    list_threads: int = 1
    private: bool = False
    keeps_rights: bool = False
    mark: str | None = None
