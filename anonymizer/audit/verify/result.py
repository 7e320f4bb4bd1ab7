"""Hold the result of a verification in bounded memory and format it as text."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field

from anonymizer import sanitize
from anonymizer.audit.verify.second_detector import PhotoResult, Suspect
from anonymizer.config import DetectorConfig
from anonymizer.run.summary import OK, VERIFY

NAMED_FINDINGS = 20
"""Findings that the summary lists by key; `--verbose` logs all of them."""

CODES: dict[str, str] = {
    "changed": "the file changed while it was being read",
    "claimed_twice": "two rows of the manifest name this output",
    "container": "the file holds data that a run never writes, or a picture that does not match its row",
    "elsewhere": "the row names an output outside OUTPUT",
    "hash_mismatch": "the content differs from what was published (SHA-256)",
    "missing": "the manifest names this output but the file does not exist",
    "no_row": "the file exists but no row of the manifest names it",
    "not_looked": "the photo was in the sample, but the second detector could not check it",
    "not_regular": "a link or special file, not a regular file",
    "past_retention": "the consent that this output needs has expired",
    "reserved_key": "a foreign file whose name is reserved for temporary files",
    "size_mismatch": "the size differs from what was published",
    "stale_temporary": "a temporary file of an interrupted or active run, or a foreign file with such a name",
    "suspect_face": "the second detector found a face that is neither redacted nor kept by consent",
    "unreadable": "the file cannot be read from storage, so it could not be checked",
    "unsafe_key": "a file name that a run never publishes",
}
"""Every finding's code and its meaning."""


@dataclass
class SampleResult:
    """The second detector's results for a random sample of the published photos.

    Attributes:
        detector: The second detector's name.
        detector_sha256: SHA-256 of its weights.
        settings: Its settings, among them scale, score threshold and largest area.
        seed: The seed of the sample.
        published: Number of published photos, from which the sample was drawn.
        drawn: Size of the sample.
        used: Names of the detectors with which the sampled photos were published.
        looked: Number of sampled photos that could be checked.
        faces: Number of faces detected in them, covered ones included.
        redacted: Number of faces in them that the manifest reports as redacted.
        proven: How many of these are confirmed as redacted from the pixels.
        suspects: (source key, suspect) pairs, unordered.
        unproven: Source keys of photos with a redacted face that is not confirmed.
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

    def take(self, key: str, seen: PhotoResult) -> None:
        """Adds the result for one photo."""
        self.looked += 1
        self.faces += seen.faces
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
    """The result of a verification.

    Attributes:
        expected: Number of outputs that the manifest's current rows name.
        checked: Number of outputs that were read.
        checked_bytes: Their total size.
        findings: Number of findings by code.
        named: (key below OUTPUT, code) of the first `NAMED_FINDINGS` findings, sorted.
        unfinished: The id of a run that is active or was killed; its outputs may not have rows yet.
        second_look: The second detector's result, if a sample was requested.
    """

    output_uri: str
    manifest_uri: str
    expected: int = 0
    checked: int = 0
    checked_bytes: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    named: list[tuple[str, str]] = field(default_factory=list)
    unfinished: str | None = None
    second_look: SampleResult | None = None
    seconds: float = 0.0

    def report(self, key: str, code: str) -> None:
        """Adds a finding; `code` is one of `CODES`."""
        self.findings[code] += 1
        insort(self.named, (key, code))
        del self.named[NAMED_FINDINGS:]

    @property
    def exit_status(self) -> int:
        return VERIFY if self.findings else OK


def table(result: Verification) -> str:
    """Formats the result as a table for the terminal."""
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
        said.append(f"{total - len(result.named)} more; --verbose lists all")
    if result.second_look is not None:
        said += [f"suspect: {sanitize.name(key)} {place(one)}" for key, one in sorted_suspects(result.second_look)][
            :NAMED_FINDINGS
        ]
    if result.unfinished is not None:
        said.append(f"run {result.unfinished} is not finished: start it again with the same arguments, then verify")
    return "\n".join(said)


def _second_look(look: SampleResult | None) -> list[tuple[str, str]]:
    if look is None:
        return []
    return [
        (
            "second detector",
            f"{look.detector} on {look.looked} of {look.published} photos, seed {sanitize.name(look.seed)}",
        ),
        ("suspect", f"{look.suspect_photos} photos, {len(look.suspects)} faces"),
        ("confirmed", f"{look.proven} of {look.redacted} redacted faces, checked in the pixels"),
    ]


def sorted_suspects(look: SampleResult) -> list[tuple[str, Suspect]]:
    """The suspects sorted by key; within a photo by descending score."""
    return sorted(look.suspects, key=lambda pair: (pair[0], -pair[1].score))


def place(suspect: Suspect) -> str:
    """A suspect's box, score and coverage as text."""
    x1, y1, x2, y2 = (round(side) for side in suspect.xyxy)
    frame = f" frame={suspect.frame}" if suspect.frame else ""
    return f"x={x1} y={y1} w={x2 - x1} h={y2 - y1}{frame} score={suspect.score:.2f} covered={suspect.covered:.0%}"
