"""Files of a local folder, reached part by part from its root so that no link below it is ever followed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from anonymizer.errors import KeyCollision, NotARegularFile, OutputLost, SourceChanged, UnsafeKey
from anonymizer.lake.storage.keys import mark_content, mark_name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO waits for its writer.
_SOURCE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_regular(status: os.stat_result) -> bool:
    """Whether it is a plain file."""
    return stat.S_ISREG(status.st_mode)


def file_version(status: os.stat_result) -> str:
    """Digest of inode, size and time of change: another file, or another content, has another one."""
    identity = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()


@contextmanager
def parent_folder(
    root: str, key: str, *, create: int | None = None, mark: str | None = None
) -> Iterator[tuple[int, str]]:
    """Opens the folder of a key.

    Args:
        root: Path of the root.
        key: Below it.
        create: Missing folders on the way are made, with this mode less the umask.
        mark: Id whose mark the root has to bear. It is asked of the folder that was opened: what is done there is done
            in OUTPUT, whatever is mounted in its place meanwhile.

    Yields:
        (descriptor of the folder, file name).

    Raises:
        NotARegularFile, UnsafeKey: A part of the way is a link (when reading, when creating).
        KeyCollision: A part of the way is a file (when creating).
        OutputLost: The root does not bear the mark.
        OSError: Anything else.
    """
    *folders, name = key.split("/")
    folder = _open_root(root, mark)
    try:
        for part in folders:
            inner = _enter(folder, part, create)
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def _open_root(root: str, mark: str | None) -> int:
    if mark is None:
        return os.open(root, _FOLDER)
    lost = OutputLost(f"{root} has lost its mark while the run was at work: is its disk mounted?")
    try:
        folder = os.open(root, _FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        raise lost from None
    try:
        if not _bears(folder, mark):
            raise lost
    except BaseException:
        os.close(folder)
        raise
    return folder


def _bears(folder: int, mark: str) -> bool:
    try:
        return read_file(folder, mark_name(mark), None)[0] == mark_content(mark)
    except (FileNotFoundError, NotARegularFile, SourceChanged):
        return False


def _enter(folder: int, part: str, create: int | None) -> int:
    try:
        if create is not None:
            with suppress(FileExistsError):
                os.mkdir(part, create, dir_fd=folder)
        return os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as error:
        if _is_link(folder, part):
            raise (NotARegularFile if create is None else UnsafeKey)(part) from None
        if create is not None and isinstance(error, NotADirectoryError):
            raise KeyCollision(part) from None
        raise


def _is_link(folder: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def current_version(folder: int, name: str, *, replacing: bool = False) -> str | None:
    """The version of a file; None without one. A folder is none, but it cannot be replaced either.

    Raises:
        NotARegularFile: It is a link or a special file.
        KeyCollision: It is a folder and was to be replaced.
    """
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    if is_regular(status):
        return file_version(status)
    if not stat.S_ISDIR(status.st_mode):
        raise NotARegularFile(name)
    if replacing:
        raise KeyCollision(name)
    return None


def read_file(folder: int, name: str, expected: str | None) -> tuple[bytes, str]:
    """(bytes, version) of a regular file that did not change while it was read.

    Raises:
        SourceChanged: It did, or it is not the expected version.
        NotARegularFile: It is something else.
    """
    descriptor, version = open_file(folder, name, expected)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        data = file.read()
        if len(data) != size or file_version(os.fstat(descriptor)) != version:
            raise SourceChanged(name)
        return data, version


def open_file(folder: int, name: str, expected: str | None) -> tuple[int, str]:
    """(descriptor, version) of a regular file, open for reading; the caller closes it.

    Raises:
        SourceChanged: It is not the expected version.
        NotARegularFile: It is something else.
    """
    descriptor = os.open(name, _SOURCE, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not is_regular(status):
            raise NotARegularFile(name)
        version = file_version(status)
        if expected not in (None, version):
            raise SourceChanged(name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, version


@contextmanager
def new_file(folder: int, name: str, mode: int) -> Iterator[BinaryIO]:
    """Makes a new file, never wider than `mode` less the umask; at the end it is gone unless it has another name.

    Yields:
        The file, to be written: whoever may write into the folder could put another file under the name.
    """
    try:
        with os.fdopen(os.open(name, _NEW, mode, dir_fd=folder), "wb") as file:
            yield file
    finally:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
