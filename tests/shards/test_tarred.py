"""Tar archives: the same members out, whatever the archive looks like, and nothing that was not asked for."""

import gzip
import io
import random
import shutil
import subprocess
import tarfile
import tracemalloc

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer import shards
from anonymizer.config import ShardsConfig
from anonymizer.errors import ScrubCheckFailed, ShardDamaged
from tests.shards.making import MARK, Safe, jpeg, names_of, png, rewritten, tar, zipped

SAMPLES = [
    (f"d/{number:03}.{field}", data)
    for number in range(4)
    for field, data in (
        ("jpg", jpeg(number)),
        ("json", b'{"caption": "a", "url": "http://x", "exif": {"a": 1}}'),
        ("cls", b"3"),
    )
]


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def header_changed(data: bytes, place: slice, value: bytes, block: int = 0) -> bytes:
    changed = bytearray(data)
    start = block * 512
    changed[start + place.start : start + place.stop] = value
    changed[start + 148 : start + 156] = b" " * 8
    total = sum(changed[start : start + 512])
    changed[start + 148 : start + 156] = b"%06o\0 " % total
    return bytes(changed)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_same_members_in_the_same_order_without_owner_and_time(form):
    data, report = rewritten(tar(SAMPLES, format=form), keep=("json", "cls"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = archive.getmembers()
        assert [member.name for member in found] == [name for name, _ in SAMPLES]
        content = {member.name: archive.extractfile(member) or io.BytesIO() for member in found}
        assert [content[name].read() for name in ("d/002.jpg", "d/002.json")] == [jpeg(2), b'{"caption": "a"}']
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in found} == {(0, 0, 0, "", "", 0o644)}
    assert not any(member.pax_headers for member in found)
    assert (report.samples_in, report.samples_out, report.pictures_in, report.pictures_out) == (4, 4, 4, 4)
    assert b"alice" not in data


def test_nothing_passes_that_is_not_named():
    data, report = rewritten(tar([*SAMPLES, ("d/003.txt", MARK), ("d/003.npy", b"\x93NUMPY" + MARK)]))
    assert names_of(data) == [name for name, _ in SAMPLES if name.endswith("jpg")]
    assert report.left_out == {"json": 4, "cls": 4, "txt": 1, "archive, table, document or video": 1}
    assert MARK not in data


def test_equal_content_gives_equal_bytes():
    first, _ = rewritten(tar(SAMPLES, format=tarfile.PAX_FORMAT))
    assert first == rewritten(tar(SAMPLES, format=tarfile.USTAR_FORMAT))[0]


def test_a_picture_that_fails_takes_its_sample_along():
    make = Safe("d/001.jpg")
    data, report = rewritten(tar(SAMPLES), make, keep=("json", "cls"))
    assert not any("001" in name for name in names_of(data))
    assert report.dropped == {1}
    assert (report.samples_in, report.samples_out, report.pictures_out) == (4, 3, 3)


@pytest.mark.parametrize(
    ("compress", "kind"),
    [(gzip.compress, "tar+gzip"), (lambda data: pa.compress(data, "zstd", asbytes=True), "tar+zstd")],
)
def test_compressed_archives_stay_compressed(compress, kind):
    data = compress(tar(SAMPLES))
    assert shards.kind_of(data) == kind
    new, _ = rewritten(data)
    assert shards.kind_of(new) == kind
    assert [entry.name for entry in shards.pictures(kind, io.BytesIO(new))] == [n for n, _ in SAMPLES if "jpg" in n]
    assert b"alice" not in new


def cut(data: bytes, number: int) -> bytes:
    return data[:-number]


SPARSE = header_changed(tar([("a.jpg", jpeg(1))], format=tarfile.GNU_FORMAT), slice(156, 157), b"S")
MANY = [
    # what, archive, names of pictures, names in the output, codes of errors
    ("interleaved samples", tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2)), ("a.png", png(3))]),
     ["a.jpg", "b.jpg", "a.png"], ["a.jpg", "b.jpg", "a.png"], {}),
    ("a member that was replaced by tar -r", tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2)), ("a.jpg", jpeg(3))]),
     ["a.jpg", "b.jpg", "a.jpg"], ["a.jpg", "b.jpg", "a.jpg"], {}),
    ("two archives one behind the other", tar([("a.jpg", jpeg(1))]) + tar([("b.jpg", jpeg(2))]),
     ["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"], {}),
    ("a hard link", tar([("a.jpg", jpeg(1)), special("b.jpg", tarfile.LNKTYPE, "a.jpg")]), ["a.jpg"], ["a.jpg"], {}),
    ("a symbolic link", tar([special("b.jpg", tarfile.SYMTYPE, "/etc/passwd"), ("a.jpg", jpeg(1))]),
     ["a.jpg"], ["a.jpg"], {}),
    ("a device", tar([special("b.jpg", tarfile.CHRTYPE), ("a.jpg", jpeg(1))]), ["a.jpg"], ["a.jpg"], {}),
    ("a folder", tar([special("d", tarfile.DIRTYPE), ("d/a.jpg", jpeg(1))]), ["d/a.jpg"], ["d/a.jpg"], {}),
    ("a sparse member", SPARSE, ["a.jpg"], [], {"a.jpg": "shard_member"}),
    ("a member of an unknown kind", header_changed(tar([("a.jpg", jpeg(1))]), slice(156, 157), b"Q"),
     ["a.jpg"], [], {"a.jpg": "shard_member"}),
    ("a name that leaves the folder", tar([("../a.jpg", jpeg(1)), ("b.jpg", jpeg(2))]),
     ["../a.jpg", "b.jpg"], ["b.jpg"], {"../a.jpg": "shard_member"}),
    ("an absolute name", tar([("/a.jpg", jpeg(1)), ("b.jpg", jpeg(2))]),
     ["/a.jpg", "b.jpg"], ["b.jpg"], {"/a.jpg": "shard_member"}),
    ("dots and folders", tar([("./a.b/c.d.jpg", jpeg(1)), ("./a.b/.hidden", jpeg(2)), ("x", jpeg(3))]),
     ["./a.b/c.d.jpg", "./a.b/.hidden", "x"], ["./a.b/c.d.jpg", "./a.b/.hidden", "x"], {}),
    ("a picture with the suffix of a text", tar([("a.txt", jpeg(1))]), ["a.txt"], ["a.txt"], {}),
    ("a long name of GNU", tar([("d/" * 140 + "a.jpg", jpeg(1))], format=tarfile.GNU_FORMAT),
     ["d/" * 140 + "a.jpg"], ["d/" * 140 + "a.jpg"], {}),
    ("a long name of pax", tar([("n" * 300 + ".jpg", jpeg(1))], format=tarfile.PAX_FORMAT),
     ["n" * 300 + ".jpg"], ["n" * 300 + ".jpg"], {}),
    ("a name that is not ASCII", tar([("ä/ö.jpg", jpeg(1))], format=tarfile.GNU_FORMAT), ["ä/ö.jpg"], ["ä/ö.jpg"], {}),
    ("a name that is no text", tar([("\udcff.jpg", jpeg(1))], format=tarfile.GNU_FORMAT, errors="surrogateescape"),
     ["\udcff.jpg"], ["\udcff.jpg"], {}),
    ("an empty member with a picture's name", tar([("a.jpg", b""), ("b.jpg", jpeg(1))]),
     ["a.jpg", "b.jpg"], ["b.jpg"], {"a.jpg": "empty"}),
    ("a member that is too large", tar([("a.jpg", bytes(2**20 + 1)), ("b.jpg", jpeg(1))]),
     ["a.jpg", "b.jpg"], ["b.jpg"], {"a.jpg": "too_large"}),
    ("an archive inside", tar([("a.tar", tar([("i.jpg", jpeg(1))])), ("b.jpg", jpeg(1))]), ["b.jpg"], ["b.jpg"], {}),
    ("a zip inside", tar([("a.zip", zipped([("i.jpg", jpeg(1))])), ("b.jpg", jpeg(1))]), ["b.jpg"], ["b.jpg"], {}),
    ("marks in pax records",
     tar([("a.jpg", jpeg(1))], format=tarfile.PAX_FORMAT, pax_headers={"comment": MARK.decode()}),
     ["a.jpg"], ["a.jpg"], {}),
    ("gzip of several members", gzip.compress(tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2))])[:700])
     + gzip.compress(tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2))])[700:]), ["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"], {}),
]  # fmt: skip


