"""What only a local disk does: links, special files, odd names, full disks."""

from __future__ import annotations

import errno
import inspect
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anonymizer.errors import (
    AccessDenied,
    ConfigError,
    KeyCollision,
    ListingError,
    NameNotHeld,
    NotARegularFile,
    OutputLost,
    PublishConflict,
    SourceChanged,
    SourceGone,
    StorageUnavailable,
    UnsafeKey,
)
from anonymizer.lake.storage import Irregular, Root, open_input, open_root
from anonymizer.lake.storage.keys import mark_name
from anonymizer.records import ImageRef


def check() -> None:
    """The deadline is far."""


def publish(root: Root, key: str, data: bytes, expected: str | None = None) -> str:
    return root.publish(key, data, expected=expected, media_type="image/jpeg", check=check)


def listed(root: Root) -> dict[str, object]:
    return {item.key: item.error if isinstance(item, Irregular) else None for item in root.list()}


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _is_utf8(name: bytes) -> bool:
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lake"
    made.mkdir()
    return made


class TestIrregular:
    def test_links_are_reported_and_not_followed(self, folder: Path, tmp_path: Path):
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "a.jpg").write_bytes(b"1")
        (folder / "file").symlink_to(secret / "a.jpg")
        (folder / "folder").symlink_to(secret)
        (folder / "broken").symlink_to("nowhere")
        root = open_root(str(folder))
        assert listed(root) == dict.fromkeys(["broken", "file", "folder"], NotARegularFile)
        for key in ("file", "folder/a.jpg", "folder", "broken"):
            with pytest.raises(NotARegularFile):
                root.read(ImageRef(key, "", "0", 1, None))

    def test_special_files_are_reported_and_do_not_block(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        os.mkfifo(folder / "fifo")
        monkeypatch.chdir(folder)
        with socket.socket(socket.AF_UNIX) as listener:
            # A relative name: socket paths are short.
            listener.bind("socket")
            root = open_root(str(folder))
            assert listed(root) == dict.fromkeys(["fifo", "socket"], NotARegularFile)
            for key in ("fifo", "socket"):
                with pytest.raises(NotARegularFile):
                    root.read(ImageRef(key, "", "0", 1, None))
                with pytest.raises(NotARegularFile):
                    publish(root, key, b"1")

    @pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold only UTF-8")
    def test_names_that_are_no_utf8_are_reported(self, folder: Path):
        for name in (b"a\xff.jpg", b"d\xe4/in.jpg", b"z.jpg"):
            path = folder / os.fsdecode(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"1")
        found = list(open_root(str(folder)).list())
        assert [item.key for item in found] == ["./a\\xff.jpg", "./d\\xe4/in.jpg", "z.jpg"]
        assert [isinstance(item, Irregular) for item in found] == [True, True, False]
        assert isinstance(found[0], Irregular)
        assert found[0].error is UnsafeKey
        assert found[0].uri.encode()

    @pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold only UTF-8")
    @pytest.mark.parametrize(
        "names",
        [
            (b"a\xff.jpg", b"a\\xff.jpg"),
            (b"\xff\\xfe", b"\\xff\xfe"),
            (b"\\\xff", b"\\\\xff", b"\\\\\xff"),
            (b"\xff/\\xff", b"\\xff/\xff", b"\xff/\xff", b"\\xff/\\xff"),
            (b".a\xff", b"-\xff", b".-", b".0", b"-", b"\xff", b"a"),
        ],
    )
    def test_no_two_files_share_a_key(self, folder: Path, names: tuple[bytes, ...]):
        for name in names:
            path = folder / os.fsdecode(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"1")
        root = open_root(str(folder))
        found = list(root.list())
        keys = [item.key for item in found]
        assert keys == sorted(set(keys))
        assert len(keys) == len(names)
        valid = sorted(os.fsdecode(name) for name in names if _is_utf8(name))
        assert [item.key for item in found if isinstance(item, ImageRef)] == valid
        for key in keys:
            assert [item.key for item in root.list(key)] == keys[keys.index(key) + 1 :]

    def test_a_linked_root_is_what_the_user_asked_for(self, folder: Path, tmp_path: Path):
        (folder / "a").write_bytes(b"1")
        (tmp_path / "link").symlink_to(folder)
        root = open_input(str(tmp_path / "link"))
        assert listed(root) == {"a": None}
        assert root.get("a") == b"1"

    def test_a_linked_or_special_single_file_is_reported(self, folder: Path):
        (folder / "a").write_bytes(b"1")
        (folder / "link").symlink_to("a")
        os.mkfifo(folder / "fifo")
        for name in ("link", "fifo"):
            assert listed(open_input(str(folder / name))) == {name: NotARegularFile}

    def test_a_root_that_is_a_file(self, folder: Path):
        (folder / "a").write_bytes(b"1")
        with pytest.raises(ListingError, match="cannot be read"):
            list(open_root(str(folder / "a")).list())


class TestWalk:
    def test_deeper_than_the_recursion_limit(self, folder: Path):
        depth, path = 400, str(folder)
        for _ in range(depth):
            path += "/d"
            Path(path).mkdir()
        Path(path, "a").write_bytes(b"1")
        root, limit = open_root(str(folder)), sys.getrecursionlimit()
        sys.setrecursionlimit(len(inspect.stack()) + 200)
        try:
            keys = list(root.names())
        finally:
            sys.setrecursionlimit(limit)
        assert keys == ["d/" * depth + "a"]

    def test_what_vanishes_meanwhile_is_left_out(self, folder: Path):
        for name in ("a", "b", "c/d", "e"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"1")
        listing = open_root(str(folder)).list()
        assert next(listing).key == "a"
        (folder / "b").unlink()
        (folder / "c/d").unlink()
        (folder / "c").rmdir()
        assert [item.key for item in listing] == ["e"]

    def test_streams(self, folder: Path):
        for name in ("a/1", "b/1"):
            (folder / name).parent.mkdir()
            (folder / name).write_bytes(b"1")
        listing = open_root(str(folder)).list()
        assert next(listing).key == "a/1"
        (folder / "b/0").write_bytes(b"1")
        assert [item.key for item in listing] == ["b/0", "b/1"]

    @pytest.mark.parametrize("errno_", [errno.EACCES, errno.EIO])
    def test_a_folder_that_cannot_be_listed_ends_the_listing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, errno_: int
    ):
        # Permissions do not hold for root, who runs tests in containers.
        (folder / "locked").mkdir()
        scandir = os.scandir

        def refuse(path: bytes) -> object:
            if path.endswith(b"locked"):
                raise OSError(errno_, "hunter2")
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(ListingError, match=r"lake: the folder 'locked/' cannot be listed") as caught:
            list(open_root(str(folder)).list())
        assert "hunter2" not in str(caught.value)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
    def test_a_folder_without_permission(self, folder: Path):
        (folder / "locked").mkdir(mode=0)
        with pytest.raises(ListingError, match="no permission"):
            list(open_root(str(folder)).list())


