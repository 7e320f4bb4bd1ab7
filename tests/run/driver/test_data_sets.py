"""Which runs are refused because INPUT is, or has, a data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer.config import RunConfig
from anonymizer.errors import ConfigError
from anonymizer.lake.storage import open_root
from anonymizer.run.driver.data_sets import without_data_sets

LOG = "_delta_log/00000000000000000000.json"


def listed(folder: Path, config: RunConfig) -> list[str]:
    root = open_root(str(folder))
    return [entry.key for entry in without_data_sets(config, root, root.list())]


def lake(folder: Path, *keys: str) -> Path:
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(b"{}")
    return folder


def test_input_itself_is_refused_before_anything_is_listed(tmp_path: Path) -> None:
    lake(tmp_path, "a.jpg", LOG)
    for config in (RunConfig(), RunConfig(in_place=True), RunConfig(limit=0)):
        with pytest.raises(ConfigError, match=r"INPUT is a Delta table .*--exclude '_delta_log/\*'") as told:
            listed(tmp_path, config)
        assert "\n" not in str(told.value)


def test_a_folder_of_input_is_refused_in_place_only(tmp_path: Path) -> None:
    lake(tmp_path, "a.jpg", f"tables/faces/{LOG}")
    assert len(listed(tmp_path, RunConfig())) == 2
    with pytest.raises(ConfigError, match=r"'tables/faces' of INPUT is a Delta table .*--exclude 'tables/faces/\*'"):
        listed(tmp_path, RunConfig(in_place=True))


@pytest.mark.parametrize("words", [{"exclude": ("*_delta_log/*",)}, {"include": ("*.jpg",)}])
def test_what_is_left_out_is_not_looked_at(tmp_path: Path, words: dict[str, tuple[str, ...]]) -> None:
    lake(tmp_path, "a.jpg", LOG, f"b/{LOG}")
    for in_place in (False, True):
        assert len(listed(tmp_path, RunConfig(in_place=in_place, **words))) == 3  # type: ignore[arg-type]
