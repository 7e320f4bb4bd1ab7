"""What people and files may be shown of a text: no secret that a URL holds, nothing that moves a terminal's cursor.

Signatures, tokens and passwords in URLs open what they name to whoever reads them. They are cut out at every edge: the
terminal, logs, run records, reports. Of a URL of the web the whole query goes, for no list of names knows all secrets;
elsewhere `?` may belong to a key, and the query goes only where a parameter's name tells.
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
"""Stands where something was cut out."""

PASSWORD = "a password"  # noqa: S105 - a kind of secret, none itself
"""What `secret_in` calls one."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_URL = re.compile(rf"{_SCHEME.pattern}[^\s'\"<>]*")
_WEB = ("http", "https")
_AT_IN_NAMES = (
    *("abfs", "abfss", "wasb", "wasbs", "oci"),
    *("ftp", "sftp", "ssh", "smb", "hdfs", "viewfs", "root", "git"),
    *("memory", "zip", "tar", "libarchive", "dir"),
)
"""Where a name without a password may stand before the host: a container, an account of a machine, a part of a path.
Everywhere else what stands there is a credential."""
_BUCKETS = ("s3", "s3a", "gs", "gcs", "oss")
_PARAMETER = re.compile(r"([?&;#~]|/(?=hdn))([^=?&;#~/\s'\"<>]{1,80})=", re.IGNORECASE)
_VALUE = re.compile(r"[^&#\s'\"<>]*")
"""Of a secret. Behind other names the next may begin sooner: `?exp=1~hmac=...`, `?a=1;token=...`."""
_SECRET_NAME = re.compile(
    r".*(signature|token|secret|passw(or)?d|passphrase|credential|access_?-?key|access_?id|api_?-?key|auth|bearer|jwt"
    r"|hmac|sess(ion)?[-_]?id|hdn(ts|ea|tl)).*"
    r"|.*key|(.*[-_.])?(sig|sign|mac|md5|pwd|pass|code|otp|ticket|session|sid|sas)",
    re.IGNORECASE,
)
"""AWS, Google, Azure, Alibaba, Tencent, Akamai, CloudFront, Dropbox, OAuth, servers that keep a session in the path,
and what people make up: `X-Amz-Signature`, `sig`, `hdnts`, `rlkey`, `jsessionid`, `api_key`, ..."""
_HEADER = re.compile(
    r"(authorization['\"]?\s*[:=]\s*['\"]?)(?:basic|bearer|digest|token|aws[\w-]*)\s[^'\"\n]+", re.IGNORECASE
)


def secret_in(text: str) -> str | None:
    """What kind of secret a URL in a text holds, in words without the secret; None without one."""
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
    """Refuses a command line on which a URL holds a secret.

    Raises:
        ConfigError: One does; the text does not say the secret.
    """
    for argument in arguments:
        found = secret_in(argument)
        if found is not None:
            raise ConfigError(f"a URL holds {found}, which others can read; use the environment or --config")


def bare_uri(uri: str) -> str:
    """A URL without the secrets that it holds; a text without one as it is."""
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


def bare_name(uri: str) -> str:
    """A URL as `bare_uri` has it and without what marks the cut: for messages, and for the ending of its name."""
    return re.sub(rf"[?#]{CUT}$", "", bare_uri(uri))


def bare(value: Any) -> Any:
    """Settings, or anything else made of dicts, lists and scalars, with every URL as `bare_uri` has it."""
    if isinstance(value, str):
        return bare_uri(value)
    if isinstance(value, dict):
        return {name: bare(item) for name, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, (list, tuple)) else value


def hidden(text: str) -> str:
    """A text with the secrets cut out of all URLs in it, and of what is left of URLs."""
    text = _URL.sub(lambda match: bare_uri(match[0]), text)
    return _HEADER.sub(lambda match: match[1] + CUT, _without_values(text))


def line(text: object) -> str:
    """One line for a terminal or a log: without secrets, and every character that is not printable spelled."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in hidden(str(text)))


def page(text: str) -> str:
    """Several lines, each as `line` has it."""
    return "\n".join(map(line, text.split("\n")))


def name(key: str) -> str:
    """A key that cannot move the cursor or end its line: names of files may be anybody's."""
    return key if key.isprintable() else ascii(key)


class Formatter(logging.Formatter):
    """Log records as `line` and `page` have them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return line(super().formatMessage(record))

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return page(super().formatException(ei))


def log_to_stderr(form: str) -> None:
    """What is logged from WARNING on goes to stderr, unless somebody has said where it goes."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _user(scheme: str, rest: str) -> int | None:
    """Where the `@` behind a credential stands; None without one."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at:
        return len(user) if ":" in user or scheme not in _AT_IN_NAMES else None
    # Secret keys may hold slashes: `s3://ID:abc/def@bucket`. A port is digits, an access point begins with `arn:`.
    _, colon, port = authority.rpartition(":")
    is_port = port.isdigit() and scheme not in _BUCKETS
    if not colon or is_port or authority.startswith(("arn:", "[")) or "@" not in rest:
        return None
    return rest.rindex("@")


def _secret_names(rest: str) -> Iterator[str]:
    """Names of the parameters of a query that hold a secret."""
    return (unquote(name) for name, start, end in _secrets(rest) if rest[start:end] != CUT)


def _without_values(text: str) -> str:
    result, place = "", 0
    for _, start, end in _secrets(text):
        result, place = f"{result}{text[place:start]}{CUT}", end
    return result + text[place:]


def _secrets(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of the values of parameters that are secrets, none within another."""
    place = 0
    for match in _PARAMETER.finditer(text):
        if match.start() >= place and _is_secret(match[2]):
            place = _VALUE.match(text, match.end()).end()  # type: ignore[union-attr]
            yield match[2], match.end(), place


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(unquote(name)) is not None
