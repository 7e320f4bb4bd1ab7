"""No secret belongs on a command line: every user of the machine can read it there, and shells keep it."""

from __future__ import annotations

from anonymizer.errors import ConfigError

_SECRET_WORDS = (
    *("secret", "token", "password", "passwd", "passphrase", "key", "credential", "connection_string", "sas"),
    *("signature", "auth", "bearer", "cookie"),
)
#: Settings below `storage` whose names hold such a word and which are none.
_NO_SECRETS = ("SSEKMSKeyId", "BucketKeyEnabled")


def refuse_secret(assignment: str) -> None:
    """Refuses a `--set` that hands a credential, or a whole table that may hold one, to the storage.

    Args:
        assignment: As it was typed, `section.key=value`.

    Raises:
        ConfigError: It does; the message repeats the name only.
    """
    path, _, value = assignment.partition("=")
    section, *parts = path.split(".")
    named = [part for part in parts if part not in _NO_SECRETS and any(word in part.lower() for word in _SECRET_WORDS)]
    if section == "storage" and (named or value.lstrip()[:1] == "{"):
        raise ConfigError(
            f"{path}: a secret on the command line can be read by others; use the environment or --config"
        )
