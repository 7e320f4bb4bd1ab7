"""The course page's experiment: what is the same for every variant, and what is left out of all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest

from anonymizer.errors import DecodeError, NotAnImage, UsageError
from anonymizer.evaluation import utility
from anonymizer.evaluation.course_network import Epoch, TrainingSet
from anonymizer.records import AnonymizedImage, Pixels


def plan(**changes: Any) -> utility.Plan:
    return dataclasses.replace(utility.Plan(("smooth", "blur"), epochs=1, seed=42), **changes)


def anonymized(data: bytes, status: Literal["anonymized", "no_face"] = "anonymized") -> AnonymizedImage:
    digest = hashlib.sha256(data).hexdigest()
    return AnonymizedImage(
        data=data,
        format="png",
        source_format="png",
        width=8,
        height=8,
        frame_count=1,
        encoding="reencoded",
        status=status,
        consent_status="unknown",
        consent_record_ids=(),
        retained_until=None,
        faces=(),
        redacted_count=0,
        metadata_removed=(),
        metadata_kept=(),
        source_sha256=digest,
        sha256=digest,
    )


def png(level: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 8, 3), level, np.uint8))[1].tobytes()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of ten flat photos each: even levels are `a`, odd ones `b`."""
    for level in range(20):
        folder = tmp_path / "ab"[level % 2] / f"part{level % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{level:02d}.png").write_bytes(png(level))
    return tmp_path


