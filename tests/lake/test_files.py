import pytest

from anonymizer.errors import ConfigError
from anonymizer.lake.files import read_uri, write_uri


def test_what_was_written_is_read_and_no_lock_is_left(tmp_path):
    path = tmp_path / "report.html"
    write_uri(str(path), b"first")
    write_uri(str(path), b"second", private=True)
    assert read_uri(str(path), "the report") == b"second"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_wrong_is_said_in_one_line_without_secrets(tmp_path):
    with pytest.raises(ConfigError, match=r"^the registry .*absent\.csv cannot be read: "):
        read_uri(str(tmp_path / "absent.csv"), "the registry")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"file/x cannot be written: "):
        write_uri(str(tmp_path / "file" / "x"), b"")
