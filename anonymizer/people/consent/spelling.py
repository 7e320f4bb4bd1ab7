"""Normalize keys so that a veto matches however its key is written. Grants compare keys exactly.

The veto's key and the keys that it is compared with are both normalized: percent escapes and `+` are decoded, Unicode
compatibility forms and case are folded, invisible characters are removed, backslashes become slashes, and blanks at the
ends of names, empty names, `.` and `..` are removed. So a file that is really named `a%20b.jpg` is matched by a veto on
`a%20b.jpg` and by one on `a b.jpg`. Characters around a veto's key (quotes, a trailing comma, a URL's query) may not
belong to it, so the key is read with and without them.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

#: Maximum number of times that escapes are decoded: `%2520` is a blank that was escaped twice.
ESCAPED_TIMES = 4

#: Maximum number of layers of quotes and separators that are removed.
LAYERS = 8
#: Quotation marks of all languages, and the angle brackets that are put around URLs.
QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a\u00ab\u00bb<>" + (
    "\u300c\u300d\u300e\u300f\u301d\u301e\u301f\uff02\uff07\uff1c\uff1e"
)
#: Separators of list entries.
SEPARATORS = ",;\u060c\u061b\u3001\uff0c\uff1b"

#: Printable ASCII that only needs lower case.
_PLAIN = re.compile(r"[!-$&-*,-\[\]-~]+(?: [!-$&-*,-\[\]-~]+)*")
_NOT_PLAIN = re.compile(r"^/|//|/$|(?:^|/)\.{1,2}(?:/|$)|/ | /")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/")
#: An Amazon Resource Name of an S3 object; region and account may be empty.
_ARN = re.compile(r"arn:[a-z0-9-]*:s3[a-z0-9-]*:[^:/]*:[^:/]*:(?!accesspoint/)")
#: A query, or the version of an object.
_QUERY = re.compile(r"\?[a-z][a-z0-9_.-]*=", re.IGNORECASE)
_VERSION = re.compile(r"\?versionid=", re.IGNORECASE)
#: A key without surrounding characters that `readings` would remove.
_BARE = re.compile(r"[a-zA-Z0-9/.*_\[(](?:[^?%]*[a-zA-Z0-9/.*_\])])?")
#: Invisible characters outside category Cf: Unicode 15, Default_Ignorable_Code_Point, and the Braille blank.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def fold(key: str) -> str:
    """Folds a key for canonical caseless matching (Unicode 3.13, D145), composed (NFC)."""
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", key).casefold())


def plain(key: str) -> str:
    """The normalized spelling of a key below INPUT; keys that are equal after `fold` have the same.

    A trailing slash is kept, as in prefixes; a key without any name becomes empty.
    """
    folded = fold(key)
    if _PLAIN.fullmatch(folded) and not _NOT_PLAIN.search(folded):
        return folded
    return _path(_unescaped(folded))


def absolute(key: str) -> tuple[str, ...]:
    """The normalized spellings of a full URI or absolute path, starting at its bucket or root; empty for other keys.

    An HTTP URL may contain the bucket in its path or in its host name, so there may be several.
    """
    text = _unescaped(fold(key)).replace("\\", "/").strip()
    arn = _ARN.match(text)
    if arn is not None:
        return (_path(text[arn.end() :]),)
    found = _SCHEME.match(text)
    if found is None:
        return (_path(text),) if text.startswith("/") else ()
    rest = text[found.end() :].lstrip("/")
    if found[1] not in ("http", "https"):
        return (_path(rest.removeprefix("localhost/") if found[1] == "file" else rest),)
    host, _, path = rest.partition("/")
    bucket = host.partition(".s3")[0] if ".s3" in host else host.partition(".")[0]
    return tuple(dict.fromkeys(_path(text) for text in (path, f"{bucket}/{path}", f"{host}/{path}")))


def readings(key: str) -> tuple[str, ...]:
    """The possible readings of a veto's key: first as written, then without surrounding characters.

    Each reading is a key with its own form: `"2019/"` in quotes is a folder.
    """
    if _BARE.fullmatch(key):
        return (key,)
    found = dict.fromkeys((key,))
    for text in (key, _unescaped(fold(key))):
        for _ in range(LAYERS):
            query = (_QUERY if _SCHEME.match(text.lower()) else _VERSION).search(text)
            shorter = _uncovered(text) if query is None else text[: query.start()]
            if shorter == text or not plain(shorter):
                break
            found[shorter] = None
            text = shorter
    return tuple(found)


def _uncovered(text: str) -> str:
    """Removes one layer: trailing separators, or one quote at each end."""
    bare = _stripped(text, "")
    shorter = _stripped(text, SEPARATORS)
    if shorter != bare:
        return shorter
    return bare[bare[:1] in QUOTES : len(bare) - (bare[-1:] in QUOTES)]


def _stripped(text: str, separators: str) -> str:
    """Removes invisible characters at both ends, and separators at the end."""
    first, last = 0, len(text)
    while last and (text[last - 1] in separators or _is_unseen(text[last - 1])):
        last -= 1
    while first < last and _is_unseen(text[first]):
        first += 1
    return text[first:last]


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc") or bool(_UNSEEN.match(character))


def beside(root: str) -> tuple[str, ...]:
    """The prefixes, each with a trailing slash, of keys that also name INPUT's last folders, up to its bucket.

    Args:
        root: INPUT's URI, normalized by `absolute`.
    """
    names = root.split("/") if root else []
    return tuple("/".join(names[first:]) + "/" for first in range(len(names)))


def _unescaped(text: str) -> str:
    for _ in range(ESCAPED_TIMES):
        before, text = text, unquote(_seen(text).replace("+", " "), errors="surrogateescape")
        if text == before:
            break
    return _seen(text)


def _seen(text: str) -> str:
    """Folds compatibility forms and case, replaces all white space by blanks, removes invisible characters."""
    if text.isascii() and text.isprintable():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).casefold())
    visible = (c for c in _UNSEEN.sub("", text) if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc"))
    return "".join(" " if c.isspace() else c for c in visible)


def _path(text: str) -> str:
    names: list[str] = []
    name = ""
    for part in text.replace("\\", "/").split("/"):
        name = " ".join(part.split())
        if name == ".." and names:
            names.pop()
        elif name not in ("", ".", ".."):
            names.append(name)
    ends = "/" if names and name in ("", ".", "..") else ""
    return "/".join(names) + ends
