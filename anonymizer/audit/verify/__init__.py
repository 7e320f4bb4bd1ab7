"""Verify a published OUTPUT (`anonymizer verify`).

Every published file is read and compared with its row in the manifest; a second detector checks a random sample for
faces that were missed. Nothing is written unless the user asks to redact the suspected faces.
"""

from anonymizer.audit.verify.checker import Checker, finding
from anonymizer.audit.verify.redo import Redo, redo
from anonymizer.audit.verify.result import CODES, SampleResult, Verification, table
from anonymizer.audit.verify.run import verify
from anonymizer.audit.verify.sample import Sample
from anonymizer.audit.verify.statement import evidence

__all__ = [
    "CODES",
    "Checker",
    "Redo",
    "Sample",
    "SampleResult",
    "Verification",
    "evidence",
    "finding",
    "redo",
    "table",
    "verify",
]
