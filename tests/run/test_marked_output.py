"""OUTPUT as one run sees it."""

from __future__ import annotations

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import OutputLost, WrongOutput
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.storage import open_root
from anonymizer.run.marked_output import MarkedOutput


@pytest.fixture
def manifest(tmp_path):
    return ManifestStore(open_root(str(tmp_path / "out.manifest")))


def identified(tmp_path, manifest, **settings):
    config = from_mapping(RunConfig, {"output": (tmp_path / "out").as_uri(), **settings})
    output = MarkedOutput(config, manifest)
    output.identify()
    return output


def test_one_that_is_new_need_not_bear_its_mark_before_the_first_work(tmp_path, manifest):
    output = identified(tmp_path, manifest)
    output.mark_before_removals()
    output.require()
    assert not (tmp_path / "out").exists()
    output.mark()
    output.require()
    assert output.root.has_mark(output.output_id)


def test_one_that_has_lost_its_mark_is_not_written_to(tmp_path, manifest):
    output = identified(tmp_path, manifest)
    output.mark()
    (tmp_path / "out").rename(tmp_path / "away")
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputLost):
        output.require()
    with pytest.raises(OutputLost):
        output.root.put("a.png", b"safe")
    assert list((tmp_path / "out").iterdir()) == []
    assert not identified(tmp_path, manifest).identity.present


def test_what_lies_there_may_be_replaced_only_if_it_is_said(tmp_path, manifest):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"theirs")
    with pytest.raises(WrongOutput):
        identified(tmp_path, manifest)
    assert not identified(tmp_path, manifest, adopt="keep").may_replace
    adopted = identified(tmp_path, manifest, adopt="replace")
    assert adopted.may_replace
    adopted.mark_before_removals()
    assert adopted.root.has_mark(adopted.output_id)
