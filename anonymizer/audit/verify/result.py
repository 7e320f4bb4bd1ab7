"""What a verification found, in bounded memory, and how it is told."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field

from anonymizer import sanitize
from anonymizer.audit.verify.look import Looked, Suspect
from anonymizer.config import DetectorConfig
from anonymizer.run.summary import OK, VERIFY

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
    "not_looked": "it was drawn for the second look and could not be looked at",
    "not_regular": "a link or a special file",
    "past_retention": "the consent that it needs has run out",
    "reserved_key": "a name that is kept for our temporary files, and none of ours: somebody else's file",
    "size_mismatch": "another size than that of what was published",
    "stale_temporary": "a temporary file of a run that died or is at work, or somebody else's of such a name",
    "suspect_face": "the second look sees a face there that is neither redacted nor kept by consent",
    "unreadable": "the storage does not give it, so nothing is proven",
    "unsafe_key": "a name that is never published",
}
"""Every code of a finding, and what it says of the output."""


@dataclass
class SecondLook:
    """What another detector saw in photos drawn at random from those that are published.

    Attributes:
        detector: Its name.
        detector_sha256: Of its weights.
        settings: Its scale, least score and greatest area.
        seed: Which photos were drawn; `published` of them there were.
        drawn: How many were.
        used: Names of the detectors of the runs that published them.
        looked: Photos that could be looked at.
        faces: Seen in them, covered ones too.
        redacted: Faces that the manifest says are redacted.
        proven: Those of them that lie in pixels which were found to be a redaction's.
        suspects: (source's key, suspect), in no order.
        unproven: Keys of the photos in which a redacted face is not proven.
    """

    detector: str
    detector_sha256: str
    settings: DetectorConfig
    seed: str
    published: int
    drawn: int = 0
    used: set[str] = field(default_factory=set)
    looked: int = 0
    faces: int = 0
    redacted: int = 0
    proven: int = 0
    suspects: list[tuple[str, Suspect]] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)

    def take(self, key: str, seen: Looked) -> None:
        """Counts one photo."""
        self.looked += 1
        self.faces += seen.seen
        self.redacted += seen.redacted
        self.proven += seen.proven
        self.suspects += [(key, suspect) for suspect in seen.suspects]
        if seen.proven < seen.redacted:
            self.unproven.append(key)

    @property
    def suspect_photos(self) -> int:
        return len({key for key, _ in self.suspects})


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
        second_look: At a sample, if one was asked for.
    """

    output_uri: str
    manifest_uri: str
    expected: int = 0
    checked: int = 0
    checked_bytes: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)
    unfinished: str | None = None
    second_look: SecondLook | None = None
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
        *_second_look(result.second_look),
        ("exit status", str(result.exit_status)),
    ]
    width = max(len(name) for name, _ in lines)
    said = [f"{name:<{width}}  {value}" for name, value in lines]
    said += [f"{code}: {sanitize.name(key)}" for key, code in result.named]
    if total > len(result.named):
        said.append(f"{total - len(result.named)} more; --verbose names all")
    if result.second_look is not None:
        said += [f"suspect: {sanitize.name(key)} {place(one)}" for key, one in sorted_suspects(result.second_look)][
            :NAMED_FINDINGS
        ]
    if result.unfinished is not None:
        said.append(f"run {result.unfinished} is not finished: start it again with the same arguments, then verify")
    return "\n".join(said)


def _second_look(look: SecondLook | None) -> list[tuple[str, str]]:
    if look is None:
        return []
    return [
        (
            "second look",
            f"{look.detector} at {look.looked} of {look.published} photos, seed {sanitize.name(look.seed)}",
        ),
        ("suspect", f"{look.suspect_photos} photos, {len(look.suspects)} boxes"),
        ("proven", f"{look.proven} of {look.redacted} redacted faces, in pixels"),
    ]


def sorted_suspects(look: SecondLook) -> list[tuple[str, Suspect]]:
    """By key, and of each photo the likeliest first."""
    return sorted(look.suspects, key=lambda pair: (pair[0], -pair[1].score))


def place(suspect: Suspect) -> str:
    """Where it is, for people."""
    x1, y1, x2, y2 = (round(side) for side in suspect.xyxy)
    frame = f" frame={suspect.frame}" if suspect.frame else ""
    return f"x={x1} y={y1} w={x2 - x1} h={y2 - y1}{frame} score={suspect.score:.2f} covered={suspect.covered:.0%}"
