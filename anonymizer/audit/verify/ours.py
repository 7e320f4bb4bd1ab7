"""What may lie in OUTPUT without a row of the manifest."""

from __future__ import annotations

from contextlib import suppress

from anonymizer.errors import ObjectError
from anonymizer.lake.storage import Listed, Root, marked_id


def is_ours(root: Root, entry: Listed) -> bool:
    """Whether a listed thing is no image and all the same ours.

    The whole list: the mark of OUTPUT, `.anon-output-<32 hex digits>` at its root, a regular file that holds what its
    name says and nothing else. Temporary files are not on it. Those of ours hold safe bytes, but no name proves that
    one is ours.
    """
    output_id = marked_id(entry.key)
    with suppress(ObjectError):
        return output_id is not None and root.has_mark(output_id)
    return False
