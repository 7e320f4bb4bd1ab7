"""Every known leak that a file can carry, planted and looked for in all that a run leaves behind."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import ray
from PIL import Image

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from tests.image.codec.samples import CONFIG, MARKER, photo, saved
from tests.integration.runs import files, rows, run, write
from tests.leaks.planted import LEAKS
from tests.leaks.search import files_holding, holds

each = pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.key)


@each
def test_the_source_holds_it(leak):
    assert holds(leak.make(), MARKER)


@each
def test_it_is_not_in_what_is_written(leak):
    data = leak.make()
    picture = codec.decode(data, CONFIG)
    output = codec.encode(picture)
    assert not holds(output.data, MARKER)
    assert metadata.inventory(output.data, output.format) == ()
    frame = picture.frames[0]
    metadata.check(output.data, output.format, frame.width, frame.height, len(picture.frames))


@each
def test_the_check_would_have_seen_it(leak):
    data = leak.make()
    picture = codec.decode(data, CONFIG)
    frame = picture.frames[0]
    with pytest.raises(ScrubCheckFailed):
        metadata.check(data, codec.sniff(data), frame.width, frame.height, len(picture.frames))


def test_nothing_of_it_is_in_anything_that_a_run_leaves(tmp_path, cluster, monkeypatch, caplog, capfd):
    """Output, manifest, log, temporary files, and whatever Ray writes: logs, spilled objects, sockets' folders."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    source = write(tmp_path / "in", {leak.key: leak.make() for leak in LEAKS})
    (source / "01 exif thumbnail.xmp").write_bytes(b"<x:xmpmeta>" + MARKER)
    assert len(files_holding(source, MARKER)) == len(LEAKS) + 1
    caplog.set_level("DEBUG")
    run(source, tmp_path / "out", {"engine": {"chunk_keys": 16}})
    found = rows(tmp_path / "out")
    published = {key for key, row in found.items() if row["output_uri"] is not None}
    assert published == {leak.key for leak in LEAKS}
    # HEIC becomes JPEG, and says so in its name.
    assert set(files(tmp_path / "out")) == {f"{key}.jpg" if key.endswith(".heic") else key for key in published}
    assert files_holding(tmp_path / "out", MARKER) == []
    assert files_holding(tmp_path / "out.manifest", MARKER) == []
    assert not any(MARKER.decode() in str(row) for row in found.values())
    assert files_holding(temporary, MARKER) == []
    assert MARKER.decode() not in caplog.text + "".join(capfd.readouterr())
    node = ray._private.worker._global_node
    assert node is not None
    session = Path(node.get_session_dir_path())
    assert session.is_dir()
    assert files_holding(session, MARKER) == []


def test_a_sidecar_is_skipped_and_never_copied(tmp_path, cluster):
    source = write(tmp_path / "in", {"a.jpg": LEAKS[0].make(), "a.xmp": MARKER, "a.aae": MARKER, "a.json": MARKER})
    run(source, tmp_path / "out")
    statuses = {key: row["status"] for key, row in rows(tmp_path / "out").items()}
    assert statuses == {"a.jpg": "no_face", "a.xmp": "skipped", "a.aae": "skipped", "a.json": "skipped"}
    assert set(files(tmp_path / "out")) == {"a.jpg"}


@pytest.mark.parametrize("format_name", ["png", "webp", "tiff"])
def test_colours_that_nobody_sees_are_gone(format_name):
    pixels = np.dstack((photo(), np.full((48, 64), 255, np.uint8)))
    pixels[5, :48, :3] = np.frombuffer((MARKER * 9)[:144], np.uint8).reshape(48, 3)
    pixels[5, :48, 3] = 0
    settings = {"lossless": True, "exact": True} if format_name == "webp" else {}
    data = saved(pixels, format_name, **settings)
    assert MARKER in np.asarray(Image.open(BytesIO(data)).convert("RGBA"))[5, :48, :3].tobytes()
    output = codec.encode(codec.decode(data, CONFIG)).data
    shown = np.asarray(Image.open(BytesIO(output)).convert("RGBA"))
    assert not shown[5, :48, 3].any()
    # Flat, whatever the encoder makes of it: not a letter of what was there.
    assert len(np.unique(shown[5, :48, :3], axis=0)) <= 2
    np.testing.assert_array_equal(shown[6:], pixels[6:])
