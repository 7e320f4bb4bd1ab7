from pathlib import Path

import pytest

from anonymizer.config import RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.run.start.paths import resolved

IN_PLACE = {"in_place": True, "discard_originals": True}


def settings(**values):
    return from_mapping(RunConfig, values)


def test_urls_are_full_and_the_manifest_lies_beside_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = Path.cwd().as_uri()
    config, manifest = resolved(settings(input="in", output="out/"), inside_job=False)
    assert (config.input, config.output, config.manifest) == (f"{here}/in", f"{here}/out", f"{here}/out.manifest")
    assert manifest == config.manifest


def test_in_place_the_output_is_the_input(tmp_path):
    config, manifest = resolved(settings(input=str(tmp_path / "lake"), **IN_PLACE), inside_job=False)
    assert config.output == config.input
    assert manifest == f"{config.input}.manifest"


def test_a_manifest_may_lie_in_an_input_that_nothing_is_published_to(tmp_path):
    config, manifest = resolved(settings(input="/a", output="/b", manifest="/a/m"), inside_job=False)
    assert manifest == f"{config.input}/m"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input": "/a"}, "INPUT and OUTPUT are both required"),
        ({"input": "/a", "output": "/a/b"}, "INPUT and OUTPUT are inside one another"),
        ({"input": "/a", "output": "/b", "manifest": "/b/m"}, "OUTPUT and the manifest are inside one another"),
        ({"input": "/a", "manifest": "/a/m", **IN_PLACE}, "INPUT and the manifest are inside one another"),
        ({"input": "/a", "in_place": True, "originals": "/a/o"}, "INPUT and the originals are inside one another"),
        ({"input": "/a", "output": "s3://bucket"}, "OUTPUT is the root of a bucket"),
        ({"input": "s3://bucket", **IN_PLACE}, "INPUT is the root of a bucket"),
    ],
)
def test_what_may_not_lie_where(values, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        resolved(settings(**values), inside_job=False)


@pytest.mark.parametrize("values", [{"input": "a", "output": "/b"}, {"input": "/a", "output": "/b", "manifest": "m"}])
def test_inside_a_job_paths_are_full(values):
    with pytest.raises(ConfigError, match="needs absolute paths"):
        resolved(settings(**values), inside_job=True)
