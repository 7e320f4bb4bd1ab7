"""`anonymizer verify`: re-opens what is published and holds it against the manifest, and has a second detector look at
a sample of it. Writes nothing anywhere, unless what is suspect is to be redacted.
"""

from anonymizer.verify.checker import Checker, finding
from anonymizer.verify.redo import Redo, redo
from anonymizer.verify.result import CODES, SecondLook, Verification, table
from anonymizer.verify.run import verify
from anonymizer.verify.sample import Sample
from anonymizer.verify.statement import evidence

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
