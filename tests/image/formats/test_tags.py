"""ExifTool and mat2 name nothing in our files beyond the committed list of structural tags."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from anonymizer import Anonymizer
from anonymizer.errors import ObjectError, UnsupportedFormat
from anonymizer.image.codec import MEDIA_TYPES
from anonymizer.image.profiles import PROFILES
from anonymizer.records import AnonymizedImage
from tests.image.codec.samples import saved, with_chunk
from tests.image.formats.kinds import FRAMES, KINDS, Kind, frames, with_alpha
from tests.image.formats.probes import soiled
from tests.image.formats.tags import beyond, beyond_mat2, foreign_profile, groups
from tests.image.formats.tools import EXIFTOOL, MAT2, exiftool, mat2
from tests.pictures import scene

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "meta"
SAMPLE_MAX_BYTES, SAMPLE_STEP = 40_000, 9

needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not here")
needs_mat2 = pytest.mark.skipif(MAT2 is None, reason="mat2 is not here")


def _outputs() -> list[AnonymizedImage]:
    """Of every kind a dirty one, one with alpha, one in HDR; one for each public profile; some of the real heap."""
    anonymizer = Anonymizer({"detector": {"name": "patch"}})
    images = [soiled(kind) for kind in KINDS]
    images += [anonymizer(_see_through(kind)) for kind in KINDS if kind.alpha]
    for kind in KINDS:
        if kind.hdr is not None:
            # JPEG XL in PQ is refused.
            with suppress(UnsupportedFormat):
                images.append(anonymizer(kind.hdr(kind.write(frames()))))
    images += [anonymizer(saved(scene(64, 48), "jpeg", icc_profile=profile)) for profile in PROFILES.values()]
    heap = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.stat().st_size < SAMPLE_MAX_BYTES)
    for path in heap[::SAMPLE_STEP]:
        try:
            images.append(anonymizer(path.read_bytes()))
        except ObjectError:
            continue
    return images


def _see_through(kind: Kind) -> bytes:
    return kind.write([with_alpha(pixels) for pixels in frames(FRAMES if kind.moving else 1)])


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """Path of an output to its format."""
    folder = tmp_path_factory.mktemp("outputs")
    found = {}
    for number, image in enumerate(_outputs()):
        path = folder / f"{number}.{ {'jpeg': 'jpg', 'tiff': 'tif'}.get(image.format, image.format) }"
        path.write_bytes(image.data)
        found[path] = image.format
    return found


@needs_exiftool
def test_exiftool_names_nothing_beyond_the_list(outputs: dict[Path, str]) -> None:
    seen = exiftool(list(outputs))
    assert set(seen) == set(outputs)
    assert {path.name: extra for path, tags in seen.items() if (extra := beyond(tags, outputs[path]))} == {}


@needs_mat2
def test_mat2_names_nothing_beyond_the_list(outputs: dict[Path, str]) -> None:
    seen = mat2(list(outputs))
    assert {
        path.name: extra for path, tags in seen.items() if tags and (extra := beyond_mat2(tags, outputs[path]))
    } == {}
    assert sum(tags is not None for tags in seen.values()) > len(outputs) // 2


def test_every_profile_is_one_of_ours(outputs: dict[Path, str]) -> None:
    assert [path.name for path in outputs if foreign_profile(path.read_bytes())] == []


@needs_exiftool
def test_a_dirty_source_does_not_pass(tmp_path: Path) -> None:
    still = [kind for kind in KINDS if kind.name in ("JPEG, baseline", "PNG", "GIF", "WebP, lossy", "TIFF")]
    paths = {tmp_path / f"{number}.bin": kind for number, kind in enumerate(still)}
    for path, kind in paths.items():
        path.write_bytes(kind.soil(kind.write(frames())))
    formats = {"JPEG": "jpeg", "PNG": "png", "GIF": "gif", "WebP": "webp", "TIFF": "tiff"}
    for path, tags in exiftool(list(paths)).items():
        name = paths[path].name
        assert beyond(tags, formats[name.partition(",")[0]]), name


@needs_mat2
def test_mat2_sees_what_the_list_does_not_allow(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(with_chunk(saved(scene(8, 8), "png"), b"tEXt", b"Author\0Somebody"))
    tags = mat2([path])[path]
    assert tags is not None
    assert beyond_mat2(tags, "png") == ["Author = Somebody"]


@needs_mat2
def test_a_file_of_which_mat2_says_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="missing"):
        mat2([tmp_path / "missing.png"])


def test_a_pinned_value_is_held() -> None:
    assert beyond({"QuickTime:CreateDate": "0000:00:00 00:00:00"}, "avif") == []
    assert beyond({"QuickTime:CreateDate": "2024:05:01 10:00:00"}, "avif") == [
        "QuickTime:CreateDate = 2024:05:01 10:00:00"
    ]
    assert beyond({"JFIF:XResolution": 300}, "jpeg") == ["JFIF:XResolution = 300"]
    assert beyond({"JFIF:XResolution": 1}, "png") == ["JFIF:XResolution = 1"]
    assert beyond_mat2({"ProfileDescription": "Mine"}, "jpeg") == ["ProfileDescription = Mine"]


def test_every_group_says_why_and_speaks_of_known_formats() -> None:
    for group in groups():
        assert set(group) <= {"why", "formats", "exiftool", "mat2", "values"}
        assert group["why"].endswith(".")
        assert set(group["formats"]) <= set(MEDIA_TYPES)
