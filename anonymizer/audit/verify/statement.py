"""State the conclusions of a verification and their limits, as `anonymizer.audit.evidence.Evidence`."""

from __future__ import annotations

from anonymizer.audit.evidence import Evidence, Table, exact_interval
from anonymizer.audit.verify.result import CODES, SampleResult, Verification, sorted_suspects
from anonymizer.audit.verify.second_detector import COVERED_SHARE, MIN_FACE_PX, detector_settings
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
        statements += _of_sample(look)
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
        return f"{result.checked} of {result.expected} published files were read, with {wrong} findings."
    return (
        f"All {result.expected} published files were read: each is byte for byte what was published and holds only "
        "data that this software writes; every file in OUTPUT has a manifest row."
    )


def _of_sample(look: SampleResult) -> list[str]:
    said = [
        f"{look.drawn} of {look.published} published photos were sampled at random. A second detector, {look.detector} "
        f"(SHA-256 {look.detector_sha256[:12]}), checked {look.looked} of them, as published and mirrored, at scale "
        f"{look.settings.scale:g}; it reports faces of at least {MIN_FACE_PX} px{_from_score(look)}."
    ]
    if look.looked:
        low, high = exact_interval(look.suspect_photos, look.looked)
        said.append(
            f"{look.suspect_photos} of {look.looked} checked photos are suspect: the second detector found a face in "
            f"them of which less than {COVERED_SHARE:.0%} is confirmed as redacted. The share of suspect photos among "
            f"all published photos is {low:.1%} to {high:.1%} (exact 95 % confidence interval)."
        )
        said.append(
            f"Of {look.redacted} faces in them that the manifest reports as redacted, {look.proven} were confirmed as "
            "redacted from the pixels."
        )
    said.append(
        "This covers only what the second detector can detect: a suspect may be a false positive, and a photo without "
        "a suspect may show a face that both detectors miss."
    )
    return [*said, _of_sensitivity(look), *_of_the_same(look)]


def _from_score(look: SampleResult) -> str:
    least = look.settings.min_score
    return f" with a score of at least {least:g}" if least is not None else ""


def _of_sensitivity(look: SampleResult) -> str:
    known = SENSITIVITY.get(look.detector_sha256)
    if known is None or look.settings != detector_settings(
        DetectorConfig(name=look.detector, weights=look.settings.weights)
    ):
        return "The share of missed faces that this second detector finds has not been measured."
    raised, missed, low, high = known
    return (
        f"On labelled photographs this second detector found {raised} of {missed} faces that the preset balanced had "
        f"missed (95 % confidence interval {low:.0%} to {high:.0%}): a photo without a suspect is not proven safe."
    )


def _of_the_same(look: SampleResult) -> list[str]:
    if look.detector not in look.used:
        return []
    return [
        f"{look.detector} is also the detector that the run used: faces that it missed then it is likely to miss again."
    ]


def _findings(result: Verification) -> Table:
    rows = tuple((code, str(count), CODES[code]) for code, count in sorted(result.findings.items()))
    note = f"{result.checked} of {result.expected} published files were read."
    return Table("Findings", note, ("code", "number", "meaning"), rows)


def _second_look(look: SampleResult) -> Table:
    rows = [
        ("published", str(look.published)),
        ("sampled", str(look.drawn)),
        ("checked", str(look.looked)),
        ("suspect", str(look.suspect_photos)),
        ("redacted faces according to the manifest", str(look.redacted)),
        ("of these confirmed in the pixels", str(look.proven)),
    ]
    note = (
        "Suspects need a review by a person: most are false positives. Their keys are confidential like the manifest."
    )
    return Table("Check by a second detector", note, ("photos", "number"), tuple(rows))


def _figures(look: SampleResult) -> dict[str, object]:
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
