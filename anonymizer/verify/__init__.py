"""`anonymizer verify`: re-opens what is published and holds it against the manifest. Writes nothing anywhere."""

from anonymizer.verify.checker import Checker, finding
from anonymizer.verify.result import CODES, Verification, table
from anonymizer.verify.run import verify

__all__ = ["CODES", "Checker", "Verification", "finding", "table", "verify"]