class TestRead:
    def test_a_version_is_told_from_its_inode_size_and_time(self, folder: Path):
        path = folder / "a"
        path.write_bytes(b"1")
        root = open_root(str(folder))
        (ref,) = root.list()
        assert isinstance(ref, ImageRef)
        path.chmod(0o600)
        assert root.read(ref) == b"1"
        os.utime(path, ns=(0, 1))
        with pytest.raises(SourceChanged):
            root.read(ref)

    def test_a_file_that_changes_while_it_is_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        path = folder / "a"
        path.write_bytes(b"1" * 100)
        root = open_root(str(folder))
        (ref,) = root.list()
        assert isinstance(ref, ImageRef)
        fdopen = os.fdopen

        def disturb(*args: object, **settings: object) -> object:
            path.write_bytes(b"2" * 50)
            return fdopen(*args, **settings)  # type: ignore[call-overload]

        monkeypatch.setattr(os, "fdopen", disturb)
        with pytest.raises(SourceChanged):
            root.read(ref)

    def test_a_folder_that_became_a_file(self, folder: Path):
        (folder / "a").write_bytes(b"1")
        with pytest.raises(SourceGone):
            open_root(str(folder)).read(ImageRef("a/b", "", "0", 1, None))

    def test_no_descriptor_is_left_open(self, folder: Path):
        (folder / "d").mkdir()
        root = open_root(str(folder))
        before = len(list(Path("/dev/fd").iterdir()))
        for key in ("a/b", "d", "d/e"):
            with pytest.raises((SourceGone, NotARegularFile)):
                root.get(key)
        publish(root, "a/b/c", b"1")
        root.remove("a/b/c", expected=None)
        assert len(list(Path("/dev/fd").iterdir())) == before


