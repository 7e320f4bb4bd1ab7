"""What a person means by a key, however it is written. Only vetoes are read so; grants compare keys as they are.

A veto and the keys that it is held against are brought into one spelling: percent escapes and `+` undone, compatibility
forms and case folded, what cannot be seen dropped, backslashes turned, blanks at the ends of a name, empty names, `.`
and `..` taken out. Both sides are: a file that is really called `a%20b.jpg` is met by a veto on `a%20b.jpg`, and by one
on `a b.jpg`.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

#: So often are escapes undone: `%2520` is a blank that was escaped twice.
ESCAPED_TIMES = 4

#: Printable ASCII that needs nothing but lower case.
_PLAIN = re.compile(r"[!-$&-*,-\[\]-~]+(?: [!-$&-*,-\[\]-~]+)*")
_NOT_PLAIN = re.compile(r"^/|//|/$|(?:^|/)\.{1,2}(?:/|$)|/ | /")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/")
#: Not in Cf, and not seen all the same: Unicode 15, Default_Ignorable_Code_Point, and the blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)


def fold(key: str) -> str:
    """A key by canonical caseless matching (Unicode 3.13, D145), composed (NFC)."""
    if key.isascii():
        return key.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", key).casefold())


def plain(key: str) -> str:
    """The one spelling of a key below INPUT; keys that are equal after `fold` have the same.

    What ends in a slash goes on doing so, as prefixes do; what has no name at all is empty.
    """
    folded = fold(key)
    if _PLAIN.fullmatch(folded) and not _NOT_PLAIN.search(folded):
        return folded
    return _path(_unescaped(folded))


def absolute(key: str) -> tuple[str, ...]:
    """The spellings of a full URI or an absolute path, from its bucket or root on; none for anything else.

    A URL of a web server may name the bucket in its path or in its host.
    """
    text = _unescaped(fold(key)).replace("\\", "/").strip()
    found = _SCHEME.match(text)
    if found is None:
        return (_path(text),) if text.startswith("/") else ()
    rest = text[found.end() :].lstrip("/")
    if found[1] not in ("http", "https"):
        return (_path(rest.removeprefix("localhost/") if found[1] == "file" else rest),)
    host, _, path = rest.partition("/")
    bucket = host.partition(".s3")[0] if ".s3" in host else host.partition(".")[0]
    return tuple(dict.fromkeys(_path(text) for text in (path, f"{bucket}/{path}", f"{host}/{path}")))


def _unescaped(text: str) -> str:
    for _ in range(ESCAPED_TIMES):
        before, text = text, unquote(_seen(text).replace("+", " "), errors="surrogateescape")
        if text == before:
            break
    return _seen(text)


def _seen(text: str) -> str:
    """Compatibility caseless, blanks of every kind as one, without what cannot be seen."""
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
