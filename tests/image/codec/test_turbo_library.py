"""TurboJPEG from the wheel, from the system, too old, and not at all; the same bytes from every library."""

from __future__ import annotations

import ctypes
import functools
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from anonymizer import Anonymizer
from anonymizer.image.codec.jpeg import turbo, turbo_library
from anonymizer.image.codec.jpeg.turbo_library import NEEDED, Found, search
from anonymizer.records import NO_CONSENT

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
VARIABLE = "ANONYMIZER_TEST_TURBOJPEG"
"""Path of a libturbojpeg 3 that stands for the system's, where the system has none."""

_DIGESTS = """
import hashlib, sys
from pathlib import Path
from anonymizer import Anonymizer
from anonymizer.image.codec.jpeg import turbo_library
from anonymizer.records import NO_CONSENT
system = [sys.argv[1]] if sys.argv[1] else turbo_library._system()
wheel = turbo_library._wheel() if sys.argv[2] == "wheel" else []
found = turbo_library.search(wheel, [] if sys.argv[2] == "wheel" else system)
turbo_library.found = lambda: found
print(found.origin)
# Quick, and finds enough for blocks to be overwritten: the detector is not what is compared.
anonymize = Anonymizer({"detector": {"name": "haar"}, "redaction": {"method": "solid"}})
for path in map(Path, sys.stdin.read().split("\\n")):
    result = anonymize(path.read_bytes(), NO_CONSENT)
    print(result.encoding, len(result.faces), hashlib.sha256(result.data).hexdigest())
"""


def test_the_wheel_comes_before_the_system() -> None:
    wheel = list(turbo_library._wheel())
    if not wheel:
        pytest.skip("the wheel is not installed")
    found = search(wheel, ["/nowhere/libturbojpeg.so.0"])
    assert found.library is not None
    assert found.origin == f"its wheel ({wheel[0]})"
    assert str(found) == f"JPEG is written exactly, by TurboJPEG from its wheel ({wheel[0]})"


def test_without_a_wheel_the_systems_library_is_taken() -> None:
    wheel = list(turbo_library._wheel())
    if not wheel:
        pytest.skip("there is no library to take for the system's")
    found = search([], ["/nowhere/libturbojpeg.so.0", *wheel])
    assert found.library is not None
    assert found.origin == f"the system ({wheel[0]})"


def test_where_there_is_none_it_is_said_and_what_helps() -> None:
    # The C library can be loaded and is no TurboJPEG.
    found = search([], ["/nowhere/libturbojpeg.so.0", "libc.so.6", "libSystem.dylib"])
    assert found.library is None
    assert str(found) == (
        "JPEG is encoded again from pixels, without TurboJPEG: "
        "neither its wheel is installed nor libturbojpeg 3 on the system"
    )


class _Of2(ctypes.CDLL):
    """What libturbojpeg 2.1 looks like: it has functions of API 2, and none of 3."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __getattr__(self, name: str) -> Any:
        if name != "tjInitTransform":
            raise AttributeError(name)
        return None


def test_an_older_library_is_named_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = ctypes.CDLL
    monkeypatch.setattr(ctypes, "CDLL", lambda path: _Of2(path) if path == "old" else loaded(path))
    found = search([], ["old"])
    assert found.library is None
    assert str(found) == (
        "JPEG is encoded again from pixels, without TurboJPEG: "
        f"old is of libjpeg-turbo before 3.0 (it has no {NEEDED[0]})"
    )
    assert search([], ["old", *turbo_library._wheel()]) != found or not list(turbo_library._wheel())


def test_the_search_is_made_once() -> None:
    assert turbo_library.found() is turbo_library.found()
    assert isinstance(turbo_library.found(), Found)


def test_without_any_library_a_photo_is_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 30)).save(written, format="JPEG")

    def encoding() -> str:
        return Anonymizer({"detector": {"name": "haar"}})(written.getvalue(), NO_CONSENT).encoding or ""

    with_it = "exact" if turbo_library.found().library is not None else "reencoded"
    assert encoding() == with_it
    monkeypatch.setattr(turbo_library, "found", lambda: search([], ["/nowhere/libturbojpeg.so.0"]))
    turbo._library.cache_clear()
    try:
        assert encoding() == "reencoded"
    finally:
        turbo._library.cache_clear()


def _photos(count: int) -> Iterator[Path]:
    for name in ("lfw", "wider_val"):
        every = sorted((DATA / name).rglob("*.jpg"))
        yield from every[:: max(1, len(every) // (count // 2))][: count // 2]


@functools.cache
def _digests(system: str, which: str) -> list[str]:
    photos = "\n".join(map(str, _photos(200)))
    command = [sys.executable, "-c", _DIGESTS, system, which]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, input=photos, check=True, capture_output=True, text=True, env=environ)
    return done.stdout.splitlines()


def test_the_systems_library_writes_the_wheels_bytes() -> None:
    named = os.environ.get(VARIABLE, "")
    if search([], [named] if named else turbo_library._system()).library is None:
        pytest.skip(f"the system has no libturbojpeg 3 ({VARIABLE} names one)")
    if not list(turbo_library._wheel()):
        pytest.skip("the wheel is not installed")
    if len(list(_photos(200))) < 200:
        pytest.skip("needs ../shared/data/lfw and wider_val")
    (of_system, *systems), (of_wheel, *wheels) = _digests(named, "system"), _digests(named, "wheel")
    assert of_system.startswith("the system")
    assert of_wheel.startswith("its wheel")
    assert len(systems) == 200
    assert sum(line.startswith("exact") for line in systems) == 200
    assert systems == wheels
    assert any(line.split()[1] != "0" for line in systems)
