"""`anonymizer verify`: re-opens what is published and holds it against the manifest, and has a second detector look at
a sample of it. Writes nothing anywhere, unless what is suspect is to be redacted.
"""

from anonymizer.audit.verify.checker import Checker, finding
from anonymizer.audit.verify.redo import Redo, redo
from anonymizer.audit.verify.result import CODES, SecondLook, Verification, table
from anonymizer.audit.verify.run import verify
from anonymizer.audit.verify.sample import Sample
from anonymizer.audit.verify.statement import evidence

__all__ = [
    "CODES",
    "Checker",
    "Redo",
    "Sample",
    "SecondLook",
    "Verification",
    "evidence",
    "finding",
    "redo",
    "table",
    "verify",
]
