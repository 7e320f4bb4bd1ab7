"""Who may open what we write on a disk."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer.lake.storage import Root, is_open_to_others, open_root
from anonymizer.lake.storage.local import rights

ACL = "system.posix_acl_access"
HANDED_DOWN = "system.posix_acl_default"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    previous = os.umask(0o022)
    yield
    os.umask(previous)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lake"
    made.mkdir()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def overwrite(root: Root, key: str) -> None:
    root.publish(key, b"new", expected=root.version(key), media_type="image/png", check=lambda: None)


def acl(owner: int, user: tuple[int, int] | None, group: int, mask: int, everybody: int) -> bytes:
    """A POSIX ACL as the kernel has it (linux/posix_acl_xattr.h): version, then (tag, permissions, id) each."""
    nobody = 0xFFFFFFFF
    named = [(0x02, user[1], user[0])] if user is not None else []
    entries = [(0x01, owner, nobody), *named, (0x04, group, nobody), (0x10, mask, nobody), (0x20, everybody, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def set_acl(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except (OSError, AttributeError):
        pytest.skip("no POSIX ACLs here")


class TestPrivate:
    def test_files_and_folders_are_for_their_owner(self, tmp_path: Path):
        root = open_root(str(tmp_path / "up" / "kept"), private=True)
        root.put("a", b"1")
        root.create("d/e/b", b"1")
        overwrite(root, "d/c")
        made = sorted((tmp_path / "up" / "kept").rglob("*"))
        assert {mode(path) for path in made if path.is_dir()} == {0o700}
        assert {mode(path) for path in made if path.is_file()} == {0o600}
        assert mode(tmp_path / "up" / "kept") == 0o700
        assert mode(tmp_path / "up" / ".kept.anon-lock") == 0o600
        # What lies above may hold things for others too, OUTPUT for one.
        assert mode(tmp_path / "up") == 0o755

    def test_what_is_overwritten_becomes_private(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        open_root(str(folder), private=True).put("a", b"new")
        assert mode(folder / "a") == 0o600

    def test_else_the_umask_decides(self, tmp_path: Path):
        open_root(str(tmp_path / "out")).put("d/a", b"1")
        assert [mode(tmp_path / "out" / name) for name in ("", "d", "d/a")] == [0o755, 0o755, 0o644]

    def test_a_folder_of_before_is_closed(self, folder: Path, caplog: pytest.LogCaptureFixture):
        folder.chmod(0o2755)
        with caplog.at_level("INFO", "anonymizer"):
            open_root(str(folder)).tighten()
            assert mode(folder) == 0o2755
            open_root(str(folder), private=True).tighten()
            assert mode(folder) == 0o2700
            open_root(str(folder), private=True).tighten()
            open_root(str(folder / "absent"), private=True).tighten()
        assert len(caplog.records) == 1

    @ROOT
    def test_somebody_elses_folder_is_left(self, folder: Path):
        os.chown(folder, 1234, 1234)
        open_root(str(folder), private=True).tighten()
        assert mode(folder) == 0o755

    def test_whether_a_folder_is_open(self, folder: Path):
        assert is_open_to_others(str(folder))
        folder.chmod(0o710)
        assert is_open_to_others(str(folder))
        folder.chmod(0o700)
        assert not any(map(is_open_to_others, (str(folder), str(folder / "absent"), "s3://b/a")))


class TestReplaced:
    @pytest.mark.parametrize("given", [0o600, 0o640, 0o644, 0o666, 0o777, 0o400, 0o000])
    def test_the_mode_stays(self, folder: Path, given: int):
        (folder / "a").write_bytes(b"old")
        (folder / "a").chmod(given)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert mode(folder / "a") == given

    def test_bits_that_are_no_rights_go(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        (folder / "a").chmod(0o6755)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert mode(folder / "a") == 0o755

    def test_what_replaces_nothing_is_private(self, folder: Path):
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert mode(folder / "a") == 0o600

    def test_nobody_may_open_the_temporary(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        (folder / "a").write_bytes(b"old")
        seen: list[int] = []
        synced = os.fsync

        def look(descriptor: int) -> None:
            seen.extend(mode(path) for path in folder.iterdir() if path.name.endswith(".tmp"))
            synced(descriptor)

        monkeypatch.setattr(os, "fsync", look)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        open_root(str(folder), private=True).put("b", b"1")
        assert seen == [0o600, 0o600]

    @ROOT
    def test_the_owner_stays(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        os.chown(folder / "a", 1234, 2345)
        (folder / "a").chmod(0o640)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        status = (folder / "a").stat()
        assert (status.st_uid, status.st_gid, mode(folder / "a")) == (1234, 2345, 0o640)

    @ROOT
    @pytest.mark.parametrize(("given", "left"), [(0o664, 0o644), (0o640, 0o600), (0o675, 0o655), (0o604, 0o604)])
    def test_another_group_gets_what_everybody_had(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, given: int, left: int
    ):
        (folder / "a").write_bytes(b"old")
        os.chown(folder / "a", 1234, 2345)
        (folder / "a").chmod(given)

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "fchown", refuse)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert mode(folder / "a") == left

    def test_the_acl_stays(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        given = acl(6, (1234, 4), 0, 4, 0)
        set_acl(folder / "a", ACL, given)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert (folder / "a").read_bytes() == b"new"
        assert (os.getxattr(folder / "a", ACL), mode(folder / "a")) == (given, 0o640)

    def test_an_acl_that_cannot_be_kept_gives_the_group_nothing(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        (folder / "a").write_bytes(b"old")
        set_acl(folder / "a", ACL, acl(6, (1234, 4), 0, 4, 0))

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "setxattr", refuse)
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert mode(folder / "a") == 0o600

    def test_a_folder_hands_no_acl_down(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        (folder / "a").chmod(0o640)
        set_acl(folder, HANDED_DOWN, acl(7, (1234, 4), 5, 5, 0))
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert (ACL in os.listxattr(folder / "a"), mode(folder / "a")) == (False, 0o640)
        open_root(str(folder), private=True).put("b", b"1")
        # Its mask is that of the group: empty.
        assert mode(folder / "b") == 0o600

    def test_other_attributes_are_metadata(self, folder: Path):
        (folder / "a").write_bytes(b"old")
        set_acl(folder / "a", "user.xdg.origin.url", b"MARKER")
        overwrite(open_root(str(folder), keeps_rights=True), "a")
        assert os.listxattr(folder / "a") == []

    def test_a_name_that_is_free_by_now(self, folder: Path):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            rights.keep_rights(descriptor, "absent", descriptor)
        finally:
            os.close(descriptor)
        assert mode(folder) == 0o755
