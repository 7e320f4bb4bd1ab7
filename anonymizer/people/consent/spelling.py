"""What a person means by a key, however it is written. Only vetoes are read so; grants compare keys as they are.

A veto and the keys that it is held against are brought into one spelling: percent escapes and `+` undone, compatibility
forms and case folded, what cannot be seen dropped, backslashes turned, blanks at the ends of a name, empty names, `.`
and `..` taken out. Both sides are: a file that is really called `a%20b.jpg` is met by a veto on `a%20b.jpg`, and by one
on `a b.jpg`. What stands around a veto's key (quotes, a comma behind it, a URL's query) may be no part of it: it is
read with and without.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

#: So often are escapes undone: `%2520` is a blank that was escaped twice.
ESCAPED_TIMES = 4

#: So many layers of quotes and commas are taken off.
LAYERS = 8
#: Quotes in pairs of any language, and the brackets that letters put around a URL.
QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2039\u203a\u00ab\u00bb<>" + (
    "\u300c\u300d\u300e\u300f\u301d\u301e\u301f\uff02\uff07\uff1c\uff1e"
)
#: What separates entries of a list.
SEPARATORS = ",;\u060c\u061b\u3001\uff0c\uff1b"

#: Printable ASCII that needs nothing but lower case.
_PLAIN = re.compile(r"[!-$&-*,-\[\]-~]+(?: [!-$&-*,-\[\]-~]+)*")
_NOT_PLAIN = re.compile(r"^/|//|/$|(?:^|/)\.{1,2}(?:/|$)|/ | /")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/")
#: Amazon's name of a bucket's object; buckets that are named so need neither region nor account.
_ARN = re.compile(r"arn:[a-z0-9-]*:s3[a-z0-9-]*:[^:/]*:[^:/]*:(?!accesspoint/)")
#: A query, or the version of an object.
_QUERY = re.compile(r"\?[a-z][a-z0-9_.-]*=", re.IGNORECASE)
_VERSION = re.compile(r"\?versionid=", re.IGNORECASE)
#: Nothing stands around it that `readings` would take off.
_BARE = re.compile(r"[a-zA-Z0-9/.*_\[(](?:[^?%]*[a-zA-Z0-9/.*_\])])?")
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
    """A veto's key, first as it stands, and what else may be meant by it: without what stands around it.

    Each is a key by itself, with a form of its own: `"2019/"` in quotes is a folder.
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
    """Without one layer: separators at its end, or one quote at each end."""
    bare = _stripped(text, "")
    shorter = _stripped(text, SEPARATORS)
    if shorter != bare:
        return shorter
    return bare[bare[:1] in QUOTES : len(bare) - (bare[-1:] in QUOTES)]


def _stripped(text: str, separators: str) -> str:
    """Without what cannot be seen at both ends, and without separators at the last."""
    first, last = 0, len(text)
    while last and (text[last - 1] in separators or _is_unseen(text[last - 1])):
        last -= 1
    while first < last and _is_unseen(text[first]):
        first += 1
    return text[first:last]


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc") or bool(_UNSEEN.match(character))


def beside(root: str) -> tuple[str, ...]:
    """How a key may begin that names INPUT's last folders too, up to its bucket: each ends in a slash.

    Args:
        root: As `absolute` has it.
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
