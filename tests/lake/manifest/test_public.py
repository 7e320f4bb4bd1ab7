import pyarrow.parquet as pq
import pytest

from anonymizer import cli
from anonymizer.errors import ConfigError
from anonymizer.lake.manifest import ManifestStore, write_public
from anonymizer.lake.manifest.schema import PUBLIC_COLUMNS
from anonymizer.lake.storage import open_root
from tests.lake.manifest.rows import FULL


@pytest.fixture
def manifest(tmp_path):
    made = ManifestStore(open_root(str(tmp_path / "out.manifest")))
    made.write_part("r1", "c", 1, [FULL])
    return made


def test_the_copy_has_the_rows_and_nothing_that_leads_to_a_person(manifest, tmp_path):
    target = tmp_path / "public.parquet"
    assert cli.main(["manifest", str(tmp_path / "out.manifest"), "--public", str(target)], {}) == 0
    table = pq.read_table(target)
    assert table.column_names == list(PUBLIC_COLUMNS)
    assert table["face_count"].to_pylist() == [FULL.face_count]
    assert FULL.key.encode() not in target.read_bytes()


def test_it_cannot_lie_in_the_manifest(manifest, tmp_path):
    with pytest.raises(ConfigError, match="cannot be inside the manifest's folder"):
        write_public(manifest, str(tmp_path / "out.manifest/public.parquet"))


def test_without_a_manifest_there_is_nothing_to_copy(tmp_path, capsys):
    assert cli.main(["manifest", str(tmp_path / "none"), "--public", str(tmp_path / "p.parquet")], {}) == 2
    assert "there is no manifest" in capsys.readouterr().err
    assert not (tmp_path / "p.parquet").exists()