@pytest.mark.parametrize(("archive", "made", "names", "errors"), [case[1:] for case in MANY], ids=[c[0] for c in MANY])
def test_archives_that_readers_read_differently(archive, made, names, errors):
    make = Safe()
    data, _ = rewritten(archive, make)
    assert make.made == made
    assert make.errors == errors
    if shards.kind_of(data) == "tar":
        with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as plain:
            assert [member.name for member in plain] == names
            assert all(member.isreg() for member in plain)
    assert MARK not in data


WHOLE = tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2))])
DAMAGED = {
    "cut in a member": WHOLE[:600],
    "cut in a header": WHOLE[:512 + 1024 + 100],
    "cut between members": WHOLE[:512 + 1024],
    "no end mark": WHOLE.rstrip(b"\0") + bytes(-len(WHOLE.rstrip(b"\0")) % 512),
    "a wrong checksum": WHOLE[:512 + 1024] + b"x" + WHOLE[512 + 1025:],
    "a negative size": header_changed(WHOLE, slice(124, 136), b"\xff" * 12),
    "gzip cut short": gzip.compress(WHOLE)[:-10],
    "gzip with something behind": gzip.compress(WHOLE) + b"secret",
    "zstd cut short": pa.compress(tar([("a", random.Random(1).randbytes(2**19))]), "zstd", asbytes=True)[:-3],
    "a global name": tar([("a.jpg", jpeg(1))], format=tarfile.PAX_FORMAT, pax_headers={"path": "b.jpg"}),
}  # fmt: skip


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_archives_fail(data):
    with pytest.raises(ShardDamaged):
        rewritten(data)


