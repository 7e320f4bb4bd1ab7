"""What may lie in OUTPUT without a row of the manifest."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from anonymizer.errors import ObjectError
from anonymizer.records import ImageRef
from anonymizer.storage import Listed, Root

_MARK = re.compile(r"\.anon-output-[0-9a-f]{32}")
_MARK_BYTES = 4096


def is_ours(root: Root, entry: Listed) -> bool:
    """Whether a listed thing is no image and all the same ours: told from name, kind, size and content.

    The whole list: the mark of OUTPUT, `.anon-output-<32 hex digits>` at its root, a small regular file that holds a
    JSON object. Temporary files are not on it. Those of ours hold safe bytes, but no name proves that one is ours.
    """
    if not isinstance(entry, ImageRef) or not _MARK.fullmatch(entry.key) or entry.size > _MARK_BYTES:
        return False
    with suppress(ObjectError, ValueError, RecursionError):
        return isinstance(json.loads(root.read(entry)), dict)
    return False
