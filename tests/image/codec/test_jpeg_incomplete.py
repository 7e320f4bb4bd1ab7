"""JPEG without its end: a file that lacks EOI alone is whole; of one that ends earlier a setting decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError
from anonymizer.image import codec, metadata
from anonymizer.image.codec.jpeg import turbo as jpeg_turbo
from anonymizer.records import Frame
from tests.image.codec.coefficients import ARITHMETIC, coefficients, transformed
from tests.image.codec.samples import CONFIG, photo, saved

REDACT = CodecConfig(jpeg_incomplete="redact")
PHOTO = photo(96, 128)
EOI = b"\xff\xd9"

KINDS: dict[str, bytes] = {
    "baseline": saved(PHOTO, "jpeg"),
    "progressive": saved(PHOTO, "jpeg", progressive=True),
    "restart intervals": saved(PHOTO, "jpeg", restart_marker_rows=1),
    "progressive, restart intervals": saved(PHOTO, "jpeg", progressive=True, restart_marker_blocks=3),
    "gray": saved(PHOTO[..., 0], "jpeg"),
    "RGB": saved(PHOTO, "jpeg", keep_rgb=True),
    "CMYK": saved(Image.fromarray(PHOTO).convert("CMYK"), "jpeg"),
}
CODED_ARITHMETICALLY = transformed(KINDS["baseline"], ARITHMETIC)[0]


def _pixels(data: bytes, config: CodecConfig = CONFIG) -> Any:
    return codec.decode(data, config).frames[0].pixels


@pytest.mark.parametrize("config", [CONFIG, REDACT], ids=["fail", "redact"])
@pytest.mark.parametrize("lacking", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_what_lacks_its_end_marker_alone_is_whole(kind: str, lacking: int, config: CodecConfig) -> None:
    data = KINDS[kind]
    picture = codec.decode(data[:-lacking], config)
    np.testing.assert_array_equal(picture.frames[0].pixels, _pixels(data))
    written = codec.encode(picture)
    assert written == codec.encode(codec.decode(data, CONFIG))
    assert written.encoding == "exact"
    assert written.data.endswith(EOI)
    for number, blocks in coefficients(written.data).items():
        np.testing.assert_array_equal(blocks, coefficients(data)[number])


@pytest.mark.parametrize("kind", KINDS)
def test_what_ends_before_its_picture_fails(kind: str) -> None:
    """Every cut: none of them is taken for a whole file, and none shows a picture that has gone gray."""
    data = KINDS[kind]
    for missing in (*range(3, 60), *range(60, len(data) - 20, 97)):
        with pytest.raises(DecodeError):
            codec.decode(data[:-missing], CONFIG)


def test_a_cut_between_scans_fails_too() -> None:
    data = KINDS["progressive"]
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(starts) > 5
    for start in starts[1:]:
        with pytest.raises(DecodeError):
            codec.decode(data[:start], CONFIG)


def test_a_cut_between_restart_intervals_fails_too() -> None:
    data = KINDS["restart intervals"]
    markers = [at for at in range(len(data)) if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7]
    assert len(markers) > 3
    for at in (*markers, *(marker + 2 for marker in markers)):
        with pytest.raises(DecodeError):
            codec.decode(data[:at], CONFIG)


def test_of_arithmetic_coding_nobody_can_tell() -> None:
    """Missing data read as zeros (T.81, D.2.6), without a warning: only the marker says that it is the end."""
    assert _pixels(CODED_ARITHMETICALLY).shape == PHOTO.shape
    for missing in (2, 40, 400):
        with pytest.raises(DecodeError):
            codec.decode(CODED_ARITHMETICALLY[:-missing], CONFIG)
    assert _pixels(CODED_ARITHMETICALLY[:-2], REDACT).shape == PHOTO.shape


@pytest.mark.parametrize("kind", ["baseline", "restart intervals", "gray", "CMYK"])
def test_what_is_there_can_be_asked_for(kind: str) -> None:
    data = KINDS[kind]
    whole, cut = _pixels(data), data[: len(data) * 2 // 3]
    picture = codec.decode(cut, REDACT)
    pixels = picture.frames[0].pixels
    assert pixels.shape == whole.shape
    np.testing.assert_array_equal(pixels[:16], whole[:16])
    assert not np.array_equal(pixels[-16:], whole[-16:])
    mask = np.zeros(whole.shape[:2], bool)
    mask[:16, :16] = True
    redacted = pixels.copy()
    redacted[mask] = 77
    written = codec.encode(replace(picture, frames=(Frame(redacted, None, mask),)))
    assert written.encoding == "reencoded"
    metadata.check(written.data, "jpeg", 128, 96)
    assert np.abs(_pixels(written.data)[:16, :16].astype(int) - 77).max() <= 12


def test_of_a_progressive_one_the_scans_that_came() -> None:
    data = KINDS["progressive"]
    written = codec.encode(codec.decode(data[: len(data) // 2], REDACT))
    assert written.encoding == "reencoded"
    assert np.abs(_pixels(written.data).astype(int) - PHOTO).mean() < 12


@pytest.mark.parametrize("config", [CONFIG, REDACT], ids=["fail", "redact"])
def test_a_header_alone_is_no_picture(config: CodecConfig) -> None:
    data = KINDS["baseline"]
    for end in (data.index(b"\xff\xda"), data.index(b"\xff\xda") + 14, 20):
        with pytest.raises(DecodeError):
            codec.decode(data[:end], config)


def test_without_the_library_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_turbo, "_library", lambda: None)
    with pytest.raises(DecodeError):
        codec.decode(KINDS["baseline"][:-2], CONFIG)
    assert _pixels(KINDS["baseline"][:-2], REDACT).shape == PHOTO.shape
