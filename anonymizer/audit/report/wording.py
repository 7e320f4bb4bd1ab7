"""Explain the manifest's values in plain words for readers of the report."""

from __future__ import annotations

from anonymizer import errors
from anonymizer.errors import ObjectError

STATUS_TEXTS: dict[str, str] = {
    "anonymized": "faces were found and redacted; published",
    "no_face": "no face was found; published without metadata",
    "retained": "all faces are kept by consent; published without metadata",
    "skipped": "not an image, passed over as `--allow` says, or publication not permitted; not published",
    "failed": "could not be anonymized; no new output",
    "removed": "the published output was removed",
}
"""Meaning of each `status`, in the order of display."""

CONSENT_TEXTS: dict[str, str] = {
    "withdrawn": "consent was withdrawn",
    "denied": "consent was refused",
    "malformed": "a registry row cannot be read, which counts as a refusal",
    "expired": "outside the consent's validity period",
    "pending": "consent was requested and not yet answered",
    "partial": "some faces kept, some redacted",
    "granted": "every face kept",
    "unknown": "no registry row applies",
}
"""Meaning of each `consent_status`, the most restrictive first."""

ENCODING_TEXTS: dict[str, str] = {
    "exact": "unchanged outside the redacted blocks",
    "reencoded": "encoded again from pixels",
}

REASON_TEXTS: dict[str, tuple[str, str]] = {
    "suspect": ("Faces found by the second detector", "It found a face that is not redacted."),
    "unsure": (
        "Photos without a confident detection",
        "No face in these photos has a score of 0.5 or more: the detection may be a false positive, or a face was "
        "almost missed. Lowest score first.",
    ),
    "weakest": (
        "Photos with a low-scoring face",
        "These photos have a confident detection too. They are sorted by their lowest score; among equals the photo "
        "with fewer faces comes first.",
    ),
}
"""Heading and explanation of each part of the review queue, in order."""


def error_texts() -> dict[str, str]:
    """The message of every error code."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ObjectError))
    return {kind.code: kind.message for kind in kinds}
