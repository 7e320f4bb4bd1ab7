"""Zip archives: the same entries out, whatever the archive looks like, and nothing that was not asked for."""

import io
import shutil
import struct
import subprocess
import zipfile

import pytest

from anonymizer import shards
from anonymizer.errors import ScrubCheckFailed, ShardDamaged, ShardEncrypted
from anonymizer.shards.samples import Member
from anonymizer.shards.zipped import write
from tests.shards.making import MARK, Safe, jpeg, png, rewritten, zipped

ENTRIES = [("d/a.jpg", jpeg(1)), ("d/a.txt", b"a caption"), ("b.png", png(2)), ("ä.jpg", jpeg(3))]


def entries(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_same_entries_in_the_same_order(method):
    data, report = rewritten(zipped(ENTRIES, compression=method), keep=("txt",))
    assert entries(data) == ENTRIES
    assert (report.samples_in, report.samples_out, report.pictures_in, report.pictures_out) == (3, 3, 3, 3)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        stored = method == zipfile.ZIP_STORED
        assert {info.compress_type == zipfile.ZIP_STORED for info in archive.infolist()} == {stored}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_comments_extra_fields_and_times_are_gone():
    info = zipfile.ZipInfo("a.jpg", (2024, 5, 6, 7, 8, 10))
    info.extra, info.comment = struct.pack("<2H", 0x7075, len(MARK)) + MARK, MARK
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.comment = MARK
        archive.writestr(info, jpeg(1))
    assert target.getvalue().count(MARK) >= 3
    data, _ = rewritten(target.getvalue())
    assert MARK not in data
    assert entries(data) == [("a.jpg", jpeg(1))]


def info_of(name: str, mode: int = 0, **changes) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    for field, value in changes.items():
        setattr(info, field, value)
    return info


def streamed(pairs) -> bytes:
    """An archive whose sizes follow the entries, as a writer that cannot seek makes it."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, data in pairs:
            archive.writestr(name, data)
    return bytes(pipe.data)


def gap(data: bytes) -> bytes:
    """Puts something between the entries and the directory, to which nothing points."""
    place = data.index(b"PK\x01\x02")
    end = bytearray(data[place:])
    offset = len(end) - 22 + 16
    end[offset : offset + 4] = (place + len(MARK)).to_bytes(4, "little")
    return data[:place] + MARK + bytes(end)


MANY = [
    ("two entries of one name", [("a.jpg", jpeg(1)), ("a.jpg", jpeg(2))], ["a.jpg", "a.jpg"], {}),
    ("a folder", [("d/", b""), ("d/a.jpg", jpeg(1))], ["d/a.jpg"], {}),
    ("a link", [(info_of("l.jpg", 0o120777), b"/etc/passwd"), ("a.jpg", jpeg(1))], ["a.jpg"], {}),
    ("a name that leaves the folder", [("../a.jpg", jpeg(1)), ("b.jpg", jpeg(2))], ["b.jpg"],
     {"../a.jpg": "shard_member"}),
    ("a name that leaves it on Windows", [(info_of("..\\a.jpg", orig_filename="..\\a.jpg"), jpeg(1))], [],
     {"..\\a.jpg": "shard_member"}),
    ("an absolute name", [("/a.jpg", jpeg(1))], [], {"/a.jpg": "shard_member"}),
    ("an empty picture", [("a.jpg", b""), ("b.jpg", jpeg(1))], ["b.jpg"], {"a.jpg": "empty"}),
    ("a picture without a suffix", [("a", jpeg(1))], ["a"], {}),
    ("an archive inside", [("a.zip", zipped([("i.jpg", jpeg(1))])), ("b.jpg", jpeg(1))], ["b.jpg"], {}),
    ("a bomb", [("a.jpg", bytes(2**20 + 1)), ("b.jpg", jpeg(1))], ["b.jpg"], {"a.jpg": "too_large"}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("given", "names", "errors"), [case[1:] for case in MANY], ids=[case[0] for case in MANY])
def test_archives_that_readers_read_differently(given, names, errors):
    make = Safe()
    data, _ = rewritten(zipped(given, compression=zipfile.ZIP_DEFLATED), make)
    assert [name for name, _ in entries(data)] == names
    assert make.errors == errors


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_both_of_two_entries_of_one_name_are_redacted():
    data, _ = rewritten(zipped([("a.jpg", jpeg(1)), ("a.jpg", jpeg(2))]))
    assert [content for _, content in entries(data)] == [jpeg(1), jpeg(2)]


def test_sizes_behind_the_entries():
    data, _ = rewritten(streamed(ENTRIES), keep=("txt",))
    assert entries(data) == ENTRIES


def test_what_no_entry_names_is_gone():
    data, _ = rewritten(gap(zipped([("a.jpg", jpeg(1))])))
    assert MARK not in data


def patched(data: bytes, magic: bytes, offset: int, value: bytes) -> bytes:
    place = data.index(magic) + offset
    return data[:place] + value + data[place + len(value) :]


ONE = zipped([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2))])
DAMAGED = {
    "cut short": ONE[:-30],
    "another name in front": patched(ONE, b"PK\x03\x04", 30, b"c.jpg"),
    "another size in front": patched(ONE, b"PK\x03\x04", 22, b"\1\0\0\0"),
    "a wrong checksum": patched(ONE, jpeg(1)[:40], 30, b"\0\0\0\0"),
    "entries that overlap": patched(ONE, b"PK\x01\x02", 20, (len(jpeg(1)) + 500).to_bytes(4, "little")),
    "an unknown compression": patched(patched(ONE, b"PK\x01\x02", 10, b"\x63\0"), b"PK\x03\x04", 8, b"\x63\0"),
}


@pytest.mark.parametrize("data", [value for name, value in DAMAGED.items() if "unknown" not in name])
def test_damaged_archives_fail(data):
    with pytest.raises(ShardDamaged):
        rewritten(data)


def test_an_entry_of_an_unknown_compression_is_a_picture_that_fails():
    make = Safe()
    data, _ = rewritten(DAMAGED["an unknown compression"], make)
    assert make.errors == {"a.jpg": "shard_member"}
    assert [name for name, _ in entries(data)] == ["b.jpg"]


def test_an_encrypted_archive_fails():
    with pytest.raises(ShardEncrypted):
        rewritten(patched(ONE, b"PK\x01\x02", 8, b"\1\0"))


def test_more_than_65535_entries_need_zip64(monkeypatch):
    many = [(f"{number:06}.jpg", jpeg(number % 3)) for number in range(8)]
    monkeypatch.setattr(write, "MAX_16", 5)
    target = bytearray()
    writer = write.ZipWriter(target.extend)
    for name, data in many:
        writer.add(Member(name, data), data)
    writer.close()
    end = bytes(target)
    assert b"PK\x06\x06" in end
    assert b"PK\x06\x07" in end
    assert struct.unpack("<Q", end[end.index(b"PK\x06\x06") + 32 :][:8])[0] == 8


def test_other_readers_see_the_same(tmp_path):
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    data, _ = rewritten(zipped(ENTRIES), keep=("txt",))
    (tmp_path / "s.zip").write_bytes(data)
    subprocess.run(["unzip", "-q", "s.zip"], cwd=tmp_path, check=True)
    assert {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == {
        **dict(ENTRIES), "s.zip": data
    }  # fmt: skip


def test_documents_are_no_shards():
    for first in ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"):
        assert shards.kind_of(zipped([(first, b"x"), ("word/media/image1.jpg", jpeg(1))])) is None


GOOD, _ = rewritten(zipped(ENTRIES))
BAD = {
    "a time": patched(GOOD, b"PK\x03\x04", 10, b"\1"),
    "a comment": GOOD[:-2] + b"\4\0mark",
    "something behind": GOOD + b"x",
    "another content": patched(GOOD, jpeg(1)[:40], 30, b"\0\0\0\0"),
    "attributes": patched(GOOD, b"PK\x01\x02", 38, b"\1"),
    "no end": GOOD[:-22],
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_the_check_knows_what_no_output_has(data):
    with pytest.raises(ScrubCheckFailed):
        shards.check("zip", io.BytesIO(data))
