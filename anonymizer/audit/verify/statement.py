"""What a verification entitles anybody to say, and what it does not, as `anonymizer.audit.evidence` has it."""

from __future__ import annotations

from anonymizer.audit.evidence import Evidence, Table, exact_interval
from anonymizer.audit.verify.look import COVERED_SHARE, LEAST_FACE_PX, settings
from anonymizer.audit.verify.result import CODES, SecondLook, Verification, sorted_suspects
from anonymizer.audit.verify.sensitivity import SENSITIVITY
from anonymizer.config import DetectorConfig


def evidence(result: Verification) -> Evidence:
    """The statements, tables and figures of a verification."""
    look = result.second_look
    codes = ("not_looked", "suspect_face")
    wrong = sum(count for code, count in result.findings.items() if code not in codes)
    statements = [_of_files(result, wrong)]
    figures: dict[str, object] = {
        "expected": result.expected,
        "checked": result.checked,
        "findings": dict(sorted(result.findings.items())),
    }
    tables = [_findings(result)]
    if look is not None:
        statements += _of_look(look)
        tables.append(_second_look(look))
        figures["second_look"] = _figures(look)
        figures["suspects"] = [
            {
                "key": key,
                "frame": one.frame,
                "xyxy": [round(side, 1) for side in one.xyxy],
                "score": round(one.score, 4),
                "covered": round(one.covered, 4),
            }
            for key, one in sorted_suspects(look)
        ]
    return Evidence("verification", tuple(statements), tuple(tables), figures)


def _of_files(result: Verification, wrong: int) -> str:
    if wrong:
        return f"{result.checked} of {result.expected} published files were read; {wrong} findings say what is wrong."
    return (
        f"All {result.expected} published files were read: each is byte for byte what was published, and holds nothing "
        "that this software does not write; nothing is there that no row names."
    )


def _of_look(look: SecondLook) -> list[str]:
    said = [
        f"{look.drawn} of {look.published} published photos were drawn at random, and {look.looked} of them looked at, "
        f"as they are and mirrored, by another look: {look.detector} (SHA-256 {look.detector_sha256[:12]}) at "
        f"{look.settings.scale:g} of their size, faces from {LEAST_FACE_PX} px on{_from_score(look)}."
    ]
    if look.looked:
        low, high = exact_interval(look.suspect_photos, look.looked)
        said.append(
            f"{look.suspect_photos} of {look.looked} are suspect: it sees a face of which less than "
            f"{COVERED_SHARE:.0%} lies in pixels that were found to be redacted. It would raise suspicion in {low:.1%} "
            f"to {high:.1%} of all published photos (exact 95 % interval)."
        )
        said.append(
            f"Of {look.redacted} faces that the manifest says are redacted in them, {look.proven} were found to be, in "
            "pixels."
        )
    said.append(
        "This speaks only of what this detector can see: a suspect need not be a face, and a photo without one may "
        "show a face that neither detector sees."
    )
    return [*said, _of_sensitivity(look), *_of_the_same(look)]


def _from_score(look: SecondLook) -> str:
    least = look.settings.min_score
    return f" with a score from {least:g} on" if least is not None else ""


def _of_sensitivity(look: SecondLook) -> str:
    known = SENSITIVITY.get(look.detector_sha256)
    if known is None or look.settings != settings(DetectorConfig(name=look.detector, weights=look.settings.weights)):
        return "How many of the faces that a run misses such a look raises has not been measured for this detector."
    raised, missed, low, high = known
    return (
        f"On labelled photographs such a look raised {raised} of {missed} faces that the preset balanced had left "
        f"uncovered (95 % interval {low:.0%} to {high:.0%}): what it does not raise is not known to be safe."
    )


def _of_the_same(look: SecondLook) -> list[str]:
    if look.detector not in look.used:
        return []
    return [f"{look.detector} is also what the run looked with: what it misses once it is likely to miss twice."]


def _findings(result: Verification) -> Table:
    rows = tuple((code, str(count), CODES[code]) for code, count in sorted(result.findings.items()))
    note = f"{result.checked} of {result.expected} published files were read."
    return Table("Findings", note, ("code", "number", "what it says of an output"), rows)


def _second_look(look: SecondLook) -> Table:
    rows = [
        ("published", str(look.published)),
        ("drawn", str(look.drawn)),
        ("looked at", str(look.looked)),
        ("suspect", str(look.suspect_photos)),
        ("redacted faces, by the manifest", str(look.redacted)),
        ("of these redacted in pixels", str(look.proven)),
    ]
    note = "Suspects are for a person to look at: most are no faces. The list is for who may see the manifest."
    return Table("Second look", note, ("photos", "number"), tuple(rows))


def _figures(look: SecondLook) -> dict[str, object]:
    share = exact_interval(look.suspect_photos, look.looked) if look.looked else None
    return {
        "detector": look.detector,
        "detector_sha256": look.detector_sha256,
        "scale": look.settings.scale,
        "min_score": look.settings.min_score,
        "seed": look.seed,
        "published": look.published,
        "drawn": look.drawn,
        "looked": look.looked,
        "faces_seen": look.faces,
        "suspect_photos": look.suspect_photos,
        "suspect_share_95": share,
        "redacted_faces": look.redacted,
        "proven_faces": look.proven,
        "unproven": sorted(look.unproven),
        "detectors_of_the_runs": sorted(look.used),
    }
