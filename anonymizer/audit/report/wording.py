"""What the words of the manifest mean, for readers who have not seen them before."""

from __future__ import annotations

from anonymizer import errors
from anonymizer.errors import ObjectError

STATUS_TEXTS: dict[str, str] = {
    "anonymized": "faces were found and redacted; published",
    "no_face": "no face was found; published without its metadata",
    "retained": "all its faces stay, by consent; published without its metadata",
    "skipped": "no picture, or withheld; not published",
    "failed": "could not be made safe; no new output",
    "removed": "its output was taken away",
}
"""In the order in which they are shown."""

CONSENT_TEXTS: dict[str, str] = {
    "withdrawn": "a consent was taken back",
    "denied": "somebody refused",
    "malformed": "a row of the registry cannot be understood, which counts as a refusal",
    "expired": "out of its window",
    "pending": "asked for, not answered",
    "partial": "some faces kept, some redacted",
    "granted": "every face kept",
    "unknown": "the registry says nothing",
}
"""Worst first."""

ENCODING_TEXTS: dict[str, str] = {
    "exact": "nothing outside the redacted blocks was changed",
    "reencoded": "written anew from pixels",
}

REASON_TEXTS: dict[str, tuple[str, str]] = {
    "suspect": ("Suspects of the second look", "Another detector sees a face where nothing is redacted."),
    "unsure": (
        "Nothing sure",
        "No face in these photos has a score of 0.5 or more: something else may have been redacted, or a face nearly "
        "missed. The least sure first.",
    ),
    "weakest": (
        "Weakest faces",
        "In these photos some face is sure. The one whose weakest face has the lowest score comes first, among equals "
        "the one with the fewest faces.",
    ),
}
"""Heading and explanation of each part of the review queue, in order."""


def error_texts() -> dict[str, str]:
    """Message of every error code."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ObjectError))
    return {kind.code: kind.message for kind in kinds}
