from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from infra.docs.generate.figures import Measurement, number
from infra.proof.bench import empty, listing, photos, plot, rivals
from infra.proof.bench.figures import Figure, at_least, at_most, ratios, restored, sections, stored, table
from infra.proof.bench.jobs import Bench
from infra.proof.bench.runs import Run, steady_rate
from infra.proof.bench.store import Bucket, made_up


def test_ratios_are_formed_within_a_round():
    assert ratios([4.0, 9.0], [2.0, 3.0]) == (2.0, 3.0)
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0], [])


def test_targets_have_a_side():
    assert Figure("b", "rate", (0.9, 1.0, 0.1), "", at_least(0.9)).is_met
    assert not Figure("e", "cost", (0.6,), "ms", at_most(0.5)).is_met
    assert Figure("e", "cost", (0.6,), "ms").is_met is None
    assert Figure("e", "cost", (0.25,), "ms", at_most(0.5)).nearness == 2.0
    assert Figure("e", "cost", (0.0,), "ms", at_most(0.5)).nearness == 0.0


def test_the_table_has_targets_and_ratios_first():
    figures = [Figure("b", "rate", (10.0,), "img/s"), Figure("b", "ratio", (0.95, 0.97), "", at_least(0.92))]
    lines = table([*figures, Figure("a", "slow", (2.0,), "", at_least(5))]).splitlines()
    assert lines[2:] == [
        "| a | slow | 2 |  | ≥ 5 | **missed** |",
        "| b | ratio | 0.96 | 0.95 – 0.97 | ≥ 0.92 | met |",
        "| b | rate | 10 img/s |  |  |  |",
    ]


def test_numbers_have_three_digits():
    assert [number(value) for value in (0.12345, 12.345, 123.45, 12345.6)] == ["0.123", "12.3", "123", "12,346"]


def test_what_is_kept_gives_the_same_lines_again():
    figures = [Figure("b", "rate", (10.0, 12.0, 30.0), "img/s"), Figure("b", "ratio", (0.95,), "", at_least(0.92))]
    assert table(restored("b", stored(figures))) == table(figures)


def test_every_part_says_on_what_it_was_measured():
    figures = stored([Figure("c", "rate", (10.0,), "img/s")])
    kept = {"bench-c": Measurement("make bench PARTS=c", "2026-01-02", "", figures)}
    text = sections(kept)
    assert text.startswith("### c: two workers against one\n`make bench PARTS=c`, 2026-01-02, processor not recorded.")
    assert text.endswith("| c | rate | 10 img/s |  |  |  |")


def test_the_steady_rate_leaves_out_start_and_end():
    times = [*[0.0] * 10, *[10 + i / 4 for i in range(80)], *[100.0] * 10]
    assert steady_rate(times) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="too few"):
        steady_rate([1.0])


def test_a_long_run_is_projected_from_a_short_one():
    run = Run(count=100, whole_s=20.0, images_per_s=10.0)
    assert run.projected_per_s(100) == pytest.approx(5.0)
    assert run.projected_per_s(990) == pytest.approx(990 / 109)


def test_figures_of_the_empty_job():
    memory = {"1000": (200.0, [250.0, 251.0]), "10000": (210.0, [])}
    result = {"steady_s": 4.0, "steady_count": 10_000, "memory_mib": memory}
    found = {figure.name: figure for figure in empty.figures([result])}
    assert found["cost per object of an empty job"].median == pytest.approx(0.4)
    assert found["driver's memory after 10,000 objects against 1,000"].median == pytest.approx(1.05)
    assert found["largest worker's memory after 10,000 objects"].median == 0.0


def test_figures_of_the_listing():
    result = {"keys": 1000.0, "first_s": 0.5, "listing_s": 4.0, "peak_mib": 240.0}
    assert [figure.median for figure in listing.figures([result])] == [0.5, 240.0, 250.0]


def test_the_faster_deface_counts():
    figures = rivals.figures({"onnxrt": [4.0], "opencv": [2.0]}, {"fast": [24.0]}, [6.0])
    assert [figure.median for figure in figures[:2]] == [6.0, 1.5]
    assert figures[0].is_met


def test_coverage_is_read_from_the_pictures(tmp_path):
    picture = np.full((100, 100, 3), 128, np.uint8)
    cv2.imwrite(str(tmp_path / "source.png"), picture)
    picture[10:30, 10:30] = (255, 0, 255)
    cv2.imwrite(str(tmp_path / "output.png"), picture)
    labels = tmp_path / "labels.csv"
    labels.write_text("image,x,y,w,h,ignore\nx/own.png,10,10,20,20,0\nx/own.png,60,60,25,25,0\nx/own.png,0,0,9,9,0\n")
    source = tmp_path / "00001-own.png"
    faces = rivals.labelled(labels, [source])
    assert rivals.coverage(faces, {source.name: tmp_path / "output.png"}) == 0.5
    assert rivals.coverage(faces, {}) == 0.0
    assert rivals.coverage({}, {}) == 0.0


def test_photos_are_spread_over_their_source(tmp_path):
    for name in ("a", "b", "c", "d"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.jpg")
    paths = photos.gather(tmp_path, tmp_path / "two", 2)
    assert [path.name for path in paths] == ["00000-a.jpg", "00001-c.jpg"]
    assert len(photos.gather(None, tmp_path / "made-up", 3)) == 3
    with pytest.raises(FileNotFoundError):
        photos.gather(tmp_path / "made-up" / "nothing", tmp_path / "none", 1)


def test_the_plot_has_a_bar_for_each_target(tmp_path: Path):
    figures = [Figure("b", "rate", (1.0,), "", at_least(0.5)), Figure("e", "cost", (1.0,), "ms", at_most(0.5))]
    plot.draw(figures, tmp_path / "plot.png")
    plot.draw([], tmp_path / "empty.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.size == (plot.WIDTH_PX, 3 * plot.MARGIN_PX + 2 * plot.ROW_PX)
        assert image.getpixel((int(plot.bar_end(2.0)) - 2, plot.MARGIN_PX + 22)) == (0x2A, 0x7F, 0x62)


def test_the_small_store_lists_and_writes_conditionally():
    bucket = Bucket(made_up=3, latency_s=0.0)
    etag = bucket.put("out/b", b"1", None, "*")
    assert etag is not None
    assert bucket.put("out/b", b"2", None, "*") is None
    assert bucket.put("out/b", b"2", '"other"', None) is None
    assert bucket.put("out/b", b"2", etag, None) is not None
    bucket.put("out/a", b"", None, None)
    assert [name for name, _, _ in bucket.page("out/", "", 10)] == ["out/a", "out/b"]
    assert [name for name, _, _ in bucket.page("out/", "out/a", 10)] == ["out/b"]
    assert [name for name, _, _ in bucket.page("made-up/", made_up(0), 10)] == [made_up(1), made_up(2)]
    bucket.delete("out/a")
    bucket.delete("out/a")
    assert [name for name, _, _ in bucket.page("out/", "", 1)] == ["out/b"]


def test_the_same_photos_several_times(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    bench = Bench(sorted((tmp_path / "photos").iterdir()), 1, (), tmp_path)
    many = bench.repeated(3)
    assert [path.read_bytes().decode() for path in many.photos] == ["a.jpg", "b.jpg"] * 3
    assert many.source != bench.source
    assert bench.repeated(3) == many
