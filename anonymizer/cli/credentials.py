"""Refuses secrets on the command line, where other users of the machine can read them and shells store them."""

from __future__ import annotations

from anonymizer.errors import ConfigError

_SECRET_WORDS = (
    *("secret", "token", "password", "passwd", "passphrase", "key", "credential", "connection_string", "sas"),
    *("signature", "auth", "bearer", "cookie"),
)
#: Settings below `storage` whose names contain such a word although their values are not secret.
_NO_SECRETS = ("SSEKMSKeyId", "BucketKeyEnabled")


def refuse_secret(assignment: str) -> None:
    """Refuses a `--set` that sets a credential of the storage, or a whole table that may contain one.

    Args:
        assignment: Argument of `--set`, `section.key=value`.

    Raises:
        ConfigError: It sets one; the message contains the setting's name, not the value.
    """
    path, _, value = assignment.partition("=")
    section, *parts = path.split(".")
    named = [part for part in parts if part not in _NO_SECRETS and any(word in part.lower() for word in _SECRET_WORDS)]
    if section == "storage" and (named or value.lstrip()[:1] == "{"):
        raise ConfigError(f"{path}: other users can read a secret on the command line; use the environment or --config")
