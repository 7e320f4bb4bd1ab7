"""`make formats` on a few variants with the decoders in the lock: what is right passes, what is wrong is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
import pytest

from anonymizer.errors import DecodeError
from anonymizer.records import Picture
from infra.proof.formats import __main__ as command
from infra.proof.formats import folder, table
from infra.proof.formats.decoders import Decoder, here, versions
from infra.proof.formats.readers import Asked, Unread
from infra.proof.formats.reasons import EQUAL, REASONS, Reason, reason_for
from infra.proof.formats.seen import Difference, Seen, difference
from infra.proof.formats.trial import NEAREST, OURS, Verdict, ours, trial
from infra.proof.formats.variant import Variant
from infra.proof.formats.variants import SEEDS, variants
from tests.image.codec import jxl
from tests.image.codec.samples import photo, saved

LOCKED = [decoder for decoder in here() if not decoder.install]
NAMED = {one.name: one for one in variants()}
FEW = [
    "JPEG, baseline", "JPEG, CMYK", "JPEG, orientation 6", "PNG, 16 bit", "APNG, alpha", "GIF, animated, disposal 2",
    "TIFF, palette, LZW", "TIFF, alpha", "BMP, 1 bit", "WebP, lossless, alpha", "JPEG 2000, tiles", "HEIC, 10 bit",
]  # fmt: skip


def _planted(data: bytes) -> Picture:
    """Our decoder with a fault: one sample of the last frame is two levels off."""
    picture = ours(data)
    *others, last = picture.frames
    pixels = last.pixels.copy()
    place = (-1, -1) if pixels.ndim == 2 else (-1, -1, 0)
    pixels[place] ^= np.array(2 if pixels.dtype == np.uint8 else 512, pixels.dtype)
    return replace(picture, frames=(*others, replace(last, pixels=pixels)))


def _turned(data: bytes) -> Picture:
    picture = ours(data)
    return replace(picture, frames=tuple(replace(one, pixels=one.pixels[::-1].copy()) for one in picture.frames))


def _refusing(data: bytes) -> Picture:
    raise DecodeError


@pytest.mark.parametrize("name", FEW)
def test_a_variant_is_read_alike(name: str) -> None:
    verdicts = list(trial([NAMED[name]], LOCKED))
    assert command.faults(verdicts) == []
    assert any(one.difference is not None and one.reason.bound is not None for one in verdicts)


@pytest.mark.parametrize("number", range(5, 9))
def test_a_variant_with_an_orientation_is_turned(number: int) -> None:
    """Pillow writes what it is given as EXIF as it is: without its name in front no reader takes it for that."""
    for name in (f"JPEG, orientation {number}", f"TIFF, orientation {number}"):
        assert ours(NAMED[name].make()).frames[0].pixels.shape[:2] == (160, 96), name


@pytest.mark.parametrize("name", FEW)
def test_a_wrong_sample_is_found(name: str) -> None:
    assert command.faults(list(trial([NAMED[name]], LOCKED, decode=_planted)))


def test_what_we_do_not_read_is_found() -> None:
    (verdict,) = trial([NAMED["BMP"]], LOCKED, decode=_refusing)
    assert (verdict.decoder, verdict.unread, verdict.ok) == (OURS, "decode_error", False)
    assert command.faults([verdict]) == ["out of bounds: BMP, this project: decode_error"]


def test_names_are_there_once_and_every_reason_has_a_variant() -> None:
    names = [one.name for one in variants()]
    assert len(set(names)) == len(names)
    for reason in REASONS:
        if "JPEG XL" in reason.variants[0] and not jxl.IS_HERE:
            continue
        assert any(reason.holds(reason.decoders[0], name) for name in names), reason.text


def test_a_seed_is_held_against_the_nearest_decoder() -> None:
    seed = Variant("PNG, seed 0", lambda: saved(photo(), "png"), 0, f"PNG{SEEDS}")

    def far(asked: Asked) -> list[Seen]:
        return [Seen.of_samples(photo() // 2, 255)]

    (verdict,) = trial([seed], [Decoder("far", far), LOCKED[0]])
    assert (verdict.decoder, verdict.reason, verdict.ok) == (LOCKED[0].name, NEAREST, True)
    (verdict,) = trial([seed], [Decoder("far", far)])
    assert not verdict.ok


class TestDifference:
    def test_each_kind(self) -> None:
        plain = Seen.of_samples(photo(), 255)
        assert difference([plain], [plain]) == Difference(0, 0)
        assert difference([plain, plain], [plain]).missing == 1
        small = Seen.of_samples(photo()[:-1], 255)
        assert difference([plain], [small]).sizes == ((48, 64), (47, 64))
        other = photo()
        other[0, 0, 0] += 7
        assert difference([plain], [Seen.of_samples(other, 255)]).most == 7

    def test_what_is_invisible_has_no_colour(self) -> None:
        clear, hidden = np.dstack((photo(), np.zeros((48, 64), np.uint8))), np.zeros((48, 64, 4), np.uint8)
        one, other = (Seen.of_samples(samples, 255, alpha=True) for samples in (clear, hidden))
        assert difference([one], [other]).most == 0
        assert difference([one], [Seen.of_samples(photo(), 255)]).most == 255

    def test_ink_against_light(self) -> None:
        ink = np.zeros((2, 2, 4), np.uint8)
        ink[..., 3] = 55
        gray = np.full((2, 2), 200, np.uint8)
        assert difference([Seen.of_samples(ink, 255, inks=True)], [Seen.of_samples(gray, 255)]).most == 0


def test_bounds() -> None:
    variant = NAMED["BMP"]
    loose = Reason("", ("a",), ("BMP*",), (4.0, 1.0), missing=1)
    for found, reason, ok in (
        (Difference(0, 0), EQUAL, True),
        (Difference(1, 0.001), EQUAL, False),
        (Difference(4, 1), loose, True),
        (Difference(4.1, 1), loose, False),
        (Difference(4, 1.1), loose, False),
        (Difference(0, 0, missing=1), loose, True),
        (Difference(0, 0, missing=2), loose, False),
        (Difference(255, 255), replace(loose, bound=None), True),
    ):
        assert Verdict(variant, "a", found, reason).ok is ok
    assert reason_for("a", "BMP, gray", [loose]) is loose
    assert reason_for("b", "BMP, gray", [loose]) is EQUAL


def test_versions_are_told() -> None:
    assert f"Pillow {PIL.__version__}" in versions()


def test_a_decoder_that_fails_reads_nothing() -> None:
    for decoder in LOCKED:
        with pytest.raises(Unread):
            decoder.read(Asked(b"\x89PNG\r\n\x1a\n", "png"))


class TestTable:
    def test_cells(self) -> None:
        lines = table.values(trial([NAMED["PNG, 16 bit"], NAMED["JPEG 2000, 16 bit"]], LOCKED))
        shown = table.table(lines)
        assert "| PNG, 16 bit | – | equal | 0.899 / 0.04 (of 2 / 0.51) (1) |" in shown
        assert "another (2)" in shown
        assert "2. It rounds 16 bit to 8" in shown

    def test_of_several_in_a_line_the_worst_is_shown(self) -> None:
        group = [replace(NAMED["BMP"], name=f"BMP, {number}", group="BMPs") for number in range(3)]
        verdicts = [Verdict(one, "a", Difference(n, n), EQUAL) for one, n in zip(group, (1, 3, 2), strict=True)]
        assert table.values(verdicts)["lines"] == {"BMPs": "– | 3 / 3 (of 0.0101 / 0.01)"}


class TestFolder:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        (tmp_path / "a").mkdir()
        (tmp_path / "a/b.png").write_bytes(saved(photo(), "png"))
        (tmp_path / "c.jpg").write_bytes(saved(photo(), "jpeg"))
        (tmp_path / "d.ppm").write_bytes(saved(photo(), "ppm"))
        (tmp_path / "e.txt").write_bytes(b"text")
        return tmp_path

    def test_what_is_the_same_and_who_reads_what(
        self, files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(command, "here", lambda: LOCKED)
        assert command.main([str(files)]) == 0
        told = capsys.readouterr().out
        assert "2 files: same picture" in told
        assert "1 files: read by nobody" in told
        assert "1 files: unsupported_format for us alone\n  d.ppm: read by Pillow, OpenCV" in told

    def test_a_wrong_picture_is_named(self, files: Path) -> None:
        found = {one.path: one.reason for one in folder.compare(files, LOCKED, decode=_turned)}
        assert (found["a/b.png"], found["c.jpg"]) == ("", "")
