"""Names: what a key may look like, our temporary names, and where two roots meet."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path

from anonymizer.errors import ConfigError, NameNotHeld, ReservedKey, UnsafeKey
from anonymizer.sanitize import PASSWORD, secret_in, uri_without_secrets

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)(://|::)")
_ALIASES = {"local": "file", "s3a": "s3"}
_TOKEN_BYTES = 8
MARK_PREFIX = ".anon-output-"
"""How the mark at the root of an OUTPUT is named; the OUTPUT's id follows."""
_MARK = re.compile(rf"{re.escape(MARK_PREFIX)}([0-9a-f]{{32}})")
_RESERVED = re.compile(r"\..*\.anon-[0-9A-Za-z]+\.tmp", re.DOTALL)
_TEMPORARY = re.compile(rf"\..+\.anon-[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.tmp", re.DOTALL)
_NAME_BYTES = 255
"""The longest file name of every common file system (NAME_MAX)."""


def split_uri(uri: str) -> tuple[str, str]:
    """(scheme, rest) of a URL or a bare path; the scheme is lower case, a bare path is `file`.

    Raises:
        ConfigError: It is empty or chained (`simplecache::s3://...` would put originals on a disk), or holds a NUL.
    """
    if not uri or "\0" in uri:
        raise ConfigError("a path or a URL is expected")
    match = _SCHEME.match(uri)
    if match is None:
        return "file", uri
    if "::" in match[0] or "::" in uri.split("://", 1)[0]:
        raise ConfigError("chained URLs (`::`) are refused: they would copy originals to other places")
    scheme = match[1].lower()
    return _ALIASES.get(scheme, scheme), uri[match.end() :]


def normalize_uri(uri: str) -> str:
    """The one spelling of a root: `file:///absolute/path`, `s3://bucket/prefix`, without a slash at its end.

    Local paths are made absolute and are not percent-encoded, as fsspec has it: `file:///a b#c` is the file `a b#c`.

    Raises:
        ConfigError: The URL is malformed, chained, or holds a password.
    """
    scheme, rest = split_uri(uri)
    if scheme == "file":
        return f"file://{_absolute(rest)}"
    if secret_in(f"{scheme}://{rest}") == PASSWORD:
        raise ConfigError("a URL with a password is refused; credentials belong in the environment")
    rest = rest.rstrip("/")
    if scheme == "memory":
        rest = rest.lstrip("/")
    elif not rest or rest.startswith("/"):
        raise ConfigError(f"{scheme}:// needs the name of a bucket or a host")
    return f"{scheme}://{rest}"


def folder_uri(uri: str) -> str:
    """`normalize_uri` of INPUT, OUTPUT and others that rows and records name for good.

    Raises:
        ConfigError: See there, or it holds a signature or a token, which would stand in them.
    """
    found = secret_in(uri)
    if found is not None and found != PASSWORD:
        raise ConfigError(
            f"{uri_without_secrets(uri)}: a folder's URL cannot hold {found}; credentials belong in the environment"
        )
    return normalize_uri(uri)


def _absolute(path: str) -> str:
    absolute = "/" + os.path.abspath(path).lstrip("/")  # noqa: PTH100 - pathlib keeps `..`
    try:
        absolute.encode()
    except UnicodeEncodeError:
        raise ConfigError("the name of a root has to be valid UTF-8") from None
    return absolute


def is_local(uri: str) -> bool:
    """Whether it lies on a disk of this machine."""
    return split_uri(uri)[0] == "file"


def is_relative(uri: str) -> bool:
    """Whether it is a local path that depends on the working directory."""
    scheme, rest = split_uri(uri)
    return scheme == "file" and not rest.startswith("/")


def local_path(uri: str) -> str:
    """The absolute path of a local root."""
    return _absolute(split_uri(uri)[1])


def join_uri(root: str, key: str) -> str:
    """The full URL of a key below a root."""
    base = normalize_uri(root)
    return base + key if base.endswith("/") else f"{base}/{key}"


