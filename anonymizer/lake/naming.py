"""Computes the key of an output: the source's key, or a keyed hash that does not reveal it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from anonymizer.config import Names
from anonymizer.errors import ConfigError

SECRET_VARIABLE = "ANONYMIZER_NAMES_KEY"  # noqa: S105 - the name of a variable, not what is in it
"""Environment variable that holds the key of `--names hashed`; read by the command line and `jobs/` only."""

SECRET_BYTES = 16
"""Minimum length of the hash's key in bytes: a shorter one could be found by brute force."""

HASH_DIGITS = 32
"""Hex digits of a hashed name: 128 bits, so that no two sources have the same one in practice."""

EXTENSIONS: dict[str, str] = {
    "avif": ".avif",
    "bmp": ".bmp",
    "gif": ".gif",
    "heif": ".heic",
    "jp2": ".jp2",
    "jpeg": ".jpg",
    "jxl": ".jxl",
    "png": ".png",
    "tiff": ".tif",
    "webp": ".webp",
}
"""Format → extension that is appended to the key if the source has another format."""

_PICTURE_EXTENSIONS = frozenset(
    (
        *(".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".heifs", ".hif"),
        *(".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".jxl", ".mpo", ".png"),
        *(".tif", ".tiff", ".webp"),
    )
)
_OTHER_EXTENSIONS = frozenset(
    (
        *(
            ".3fr",
            ".arw",
            ".cr2",
            ".cr3",
            ".crw",
            ".dcm",
            ".dng",
            ".erf",
            ".exr",
            ".fff",
            ".iiq",
            ".jxl",
            ".jxr",
            ".mrw",
        ),
        *(
            ".nef",
            ".nrw",
            ".orf",
            ".pef",
            ".pgm",
            ".pnm",
            ".ppm",
            ".psb",
            ".psd",
            ".raf",
            ".raw",
            ".rw2",
            ".sr2",
            ".srf",
        ),
        *(".srw", ".thm", ".x3f"),
    )
)
"""Extensions of further pictures: camera raw and others that are recognised and not handled; thumbnails of cameras."""

GUESSED = {".heic": "jpeg", ".heif": "jpeg", ".hif": "jpeg"}
"""Extensions of formats that cannot be written, and the format that the output probably gets."""

REPLACEMENTS = frozenset((".jpg", ".png"))
"""Extensions that may be appended if a format had to be replaced."""


def secret_of(value: str | None) -> bytes:
    """Returns the secret key of `--names hashed` from the value of its environment variable.

    Raises:
        ConfigError: It is missing or too short.
    """
    return _checked((value or "").encode("utf-8", "surrogateescape"))


def output_key(key: str, names: Names, secret: bytes | None) -> str:
    """Returns the key of an output that has the source's format.

    Args:
        key: Key of the source.
        names: `same`: the key as it is. `hashed`: `ab/abcdef…`, HMAC-SHA256 (RFC 2104) of the key's UTF-8 bytes in a
            folder of its first two digits, so that listings spread; with the source's extension in lower case if it
            is one of a picture.
        secret: Secret key of the hash; only `hashed` needs one.

    Raises:
        ConfigError: `hashed` without a secret, or with one that is too short.
    """
    if names == "same":
        return key
    digits = hmac.new(_checked(secret or b""), key.encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]
    ending = extension(key)
    return f"{digits[:2]}/{digits}{ending if ending in _PICTURE_EXTENSIONS else ''}"


def replaced(key: str, source_format: str, output_format: str) -> str:
    """Returns the key of an output that may have another format than its source: `a.heic` → `a.heic.jpg`.

    Args:
        key: Result of `output_key`.
        source_format: Format of the source, as named by `anonymizer.image.codec.sniff`.
        output_format: Format of the output.
    """
    return key if source_format == output_format else f"{key}{EXTENSIONS[output_format]}"


def expected_key(key: str, names: Names, secret: bytes | None) -> str:
    """Returns the key that an output probably gets, judged by the source's extension before its content is read.

    Args:
        key: Key of the source.
        names: See `output_key`.
        secret: See `output_key`.

    Raises:
        ConfigError: See `output_key`.
    """
    own = output_key(key, names, secret)
    guess = GUESSED.get(extension(key))
    return own if guess is None else f"{own}{EXTENSIONS[guess]}"


def output_key_of(output_uri: str, output_root: str) -> str | None:
    """Returns the key of an output from its URL, None if it is not in this OUTPUT; the reverse of `storage.join_uri`.

    Args:
        output_uri: URL of the output in its row; keys in it are not percent-encoded.
        output_root: OUTPUT, as returned by `storage.normalize_uri`.
    """
    folder = output_root if output_root.endswith("/") else f"{output_root}/"
    key = output_uri.removeprefix(folder)
    return key if key and key != output_uri else None


@dataclass(frozen=True)
class Places:
    """Maps keys of sources to keys of outputs.

    Attributes:
        root: OUTPUT, as returned by `storage.normalize_uri`.
        names: How outputs are named.
        secret: Secret key for `hashed`; it is not sent to workers.
    """

    root: str = ""
    names: Names = "same"
    secret: bytes | None = field(default=None, repr=False)

    def own(self, key: str) -> str:
        """See `output_key`."""
        return output_key(key, self.names, self.secret)

    def output_key(self, output_uri: str | None) -> str | None:
        """Returns the key of the output that a row names; None if the row names none in this OUTPUT."""
        return output_key_of(output_uri, self.root) if output_uri is not None else None

    def fits(self, key: str, output_key: str) -> bool:
        """Whether an output has a key that the current settings may give it: an extension may have been appended."""
        own = self.own(key)
        return output_key.startswith(own) and output_key[len(own) :] in ("", *EXTENSIONS.values())

    def expected(self, key: str, output_uri: str | None) -> str:
        """Returns the probable key of an output: that in its row if the settings allow it, else `expected_key`."""
        known = self.output_key(output_uri)
        return known if known is not None and self.fits(key, known) else expected_key(key, self.names, self.secret)


def is_picture_name(key: str) -> bool:
    """Whether a key's extension is one of a picture, be it one that we cannot read."""
    return extension(key) in _PICTURE_EXTENSIONS | _OTHER_EXTENSIONS


def _checked(secret: bytes) -> bytes:
    if len(secret) < SECRET_BYTES:
        raise ConfigError(f"--names hashed needs a secret of at least {SECRET_BYTES} bytes in {SECRET_VARIABLE}")
    return secret


def extension(key: str) -> str:
    """Returns the extension of a key, in lower case and with its dot; empty if there is none."""
    name = key.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""