def test_a_sample_that_fails_late_is_left_out_from_the_start():
    archive = tar([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2)), ("a.png", png(3)), ("a.txt", b"x")])
    data, report = rewritten(archive, Safe("a.png"), keep=("txt",))
    assert names_of(data) == ["b.jpg"]
    assert report.dropped == {0, 2}


@pytest.mark.parametrize("command", ["tar", "bsdtar"])
def test_other_readers_see_the_same(command, tmp_path):
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")
    data, _ = rewritten(tar([(f"{'ä' * 80}/{number}.jpg", jpeg(number)) for number in range(3)]))
    (tmp_path / "s.tar").write_bytes(data)
    subprocess.run([command, "-xf", "s.tar"], cwd=tmp_path, check=True)
    assert [(tmp_path / ("ä" * 80) / f"{number}.jpg").read_bytes() for number in range(3)] == [*map(jpeg, range(3))]


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=300)


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, st.integers(0, 9)), max_size=5))
def test_every_name_comes_out_to_the_letter(members):
    archive = tar([(name, jpeg(number)) for name, number in members], format=tarfile.PAX_FORMAT)
    if shards.kind_of(archive) is None:
        return
    make = Safe()
    data, _ = rewritten(archive, make)
    written = [name for name in make.made if name not in make.errors]
    assert [entry.name for entry in shards.pictures("tar", io.BytesIO(data))] == written


def test_memory_does_not_grow_with_the_archive():
    members = [tar([(name, jpeg(1) + bytes(200_000))]) for name in ("a.jpg", "b.jpg")]
    two = [member[: 512 + -(-(200_000 + len(jpeg(1))) // 512) * 512] for member in members]

    class Endless(io.BufferedIOBase):
        """An archive of many members that is made while it is read."""

        def __init__(self, members: int) -> None:
            self.left, self.held = members, b""

        def read(self, size: int | None = -1, /) -> bytes:
            while len(self.held) < (size or 0) and self.left >= 0:
                self.held += two[self.left % 2] if self.left else bytes(1024)
                self.left -= 1
            piece, self.held = self.held[:size], self.held[size:]
            return piece

    def peak(members: int) -> int:
        tracemalloc.start()
        shards.rewrite("tar", Endless(members), lambda _: None, lambda entry: entry.data, ShardsConfig())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(400) < 1.3 * peak(20)


GOOD, _ = rewritten(tar([("a.jpg", jpeg(1)), ("n" * 200, jpeg(2))]))
BAD = {
    "an owner": header_changed(GOOD, slice(108, 116), b"0000765\0"),
    "a time": header_changed(GOOD, slice(136, 148), b"14000000000\0"),
    "a name of an owner": header_changed(GOOD, slice(265, 270), b"alice"),
    "a link": header_changed(GOOD, slice(156, 157), b"2"),
    "something behind the name": header_changed(GOOD, slice(50, 54), b"mark"),
    "something behind the member": GOOD[: 512 + len(jpeg(1))] + b"x" + GOOD[512 + len(jpeg(1)) + 1 :],
    "something behind the end": GOOD[:-1] + b"x",
    "no end": GOOD[:1024],
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_the_check_knows_what_no_output_has(data):
    with pytest.raises(ScrubCheckFailed):
        shards.check("tar", io.BytesIO(data))
