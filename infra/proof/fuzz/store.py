"""Store findings as files: the input, and beside it the data for a replay."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from infra.proof.fuzz.explore import Finding
from infra.proof.fuzz.targets import Sample

FOLDER = Path(__file__).parents[3] / "fuzz-findings"


def save(target: str, seed: int, finding: Finding, folder: Path = FOLDER) -> Path:
    """Writes a finding; the same input of a target is written once."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{target}-{hashlib.sha256(finding.sample.data).hexdigest()[:12]}"
    path.write_bytes(finding.sample.data)
    about = {name: value for name, value in dataclasses.asdict(finding.sample).items() if name != "data"}
    text = {"target": target, "seed": seed, "kind": finding.kind, "place": finding.place, "sample": about}
    path.with_suffix(".json").write_text(json.dumps(text, indent=1), encoding="utf-8")
    return path


def load(path: Path) -> tuple[str, Sample]:
    """The target and the input of a finding.

    Args:
        path: Of the input; its description lies beside it.
    """
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return about["target"], Sample(path.read_bytes(), **about["sample"])