class TestPublish:
    def test_nothing_but_the_file_is_left(self, folder: Path):
        root = open_root(str(folder))
        publish(root, "a/b.jpg", b"1")
        assert everything(folder) == ["a", "a/b.jpg"]
        assert everything(folder.parent) == [".lake.anon-lock", "lake", "lake/a", "lake/a/b.jpg"]

    def test_mode_follows_the_umask(self, folder: Path):
        previous = os.umask(0o027)
        try:
            publish(open_root(str(folder)), "a", b"1")
        finally:
            os.umask(previous)
        assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640

    def test_missing_roots_are_made(self, tmp_path: Path):
        publish(open_root(str(tmp_path / "x" / "y")), "a", b"1")
        assert everything(tmp_path) == ["x", "x/.y.anon-lock", "x/y", "x/y/a"]

    def test_a_refused_one_leaves_nothing(self, folder: Path):
        root = open_root(str(folder))
        publish(root, "a", b"1")
        with pytest.raises(PublishConflict):
            publish(root, "a", b"2")
        assert everything(folder) == ["a"]

    @pytest.mark.parametrize("where", ["fsync", "rename"])
    def test_a_full_disk_leaves_nothing_and_may_be_tried_again(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
    ):
        def full(*args: object, **settings: object) -> None:
            raise OSError(errno.ENOSPC, "full")

        root = open_root(str(folder))
        version = publish(root, "a", b"old")
        monkeypatch.setattr(os, where, full)
        with pytest.raises(StorageUnavailable) as caught:
            publish(root, "a", b"new", version)
        assert caught.value.retryable
        assert everything(folder) == ["a"]
        assert root.get("a") == b"old"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_disk_that_is_really_full(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        real = os.open

        def onto_a_full_disk(path: str, flags: int, *args: int, dir_fd: int | None = None) -> int:
            if str(path).endswith(".tmp"):
                return real("/dev/full", os.O_WRONLY)
            return real(path, flags, *args, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", onto_a_full_disk)
        with pytest.raises(StorageUnavailable):
            publish(open_root(str(folder)), "a", b"1" * 100_000)
        assert everything(folder) == []

    def test_read_only(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        def refuse(*args: object, **settings: object) -> None:
            raise OSError(errno.EROFS, "read-only")

        monkeypatch.setattr(os, "rename", refuse)
        with pytest.raises(AccessDenied):
            publish(open_root(str(folder)), "a", b"1")

    def test_never_through_a_link(self, folder: Path, tmp_path: Path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (folder / "d").symlink_to(outside)
        (folder / "f").symlink_to(outside / "f")
        root = open_root(str(folder))
        with pytest.raises(UnsafeKey):
            publish(root, "d/a", b"1")
        with pytest.raises(NotARegularFile):
            publish(root, "f", b"1")
        with pytest.raises(NotARegularFile):
            root.remove("f", expected=None)
        assert everything(outside) == []
        assert (folder / "f").is_symlink()

    def test_a_file_and_a_folder_of_one_name(self, folder: Path):
        root = open_root(str(folder))
        publish(root, "a", b"1")
        publish(root, "d/b", b"1")
        for key in ("a/b", "a/b/c", "d"):
            with pytest.raises(KeyCollision):
                publish(root, key, b"2")
        assert everything(folder) == ["a", "d", "d/b"]
        assert root.version("d") is None
        assert root.version("a/b") is None

    @pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "😀" * 63])
    def test_the_longest_names(self, folder: Path, name: str):
        root = open_root(str(folder))
        publish(root, name, b"1")
        assert list(root.names()) == [name]

    @pytest.mark.parametrize("key", ["n" * 256, "a//b", "/a", "a/"])
    def test_a_name_that_no_disk_takes(self, folder: Path, key: str):
        root = open_root(str(folder))
        with pytest.raises(NameNotHeld):
            publish(root, key, b"1")
        assert root.can_hold(key) is (len(key) > 9)
        assert everything(folder) == []

    @pytest.mark.parametrize("key", ["a//b", "/a", "a/"])
    def test_what_it_cannot_hold_does_not_stand_there(self, folder: Path, key: str):
        publish(open_root(str(folder)), "a/b", b"1")
        assert open_root(str(folder)).version(key) is None

    def test_eight_threads_make_folders_at_once(self, folder: Path):
        root = open_root(str(folder))
        keys = [f"a/b/{i % 2}/{i}" for i in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: publish(root, key, b"1"), keys))
        assert list(root.names()) == sorted(keys)

    def test_another_process_is_kept_out(self, folder: Path):
        script = (
            "import sys\nfrom anonymizer.errors import PublishConflict\nfrom anonymizer.lake.storage import open_root\n"
            "root, won = open_root(sys.argv[1]), 0\n"
            "for i in range(30):\n"
            "    won += root.create(f'{i}', sys.argv[2].encode())\n"
            "print(won)"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", script, str(folder), name], stdout=subprocess.PIPE, text=True)
            for name in ("a", "b")
        ]
        won = [int(process.communicate()[0]) for process in started]
        assert sum(won) == 30

    def test_another_lock_file(self, folder: Path, tmp_path: Path):
        lock = tmp_path / "locks" / "mine"
        publish(open_root(str(folder), {"lock_path": str(lock)}), "a", b"1")
        assert everything(tmp_path) == ["lake", "lake/a", "locks", "locks/mine"]

    def test_a_lock_file_that_cannot_be_used(self, folder: Path):
        (folder.parent / ".lake.anon-lock").mkdir()
        with pytest.raises(ConfigError, match="lock_path"):
            open_root(str(folder)).check_publishing()


def test_sweep_takes_only_old_temporaries(folder: Path):
    old, young = ".a.anon-0123456789abcdef.tmp", ".b.anon-0123456789abcdef.tmp"
    theirs = [mark_name("ab" * 16), ".c.anon-0c.tmp", ".d.anon-0123456789ABCDEF.tmp", "a.tmp"]
    for name in (f"d/{old}", young, *theirs):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"1")
    for name in (f"d/{old}", *theirs):
        os.utime(folder / name, (0, 0))
    assert open_root(str(folder)).sweep() == 1
    assert everything(folder) == sorted([young, *theirs, "d"])
    assert open_root(str(folder / "absent")).sweep() == 0


