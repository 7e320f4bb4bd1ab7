"""The mixed lake: its proportions, the same for the same seed, and what stands in where there is no data."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infra.proof.bench import lake
from infra.proof.bench.rivals import labelled

WITH_FACES = {"portrait", "crowd", "large faces"}


@pytest.mark.parametrize("count", [60, 2000])
def test_one_file_in_six_shows_faces_and_one_in_fifty_is_large(count: int) -> None:
    kinds = Counter(lake._kinds(count, 1))
    assert sum(kinds.values()) == count
    assert sum(kinds[kind] for kind in WITH_FACES) == round(count / 6)
    large = kinds["large"] + kinds["large faces"]
    assert abs(large - count * lake.LARGE_SHARE) <= 1
    assert set(kinds) >= {"portrait", "crowd", "nonface", "texture", "part", "scene", "large"}


def test_the_same_seed_gives_the_same_order_and_another_one_another() -> None:
    assert lake._kinds(200, 1) == lake._kinds(200, 1)
    assert lake._kinds(200, 1) != lake._kinds(200, 2)


def _bytes(made: lake.Lake) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in made.photos}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A crowd's photo whose faces fill its left half, one portrait, and one photo of nothing."""
    folder = tmp_path / "data"
    for name, size in (
        ("wider_val/crowd.jpg", (800, 500)),
        ("lfw/a/one.jpg", (250, 250)),
        ("nonface/x.JPEG", (500, 375)),
    ):
        (folder / name).parent.mkdir(parents=True)
        picture = np.full((size[1], size[0], 3), (40, 90, 160), np.uint8)
        picture[:, : size[0] // 2] = (200, 30, 30)
        Image.fromarray(picture).save(folder / name, format="JPEG")
    (folder / "wider_val/labels.csv").write_text("image,x,y,w,h,ignore\ncrowd.jpg,0,0,300,500,0\n")
    return folder


def test_files_depend_on_the_seed_alone(tmp_path: Path, data: Path) -> None:
    small = [lake.make(tmp_path / name, 24, data) for name in ("one", "two")]
    assert _bytes(small[0]) == _bytes(small[1])
    assert _bytes(lake.make(tmp_path / "other", 24, data, seed=2)) != _bytes(small[0])


def test_labels_go_with_the_photos_that_have_them(tmp_path: Path, data: Path) -> None:
    made = lake.make(tmp_path / "lake", 24, data)
    crowds = [path for path in made.photos if path.name.endswith(("-crowd.jpg", "-crowd.png", "-crowd.webp"))]
    assert crowds
    found = labelled(made.labels, made.photos)
    assert {path: boxes for path, boxes in found.items() if path not in crowds or boxes[0] != (0, 0, 300, 500)} == {}
    assert set(found) == {path for path in crowds if "part" not in path.name}
    with made.labels.open() as handle:
        assert {row["image"].partition(".")[0] for row in csv.DictReader(handle)} == {"crowd"}


def test_parts_of_crowds_keep_away_from_every_label(tmp_path: Path, data: Path) -> None:
    sources = lake.Sources.within(data)
    for seed in range(8):
        path, labels = lake._part(tmp_path / f"{seed:05d}", sources, np.random.default_rng(seed))
        assert labels == ()
        if "part-crowd" in path.name:
            # The label with its margin ends at 375 px, and red at 400 px: a part may hold 25 px of it.
            picture = np.asarray(Image.open(path).convert("RGB"))
            assert np.median(picture[:, 40:, 0]) < 100


def test_without_data_everything_is_made_from_samples(tmp_path: Path) -> None:
    made = lake.make(tmp_path / "lake", 12, tmp_path / "nowhere")
    assert len(made.photos) == 12
    for path in made.photos:
        with Image.open(path) as opened:
            assert opened.mode == "RGB"
            assert min(opened.size) >= 100
