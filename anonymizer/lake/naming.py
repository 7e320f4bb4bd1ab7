"""Under which key an output is published: the source's own, or a keyed hash that tells nothing about it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from anonymizer.config import Names
from anonymizer.errors import ConfigError

SECRET_VARIABLE = "ANONYMIZER_NAMES_KEY"  # noqa: S105 - the name of a variable, not what is in it
"""Environment variable that holds the key of `--names hashed`; read by the command line and `jobs/` only."""

SECRET_BYTES = 16
"""A shorter key of the hash could be found by trying."""

HASH_DIGITS = 32
"""Hex digits of a hashed name: 128 bits, so that two sources never share one."""

EXTENSIONS: dict[str, str] = {
    "avif": ".avif",
    "bmp": ".bmp",
    "gif": ".gif",
    "heif": ".heic",
    "jp2": ".jp2",
    "jpeg": ".jpg",
    "png": ".png",
    "tiff": ".tif",
    "webp": ".webp",
}
"""Format → what is appended to a key whose source had another one."""

_PICTURE_EXTENSIONS = frozenset(
    (
        *(".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".heifs", ".hif"),
        *(".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".png"),
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
"""Extensions of formats that cannot be written, and the format that is expected in their place."""

REPLACEMENTS = frozenset((".jpg", ".png"))
"""Extensions that are appended where a format had to be replaced."""


def secret_of(value: str | None) -> bytes:
    """The key of `--names hashed` as the environment holds it.

    Raises:
        ConfigError: There is none, or it is too short.
    """
    return _checked((value or "").encode("utf-8", "surrogateescape"))


def output_key(key: str, names: Names, secret: bytes | None) -> str:
    """The key under which a source is published in its own format.

    Args:
        key: Of the source.
        names: `same`: the key as it is. `hashed`: `ab/abcdef…`, HMAC-SHA256 (RFC 2104) of the key's UTF-8 bytes in a
            folder of its first two digits, so that listings spread; with the source's extension in lower case if it
            is one of a picture.
        secret: The hash's key; only `hashed` needs one.

    Raises:
        ConfigError: `hashed` without a secret, or with one that is too short.
    """
    if names == "same":
        return key
    digits = hmac.new(_checked(secret or b""), key.encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]
    ending = extension(key)
    return f"{digits[:2]}/{digits}{ending if ending in _PICTURE_EXTENSIONS else ''}"


def replaced(key: str, source_format: str, output_format: str) -> str:
    """The key of an output that had to become another format: `a.heic` → `a.heic.jpg`.

    Args:
        key: As `output_key` gives it.
        source_format: As `anonymizer.image.codec.sniff` names it.
        output_format: As it was written.
    """
    return key if source_format == output_format else f"{key}{EXTENSIONS[output_format]}"


def expected_key(key: str, names: Names, secret: bytes | None) -> str:
    """Where a source's output is looked for before the source has been read; its content may turn out otherwise.

    Args:
        key: Of the source.
        names: See `output_key`.
        secret: See `output_key`.

    Raises:
        ConfigError: See `output_key`.
    """
    own = output_key(key, names, secret)
    guess = GUESSED.get(extension(key))
    return own if guess is None else f"{own}{EXTENSIONS[guess]}"


def output_key_of(output_uri: str, output_root: str) -> str | None:
    """The key of a row's output below OUTPUT, None if it lies elsewhere: the reverse of `storage.join_uri`.

    Args:
        output_uri: Of a row; keys stand in URLs as they are, nothing is percent-encoded.
        output_root: As `storage.normalize_uri` gives it.
    """
    folder = output_root if output_root.endswith("/") else f"{output_root}/"
    key = output_uri.removeprefix(folder)
    return key if key and key != output_uri else None


@dataclass(frozen=True)
class Places:
    """Where a run's outputs go.

    Attributes:
        root: OUTPUT, as `storage.normalize_uri` gives it.
        names: How outputs are named.
        secret: Of `hashed`; it stays with the driver.
    """

    root: str = ""
    names: Names = "same"
    secret: bytes | None = field(default=None, repr=False)

    def own(self, key: str) -> str:
        """See `output_key`."""
        return output_key(key, self.names, self.secret)

    def output_key(self, output_uri: str | None) -> str | None:
        """The key of an output that a row names; None if it names none in this OUTPUT."""
        return output_key_of(output_uri, self.root) if output_uri is not None else None

    def fits(self, key: str, output_key: str) -> bool:
        """Whether an output lies where today's settings put it: another format may have been appended to its name."""
        own = self.own(key)
        return output_key.startswith(own) and output_key[len(own) :] in ("", *EXTENSIONS.values())

    def expected(self, key: str, output_uri: str | None) -> str:
        """Where the output of a source goes: where its row has it if that fits, else where it may be expected."""
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
    """Of a key, in lower case, with its dot; empty where there is none."""
    name = key.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""