class TestMarked:
    """A root that has to bear its mark."""

    ID = "ab" * 16

    @pytest.fixture
    def root(self, folder: Path) -> Root:
        open_root(str(folder)).set_mark(self.ID)
        return open_root(str(folder), mark=self.ID)

    def test_everything_is_done_in_it(self, folder: Path, root: Root):
        publish(root, "d/a", b"1")
        assert (folder / "d/a").read_bytes() == b"1"
        root.remove("d/a", expected=root.version("d/a"))
        assert root.has_mark(self.ID)

    @pytest.mark.parametrize("there", ["folder", "file", "nothing", "other"])
    def test_nothing_is_done_in_its_place(self, folder: Path, root: Root, there: str):
        publish(root, "d/a", b"1")
        folder.rename(folder.with_name("away"))
        if there == "file":
            folder.write_bytes(b"")
        elif there != "nothing":
            folder.mkdir()
        if there == "other":
            open_root(str(folder)).set_mark("cd" * 16)
        before = everything(folder.parent)
        for act in (
            lambda: publish(root, "d/b", b"1"),
            lambda: root.remove("d/a", expected=None),
            lambda: root.purge("d/a"),
            lambda: root.version("d/a"),
            lambda: root.stat("d/a"),
            lambda: root.exists("d/a"),
        ):
            with pytest.raises(OutputLost, match="is its disk mounted"):
                act()
        assert not root.has_mark(self.ID)
        assert everything(folder.parent) == before

    def test_a_folder_that_goes_while_a_file_is_written_takes_it_along(self, folder: Path, root: Root):
        def gone() -> None:
            folder.rename(folder.with_name("away"))
            folder.mkdir()

        root.publish("d/a", b"1", expected=None, media_type="image/jpeg", check=gone)
        assert everything(folder) == []
        assert (folder.with_name("away") / "d/a").read_bytes() == b"1"


@pytest.mark.parametrize(("options", "put"), [({"endpoint_url": "x"}, {}), ({}, {"ACL": "private"})])
def test_options_that_a_disk_does_not_have(folder: Path, options: dict[str, str], put: dict[str, str]):
    with pytest.raises(ConfigError, match=r"endpoint_url|ACL"):
        open_root(str(folder), options, put=put)
