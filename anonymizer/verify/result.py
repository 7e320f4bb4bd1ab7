"""What a verification found, in bounded memory, and how it is told."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field

from anonymizer.account import OK, VERIFY

NAMED_FINDINGS = 20
"""Findings that the table names; all of them are logged for who asks."""

CODES: dict[str, str] = {
    "changed": "it changed while it was looked at",
    "claimed_twice": "two rows of the manifest name this one output",
    "container": "its bytes hold something that we do not write, or another picture than the row says",
    "elsewhere": "its row names a place outside of OUTPUT",
    "hash_mismatch": "other bytes than those that were published",
    "missing": "the manifest names it and it is not there",
    "no_row": "it is there and no row of the manifest names it",
    "not_regular": "a link or a special file",
    "past_retention": "the consent that it needs has run out",
    "reserved_key": "a temporary file that a killed process left",
    "size_mismatch": "another size than that of what was published",
    "unreadable": "the storage does not give it, so nothing is proven",
    "unsafe_key": "a name that is never published",
}
"""Every code of a finding, and what it says of the output."""


@dataclass
class Verification:
    """A verification's account.

    Attributes:
        expected: Outputs that the manifest's current rows name.
        checked: Outputs whose bytes were read.
        checked_bytes: Their size.
        findings: How many there are of each code.
        named: (key below OUTPUT, code) of the first ones, sorted.
        unfinished: A run that is at work or was killed: its outputs may have no row yet.
    """

    output_uri: str
    manifest_uri: str
    expected: int = 0
    checked: int = 0
    checked_bytes: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)
    unfinished: str | None = None
    seconds: float = 0.0

    def report(self, key: str, code: str) -> None:
        """Takes a finding; `code` is one of `CODES`."""
        self.findings[code] += 1
        insort(self.named, (key, code))
        del self.named[NAMED_FINDINGS:]

    @property
    def exit_status(self) -> int:
        return VERIFY if self.findings else OK


def table(result: Verification) -> str:
    """The result, for people."""
    total = sum(result.findings.values())
    lines = [
        ("output", result.output_uri),
        ("manifest", result.manifest_uri),
        ("expected", f"{result.expected} outputs"),
        ("checked", f"{result.checked} outputs, {result.checked_bytes / 1e6:.1f} MB, in {result.seconds:.1f} s"),
        ("findings", str(total)),
        *((code, f"{count} ({CODES[code]})") for code, count in sorted(result.findings.items())),
        ("exit status", str(result.exit_status)),
    ]
    width = max(len(name) for name, _ in lines)
    shown = [f"{name:<{width}}  {value}" for name, value in lines]
    shown += [f"{code}: {_printable(key)}" for key, code in result.named]
    if total > len(result.named):
        shown.append(f"{total - len(result.named)} more; --verbose names all")
    if result.unfinished is not None:
        shown.append(f"run {result.unfinished} is not finished: start it again with the same arguments, then verify")
    return "\n".join(shown)


def _printable(key: str) -> str:
    """A key that cannot move the cursor or end its line: names in OUTPUT may be anybody's."""
    return key if key.isprintable() else ascii(key)