def nested(a_uri: str, b_uri: str) -> bool:
    """Whether one root lies inside the other; equal counts.

    Locally links are resolved and folders are compared by identity, so that another spelling (a bind mount, other
    case) is seen. Elsewhere the URLs alone are compared: two endpoints with the same bucket name count as one.
    """
    if is_local(a_uri) != is_local(b_uri):
        return False
    if is_local(a_uri):
        a, b = (Path(os.path.realpath(local_path(uri))) for uri in (a_uri, b_uri))
        return _inside(a, b) or _inside(b, a)
    a_parts, b_parts = (normalize_uri(uri).rstrip("/") + "/" for uri in (a_uri, b_uri))
    return a_parts.startswith(b_parts) or b_parts.startswith(a_parts)


def _inside(path: Path, folder: Path) -> bool:
    above = (path, *path.parents)
    if folder in above:
        return True
    return folder.exists() and any(part.exists() and part.samefile(folder) for part in above)


def is_reserved(key: str) -> bool:
    """Whether a key looks like a name of our own: a temporary's, `.<name>.anon-<token>.tmp`, or OUTPUT's mark.

    It is never published.
    """
    return _RESERVED.fullmatch(key.rpartition("/")[2]) is not None or marked_id(key) is not None


def is_temporary(key: str) -> bool:
    """Whether a key is one that `temporary_name` can have given; other reserved ones are somebody else's."""
    return _TEMPORARY.fullmatch(key.rpartition("/")[2]) is not None


def mark_name(output_id: str) -> str:
    """Key of the mark that tells which OUTPUT a place is."""
    return f"{MARK_PREFIX}{output_id}"


def marked_id(key: str) -> str | None:
    """The id that a mark's key holds; None for any other key."""
    match = _MARK.fullmatch(key)
    return match and match[1]


def mark_content(output_id: str) -> bytes:
    """All that a mark holds: a function of the id, so that nothing else can hide in it."""
    about = "ray-anonymizer knows its OUTPUT by this file. Without it no run publishes or takes down anything here."
    return (json.dumps({"about": about, "output_id": output_id}, indent=2) + "\n").encode()


def temporary_name(name: str) -> str:
    """A fresh temporary name for a file name, shortened so that it stays within 255 bytes."""
    suffix = f".anon-{secrets.token_hex(_TOKEN_BYTES)}.tmp"
    return f".{shortened(name, len(suffix) + 1)}{suffix}"


def shortened(name: str, reserve_bytes: int) -> str:
    """The start of a file name that leaves `reserve_bytes` of the 255 free, cut between characters."""
    return name.encode()[: _NAME_BYTES - reserve_bytes].decode(errors="ignore")


def spelled(name: bytes) -> str:
    r"""The part of a key that stands for a file's or folder's name, for no other name.

    Args:
        name: As the system has it: not empty, not `.`, without a slash and NUL.

    Returns:
        The name itself where it is UTF-8. Else a part `.`, which no name is, and the name with `\` for a backslash
        and `\xNN` for a byte that is no UTF-8: `./a\xff.jpg`. Such a key is `UnsafeKey` and never read.
    """
    try:
        return name.decode()
    except UnicodeDecodeError:
        return "./" + name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def spelled_key(key: str) -> str:
    """A key that some filesystem gave, fit for UTF-8: parts with lone surrogates as `spelled` has them."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return "/".join(spelled(part.encode("utf-8", "surrogatepass")) for part in key.split("/"))
    return key


def check_key(key: str, *, empty_parts: bool = False) -> None:
    """Refuses keys that name nothing, or something outside of the root, or one of our own temporaries.

    A backslash is an ordinary character, but `..` between backslashes is refused as well: outputs get copied to
    systems where it separates folders.

    Args:
        key: Below the root.
        empty_parts: The store holds names such as `a//b`, `/a` and `a/`: to S3 a slash is a character like others.

    Raises:
        UnsafeKey: It is empty, has a part `.` or `..`, a NUL, or is no valid Unicode.
        NameNotHeld: It has an empty part (hence also a slash at either end), and the store holds none.
        ReservedKey: It looks like one of our own names.
    """
    parts = key.split("/")
    if not key or "\0" in key or any(part in (".", "..") for part in parts) or ".." in re.split(r"[/\\]", key):
        raise UnsafeKey(key)
    try:
        key.encode()
    except UnicodeEncodeError:
        raise UnsafeKey from None
    if "" in parts and not empty_parts:
        raise NameNotHeld(key)
    if is_reserved(key):
        raise ReservedKey(key)
