"""Who may open what on a disk: rights that a replaced file leaves to its successor, and folders that are ours alone.

Mode, owner, group and POSIX ACL are kept. Other extended attributes are not: programs write titles, origins and
ratings there, which is metadata. Set-user-id bits and the like are no rights to a photo and go.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ACL = "system.posix_acl_access"
_NO_ACL = (errno.ENODATA, errno.ENOTSUP, errno.EOPNOTSUPP)


def keep_rights(folder: int, name: str, new: int) -> None:
    """Gives a new file the rights of the one that it is about to replace; never more than that one's.

    Where group or ACL cannot be kept, the group gets no more than everybody had: it is another group. Where the owner
    cannot be kept (only root gives files away), the file is ours.

    Args:
        folder: Descriptor of the folder of both.
        name: Of the file that is replaced; without one nothing changes.
        new: Descriptor of the new one, which nobody but its owner can open so far.
    """
    try:
        old = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(old)
        kept = _keep_owner(status, new) and _keep_acl(old, new)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        # File systems without modes refuse; there the new file has the one mode that all have.
        with suppress(PermissionError):
            os.fchmod(new, mode if kept else _without_group(mode))
    finally:
        os.close(old)


def _without_group(mode: int) -> int:
    """The mode with as many rights for the group as for everybody."""
    return mode & (0o707 | (mode & 0o007) << 3)


def _keep_owner(status: os.stat_result, new: int) -> bool:
    """Whether the group could be kept."""
    for owner in (status.st_uid, -1):
        with suppress(OSError):
            os.fchown(new, owner, status.st_gid)
            break
    return os.fstat(new).st_gid == status.st_gid


def _keep_acl(old: int, new: int) -> bool:
    """Whether the new file has the old one's ACL, or none as that one: one that its folder hands down goes."""
    if sys.platform != "linux":
        return True
    try:
        acl = os.getxattr(old, _ACL)
    except OSError:
        acl = None
    try:
        if acl is None:
            os.removexattr(new, _ACL)
        else:
            os.setxattr(new, _ACL, acl)
    except OSError as error:
        return acl is None and error.errno in _NO_ACL
    return True


def tighten(path: str) -> None:
    """Takes a folder's rights from everybody but its owner, if that is us; says so."""
    status = _folder(path)
    if status is not None and stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.geteuid():
        with suppress(OSError):
            Path(path).chmod(stat.S_IMODE(status.st_mode) & ~0o077)
            log.info("%s was open to others; it is personal data and now for its owner only", path)


def is_open_to_others(path: str) -> bool:
    """Whether somebody else than its owner may look into a folder."""
    status = _folder(path)
    return status is not None and bool(stat.S_IMODE(status.st_mode) & 0o077)


def _folder(path: str) -> os.stat_result | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status if stat.S_ISDIR(status.st_mode) else None
