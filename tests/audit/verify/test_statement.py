"""What a verification says, word for word where it matters."""

from __future__ import annotations

import pytest

from anonymizer.audit import evidence, verify
from anonymizer.audit.verify.second_detector import PhotoResult, Suspect, detector_settings
from anonymizer.audit.verify.sensitivity import SENSITIVITY
from anonymizer.config import DetectorConfig


def second_look(suspects: int, looked: int, **changes: object) -> verify.SampleResult:
    found = verify.SampleResult(
        "yunet", "ab" * 32, detector_settings(DetectorConfig(name="yunet")), "seed", 1000, drawn=looked
    )
    for index in range(looked):
        suspect = Suspect(0, (1.0, 2.0, 31.0, 42.0), 0.75, 0.1)
        found.take(f"{index}.jpg", PhotoResult(2, (suspect,) * (2 if index < suspects else 0), 3, 3 if index else 2))
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def said(look: verify.SampleResult | None, **findings: int) -> evidence.Evidence:
    result = verify.Verification("out", "out.manifest", expected=1000, checked=1000, second_look=look)
    result.findings.update(findings)
    return verify.evidence(result)


def test_without_a_sample():
    found = said(None)
    assert found.statements == (
        "All 1000 published files were read: each is byte for byte what was published and holds only data that this "
        "software writes; every file in OUTPUT has a manifest row.",
    )
    assert "suspects" not in found.figures
    assert said(None, missing=2).statements == ("1000 of 1000 published files were read, with 2 findings.",)


def test_suspects_are_counted_by_photo_with_their_exact_interval():
    found = said(second_look(12, 300), suspect_face=12)
    text = "\n".join(found.statements)
    assert found.statements[0].startswith("All 1000 published files were read")
    assert "12 of 300 checked photos are suspect" in text
    # scipy.stats.binomtest(12, 300).proportion_ci(): 0.0208, 0.0688.
    assert "among all published photos is 2.1% to 6.9%" in text
    assert "at scale 1; it reports faces of at least 16 px with a score of at least 0.5" in text
    assert "Of 900 faces in them that the manifest reports as redacted, 899 were confirmed" in text
    assert found.figures["second_look"]["unproven"] == ["0.jpg"]
    assert len(found.figures["suspects"]) == 24
    assert found.figures["suspects"][0] == {
        "key": "0.jpg",
        "frame": 0,
        "xyxy": [1.0, 2.0, 31.0, 42.0],
        "score": 0.75,
        "covered": 0.1,
    }
    assert evidence.loads(evidence.dumps(found)).statements == found.statements


def test_nothing_seen_is_not_nothing_there():
    text = "\n".join(said(second_look(0, 300)).statements)
    assert "0 of 300 checked photos are suspect" in text
    assert "among all published photos is 0.0% to 1.2%" in text
    assert "covers only what the second detector can detect" in text


def test_nothing_looked_at_has_no_interval():
    text = "\n".join(said(second_look(0, 0), not_looked=3).statements)
    assert "interval" not in text
    assert "suspect:" not in text


@pytest.mark.parametrize(("used", "warned"), [({"centerface"}, False), ({"yunet", "boxes"}, True)])
def test_the_same_detector_is_no_second_one(used, warned):
    text = "\n".join(said(second_look(1, 10, used=used)).statements)
    assert ("is also the detector that the run used" in text) is warned


def test_what_is_known_of_its_sensitivity_is_said(monkeypatch):
    assert "has not been measured" in said(second_look(1, 10)).statements[-1]
    monkeypatch.setitem(SENSITIVITY, "ab" * 32, (10, 80, 0.06, 0.22))
    text = said(second_look(1, 10)).statements[-1]
    assert "found 10 of 80 faces" in text
    assert "6% to 22%" in text
    other = detector_settings(DetectorConfig(name="yunet", min_score=0.9))
    assert "has not been measured" in said(second_look(1, 10, settings=other)).statements[-1]
