"""What a file system knows of a file beside its content does not travel: times, modes, extended attributes."""

from __future__ import annotations

import os
import time

import pytest

from tests.integration.runs import run, write
from tests.pictures import photo

_LONG_AGO_S = 1_000_000_000.0


def test_times_and_modes_are_those_of_publication(tmp_path, cluster):
    source = write(tmp_path / "in", {"a.png": photo(1), "b.jpg": photo(2, image_format="JPEG")})
    for path in source.iterdir():
        os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))
        path.chmod(0o751)
    before = time.time()
    run(source, tmp_path / "out")
    for name in ("a.png", "b.jpg"):
        status = (tmp_path / "out" / name).stat()
        # File systems round times down, some to two seconds.
        assert before - 2 <= status.st_mtime <= time.time()
        assert status.st_mode & 0o111 == 0


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes are reached by this call on Linux")
def test_extended_attributes_stay_behind(tmp_path, cluster):
    source = write(tmp_path / "in", {"a.png": photo(1)})
    try:
        os.setxattr(source / "a.png", "user.xdg.origin.url", b"MARKER")
    except OSError:
        pytest.skip("this file system has none")
    run(source, tmp_path / "out")
    assert os.listxattr(tmp_path / "out" / "a.png") == []