@pytest.fixture
def levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the codec: a photo's input is flat in the first value of its file's pixels."""

    def decoded(data: bytes) -> Pixels:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert pixels is not None
        level = int(pixels[0, 0, 0])
        return np.full((64, 64, 3), level, np.uint8)

    monkeypatch.setattr(utility, "network_input", decoded)


class TestSplit:
    @pytest.mark.parametrize(("count", "validation"), [(0, 0), (1, 1), (2, 1), (5, 1), (6, 2), (10, 2), (1200, 240)])
    def test_every_photo_is_on_one_side(self, count: int, validation: int) -> None:
        training, validating = utility.split(count, 42)
        assert len(validating) == validation
        assert sorted([*training, *validating]) == list(range(count))

    def test_is_the_page_s_train_test_split(self) -> None:
        # From scikit-learn's documentation of train_test_split with random_state=42 over range(5).
        training, validating = utility.split(5, 42)
        assert [*validating, *training] == [1, 4, 2, 0, 3]

    def test_the_seed_decides(self) -> None:
        assert np.array_equal(utility.split(50, 1)[1], utility.split(50, 1)[1])
        assert not np.array_equal(utility.split(50, 1)[1], utility.split(50, 2)[1])


class TestListPhotos:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="one folder per class"):
            utility.list_photos(tmp_path / "absent", plan())

    def test_one_class_is_not_enough(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "1.png").write_bytes(b"")
        with pytest.raises(UsageError, match="1 class folders"):
            utility.list_photos(tmp_path, plan())

    def test_keys_are_sorted_and_labelled_by_their_folder(self, photos: Path) -> None:
        (photos / "beside.csv").write_text("not in a class")
        listing = utility.list_photos(photos, plan())
        assert listing.classes == ("a", "b")
        assert list(listing.keys) == sorted(listing.keys)
        assert len(listing.keys) == 20
        assert [key[0] for key in listing.keys] == ["ab"[label] for label in listing.labels]

    def test_links_are_not_followed(self, photos: Path) -> None:
        (photos / "a" / "linked.png").symlink_to(photos / "b" / "part1" / "01.png")
        (photos / "a" / "folder").symlink_to(photos / "b")
        (photos / "c").symlink_to(photos / "b")
        assert len(utility.list_photos(photos, plan()).keys) == 20

    @pytest.mark.parametrize(("limit", "expected"), [(1, 2), (3, 6), (10, 20), (99, 20)])
    def test_limit_draws_the_same_photos_every_time(self, photos: Path, limit: int, expected: int) -> None:
        listing = utility.list_photos(photos, plan(limit_per_class=limit))
        assert len(listing.keys) == expected
        assert listing.labels.count(0) == listing.labels.count(1) == expected // 2
        assert listing == utility.list_photos(photos, plan(limit_per_class=limit))


@pytest.mark.usefixtures("levels")
class TestMakeVariants:
    def test_every_variant_holds_the_same_photos(self, photos: Path) -> None:
        listing = utility.list_photos(photos, plan())
        variants = utility.make_variants(listing, {"blur": anonymized, "solid": lambda _: anonymized(png(200))})
        assert set(variants.pixels) == {"raw", "blur", "solid"}
        assert np.array_equal(variants.pixels["raw"], variants.pixels["blur"])
        assert (variants.pixels["solid"] == 200).all()
        assert list(variants.labels) == list(listing.labels)
        assert [int(photo[0, 0, 0]) for photo in variants.pixels["raw"]] == [int(key[-6:-4]) for key in listing.keys]

    def test_a_refused_photo_is_in_no_variant(self, photos: Path) -> None:
        def refuses(data: bytes) -> AnonymizedImage:
            if data in (png(4), png(5)):
                raise DecodeError("damaged")
            if data == png(6):
                raise NotAnImage
            return anonymized(data)

        listing = utility.list_photos(photos, plan())
        variants = utility.make_variants(listing, {"smooth": anonymized, "blur": refuses})
        assert variants.refused == {"decode_error": 2, "not_an_image": 1}
        for pixels in variants.pixels.values():
            assert pixels.shape == (17, 64, 64, 3)
            assert not np.isin(pixels, [4, 5, 6]).any()
        assert len(variants.labels) == 17

    def test_an_unexpected_error_is_not_swallowed(self, photos: Path) -> None:
        def broken(_: bytes) -> AnonymizedImage:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            utility.make_variants(utility.list_photos(photos, plan()), {"blur": broken})

    def test_a_class_without_photos_is_said(self, photos: Path) -> None:
        def refuses_odd(data: bytes) -> AnonymizedImage:
            if data in {png(level) for level in range(1, 20, 2)}:
                raise DecodeError
            return anonymized(data)

        with pytest.raises(UsageError, match=r"class 'b' is left \(refused: decode_error 10\)"):
            utility.make_variants(utility.list_photos(photos, plan()), {"blur": refuses_odd})

    def test_statuses_are_counted_by_method_and_class(self, photos: Path) -> None:
        listing = utility.list_photos(photos, plan())
        variants = utility.make_variants(
            listing, {"blur": lambda data: anonymized(data, "no_face" if data == png(0) else "anonymized")}
        )
        assert variants.statuses == {"blur": {"a": {"anonymized": 9, "no_face": 1}, "b": {"anonymized": 10}}}


@pytest.mark.usefixtures("levels")
class TestTrainingAndResult:
    def run(self, photos: Path) -> tuple[list[TrainingSet], Any]:
        seen: list[TrainingSet] = []

        def train(training_set: TrainingSet, epochs: int, seed: int) -> tuple[Epoch, ...]:
            assert (epochs, seed) == (2, 7)
            seen.append(training_set)
            return Epoch(0.5, 0.7, 0.4, 0.8), Epoch(0.9, 0.3, 0.95 if len(seen) == 1 else 0.85, 0.35)

        chosen = plan(epochs=2, seed=7)
        listing = utility.list_photos(photos, chosen)
        variants = utility.make_variants(listing, {"smooth": anonymized, "blur": anonymized})
        histories = utility.train_all(listing, variants, chosen, train)
        return seen, utility.result(listing, variants, chosen, histories)

    def test_only_the_pixels_differ_between_variants(self, photos: Path) -> None:
        seen, _ = self.run(photos)
        assert len(seen) == 3
        for other in seen[1:]:
            assert np.array_equal(seen[0].training, other.training)
            assert np.array_equal(seen[0].validation, other.validation)
            assert np.array_equal(seen[0].labels, other.labels)
            assert other.class_count == 2

    def test_json_holds_what_the_page_reports(self, photos: Path) -> None:
        measured = json.loads(json.dumps(self.run(photos)[1]))
        assert measured["seed"] == 7
        assert measured["settings"]["epochs"] == 2
        assert measured["counts"] == {
            "listed": 20,
            "refused": 0,
            "used": 20,
            "training": 16,
            "validation": 4,
            "classes": {"a": 10, "b": 10},
        }
        assert [row["name"] for row in measured["variants"]] == ["raw", "smooth", "blur"]
        assert [row["above_target"] for row in measured["variants"]] == [True, False, False]
        last = measured["variants"][1]
        assert (last["training_accuracy"], last["validation_accuracy"], last["validation_loss"]) == (0.9, 0.85, 0.35)
        assert len(last["epochs"]) == 2
        assert measured["page"]["before"] == {"training_accuracy": 0.92, "validation_accuracy": 0.88, "loss": 0.25}
        assert measured["page"]["after"] == {"training_accuracy": 0.895, "validation_accuracy": 0.867, "loss": 0.38}

    def test_json_holds_no_key_and_no_path(self, photos: Path) -> None:
        text = json.dumps(self.run(photos)[1])
        assert ".png" not in text
        assert str(photos) not in text

    def test_table_sets_the_page_s_figures_beside_ours(self, photos: Path) -> None:
        lines = utility.table(self.run(photos)[1]).splitlines()
        rows = {tuple(line.split()) for line in lines}
        assert ("raw", "90.0", "95.0", "0.350", "+0.0", "yes") in rows
        assert ("smooth", "90.0", "85.0", "0.350", "-10.0", "no") in rows
        assert ("page,", "before", "92.0", "88.0", "0.250", "+0.0", "yes") in rows
        assert ("page,", "after", "blur", "89.5", "86.7", "0.380", "-1.3", "yes") in rows
        assert "4 for validation (one photo = 25.0 points)" in "\n".join(lines)


class TestNetworkInput:
    @pytest.mark.parametrize("shape", [(1, 1, 3), (250, 250, 3), (31, 200, 3), (40, 50)])
    def test_is_64_by_64_rgb(self, shape: tuple[int, ...]) -> None:
        pixels = np.zeros(shape, np.uint8)
        pixels[...] = (10, 20, 30) if len(shape) == 3 else 40  # BGR for the encoder
        small = utility.network_input(cv2.imencode(".png", pixels)[1].tobytes())
        assert small.shape == (64, 64, 3)
        assert small.dtype == np.uint8
        assert (small == ((30, 20, 10) if len(shape) == 3 else 40)).all()

    def test_what_is_no_picture_is_refused(self) -> None:
        with pytest.raises(NotAnImage):
            utility.network_input(b"plain text")
