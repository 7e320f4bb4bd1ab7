"""Removes secrets from URLs, and control characters from text, before text is printed, logged or written to a file.

Whoever reads a signature, token or password in a URL can use it. They are therefore cut out wherever text leaves the
process: terminal, logs, run records, reports. From http and https URLs the whole query is cut, because no list of
parameter names covers all secrets. In other URLs a `?` may be part of a key, so the query is cut only if the name of a
parameter shows that it is a secret.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from anonymizer.errors import ConfigError

CUT = "…"
"""Placeholder for what was cut out."""

PASSWORD = "a password"  # noqa: S105 - a kind of secret, none itself
"""What `secret_in` returns for a password."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_URL = re.compile(rf"{_SCHEME.pattern}[^\s'\"<>]*")
_WEB = ("http", "https")
_AT_IN_NAMES = (
    *("abfs", "abfss", "wasb", "wasbs", "oci"),
    *("ftp", "sftp", "ssh", "smb", "hdfs", "viewfs", "root", "git"),
    *("memory", "zip", "tar", "libarchive", "dir"),
)
"""Schemes whose URLs may have a name without a password before the host (a container, a user, a part of a path). In all
other URLs what comes before the `@` is a credential."""
_BUCKETS = ("s3", "s3a", "gs", "gcs", "oss")
_PARAMETER = re.compile(r"([?&;#~]|/(?=hdn))([^=?&;#~/\s'\"<>]{1,80})=", re.IGNORECASE)
_VALUE = re.compile(r"[^&#\s'\"<>]*")
"""The value of a secret. After other parameters the next one may begin earlier: `?exp=1~hmac=...`, `?a=1;token=...`."""
_SECRET_NAME = re.compile(
    r".*(signature|token|secret|passw(or)?d|passphrase|credential|access_?-?key|access_?id|api_?-?key|auth|bearer|jwt"
    r"|hmac|sess(ion)?[-_]?id|hdn(ts|ea|tl)).*"
    r"|.*key|(.*[-_.])?(sig|sign|mac|md5|pwd|pass|code|otp|ticket|session|sid|sas)",
    re.IGNORECASE,
)
"""Parameter names of AWS, Google, Azure, Alibaba, Tencent, Akamai, CloudFront, Dropbox, OAuth, of servers that keep a
session in the path, and common home-made ones: `X-Amz-Signature`, `sig`, `hdnts`, `rlkey`, `jsessionid`, `api_key`."""
_HEADER = re.compile(
    r"(authorization['\"]?\s*[:=]\s*['\"]?)(?:basic|bearer|digest|token|aws[\w-]*)\s[^'\"\n]+", re.IGNORECASE
)


def secret_in(text: str) -> str | None:
    """Names the kind of secret that a URL in a text contains, without the secret itself; None if there is none."""
    for match in _SCHEME.finditer(text):
        scheme, rest = match[1].lower(), text[match.end() :]
        if scheme in ("file", "local"):
            continue
        user = _user(scheme, rest)
        if user is not None:
            return PASSWORD if ":" in rest[:user] else "a token"
        for name in _secret_names(rest):
            return f"a secret ({line(name)})"
    return None


def refuse_secrets(arguments: Iterable[str]) -> None:
    """Refuses a command line with a URL that contains a secret.

    Raises:
        ConfigError: There is such a URL; the message does not contain the secret.
    """
    for argument in arguments:
        found = secret_in(argument)
        if found is not None:
            raise ConfigError(f"a URL contains {found}, which other users can read; use the environment or --config")


def uri_without_secrets(uri: str) -> str:
    """Returns a URL without the secrets in it; text without a URL is returned unchanged."""
    match = _SCHEME.search(uri)
    if match is None or match[1].lower() in ("file", "local"):
        return uri
    scheme, rest = match[1].lower(), uri[match.end() :]
    user = _user(scheme, rest)
    if user is not None:
        rest = CUT + rest[user:]
    path, mark, query = re.fullmatch(r"([^?#]*)([?#]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    if mark and query and (scheme in _WEB or any(_secret_names(rest))):
        rest = path + mark + CUT
    return uri[: match.end()] + _without_values(rest)


def name_without_secrets(uri: str) -> str:
    """As `uri_without_secrets`, also without the placeholder at the end: for messages and for the file's extension."""
    return re.sub(rf"[?#]{CUT}$", "", uri_without_secrets(uri))


def settings_without_secrets(value: Any) -> Any:
    """Returns settings (dicts, lists and scalars, nested) with `uri_without_secrets` applied to every string."""
    if isinstance(value, str):
        return uri_without_secrets(value)
    if isinstance(value, dict):
        return {name: settings_without_secrets(item) for name, item in value.items()}
    return [settings_without_secrets(item) for item in value] if isinstance(value, (list, tuple)) else value


def text_without_secrets(text: str) -> str:
    """Returns a text with the secrets cut out of all URLs, parts of URLs and HTTP authorization headers in it."""
    text = _URL.sub(lambda match: uri_without_secrets(match[0]), text)
    return _HEADER.sub(lambda match: match[1] + CUT, _without_values(text))


def line(text: object) -> str:
    """Returns a text as one line for a terminal or a log: without secrets, non-printable characters escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text_without_secrets(str(text)))


def page(text: str) -> str:
    """Applies `line` to each line of a text."""
    return "\n".join(map(line, text.split("\n")))


def name(key: str) -> str:
    """Returns a key, escaped if it has control characters: anybody may have chosen the names of the files."""
    return key if key.isprintable() else ascii(key)


class Formatter(logging.Formatter):
    """Formats log records with `line`, tracebacks with `page`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return line(super().formatMessage(record))

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return page(super().formatException(ei))


def log_to_stderr(form: str) -> None:
    """Logs to stderr from WARNING on, unless the root logger has a handler already."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _user(scheme: str, rest: str) -> int | None:
    """Position of the `@` after a credential; None if there is no credential."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at:
        return len(user) if ":" in user or scheme not in _AT_IN_NAMES else None
    # Secret keys may contain slashes: `s3://ID:abc/def@bucket`. A port is digits, an access point begins with `arn:`.
    _, colon, port = authority.rpartition(":")
    is_port = port.isdigit() and scheme not in _BUCKETS
    if not colon or is_port or authority.startswith(("arn:", "[")) or "@" not in rest:
        return None
    return rest.rindex("@")


def _secret_names(rest: str) -> Iterator[str]:
    """Names of the query parameters whose value is a secret."""
    return (unquote(name) for name, start, end in _secrets(rest) if rest[start:end] != CUT)


def _without_values(text: str) -> str:
    result, place = "", 0
    for _, start, end in _secrets(text):
        result, place = f"{result}{text[place:start]}{CUT}", end
    return result + text[place:]


def _secrets(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of the values of secret parameters; the ranges do not overlap."""
    place = 0
    for match in _PARAMETER.finditer(text):
        if match.start() >= place and _is_secret(match[2]):
            place = _VALUE.match(text, match.end()).end()  # type: ignore[union-attr]
            yield match[2], match.end(), place


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(unquote(name)) is not None
