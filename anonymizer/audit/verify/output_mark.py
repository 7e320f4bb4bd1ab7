"""Recognise OUTPUT's identity mark, the only file in OUTPUT that needs no manifest row."""

from __future__ import annotations

from contextlib import suppress

from anonymizer.errors import ObjectError
from anonymizer.lake.storage import Listed, Root, marked_id


def is_output_mark(root: Root, entry: Listed) -> bool:
    """Whether a listed entry is OUTPUT's identity mark.

    That is the regular file `.anon-output-<32 hex digits>` at the root of OUTPUT that holds the id in its name and
    nothing else. Temporary files are not accepted: a run writes only safe bytes to its own, but a file's name does not
    prove that a run wrote it.
    """
    output_id = marked_id(entry.key)
    with suppress(ObjectError):
        return output_id is not None and root.has_mark(output_id)
    return False
