"""What other libraries' exceptions mean, in our words. Their texts are dropped here: they may hold secrets."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import aiohttp
import botocore.exceptions as boto
from s3fs.core import S3_RETRYABLE_ERRORS

from anonymizer.errors import (
    AccessDenied,
    Archived,
    KeyCollision,
    NameNotHeld,
    NotARegularFile,
    ObjectError,
    SourceChanged,
    SourceGone,
    StorageError,
    StorageUnavailable,
)

_READING: dict[int, type[ObjectError]] = {
    errno.ENOENT: SourceGone,
    errno.ENOTDIR: SourceGone,
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.EROFS: AccessDenied,
    errno.ELOOP: NotARegularFile,
    errno.ENXIO: NotARegularFile,
    errno.EISDIR: NotARegularFile,
    errno.ENAMETOOLONG: NameNotHeld,
}


_WRITING = _READING | {
    errno.ENOENT: StorageUnavailable,
    errno.ENOTDIR: KeyCollision,
    errno.EISDIR: KeyCollision,
}
# fsspec's filesystems raise them without a number.
_NUMBERS: tuple[tuple[type[OSError], int], ...] = (
    (FileNotFoundError, errno.ENOENT),
    (NotADirectoryError, errno.ENOTDIR),
    (IsADirectoryError, errno.EISDIR),
    (PermissionError, errno.EACCES),
)


def file_error(error: OSError, *, writing: bool = False) -> ObjectError:
    """The error of an operation on files; a full disk and everything unknown is worth trying again."""
    number = error.errno or next((number for kind, number in _NUMBERS if isinstance(error, kind)), 0)
    return (_WRITING if writing else _READING).get(number, StorageUnavailable)(number)


@contextmanager
def file_errors(*, writing: bool = False) -> Iterator[None]:
    """Raises `file_error` in place of what the operating system says of files."""
    try:
        yield
    except OSError as error:
        raise file_error(error, writing=writing) from error


@contextmanager
def filesystem_errors() -> Iterator[None]:
    """Raises our errors in place of what some filesystem of fsspec says; something that exists is told as it is."""
    try:
        yield
    except (FileExistsError, SourceGone, SourceChanged, NotARegularFile):
        raise
    except OSError as error:
        raise file_error(error) from None
    except Exception:  # noqa: BLE001 - filesystems have no common root of errors
        raise StorageUnavailable from None


class Kind(Enum):
    """What an S3 error says; the value is the sentence for a person."""

    GONE = "there is no such object"
    NO_BUCKET = "the bucket does not exist"
    DENIED = "access denied"
    ARCHIVED = "the object is archived"
    SHORTER = "the object is shorter than it was"
    CREDENTIALS = "no usable credentials; they are taken from the usual places of AWS, or set `anon`"
    PRECONDITION = "another version stands there"
    CONFLICT = "another request changes the same object"
    UNSUPPORTED = "the store does not know this kind of request"
    REFUSED = "the store refused the request"
    PARAMETERS = "the storage options are not understood"
    THROTTLED = "the store asked to slow down"
    UNAVAILABLE = "the store could not be reached"
    CLOCK = "this machine's clock differs too much from the store's"


ATTEMPTS = {Kind.THROTTLED: 12, Kind.UNAVAILABLE: 5}
"""How often a request is sent; everything else is final. Twelve lose one in 4,000 where every other is throttled."""

_CODES = {
    "NoSuchBucket": Kind.NO_BUCKET,
    "InvalidBucketName": Kind.NO_BUCKET,
    "NoSuchKey": Kind.GONE,
    "InvalidObjectState": Kind.ARCHIVED,
    "InvalidRange": Kind.SHORTER,
    "ExpiredToken": Kind.CREDENTIALS,
    "InvalidToken": Kind.CREDENTIALS,
    "InvalidAccessKeyId": Kind.CREDENTIALS,
    "SignatureDoesNotMatch": Kind.CREDENTIALS,
    "AuthorizationHeaderMalformed": Kind.CREDENTIALS,
    "PreconditionFailed": Kind.PRECONDITION,
    "ConditionalRequestConflict": Kind.CONFLICT,
    "OperationAborted": Kind.CONFLICT,
    "RequestTimeTooSkewed": Kind.CLOCK,
    "NotImplemented": Kind.UNSUPPORTED,
    "MethodNotAllowed": Kind.UNSUPPORTED,
    "SlowDown": Kind.THROTTLED,
    "RequestTimeout": Kind.UNAVAILABLE,
    "InternalError": Kind.UNAVAILABLE,
}
"""https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

_STATUSES = {
    401: Kind.CREDENTIALS,
    403: Kind.DENIED,
    404: Kind.GONE,
    405: Kind.UNSUPPORTED,
    409: Kind.CONFLICT,
    412: Kind.PRECONDITION,
    416: Kind.SHORTER,
    429: Kind.THROTTLED,
    501: Kind.UNSUPPORTED,
    503: Kind.THROTTLED,
}
"""HEAD answers carry no code, only a status."""

ANSWERS = (boto.ClientError, boto.BotoCoreError, aiohttp.ClientError, OSError, *S3_RETRYABLE_ERRORS)
"""What a request may raise; anything else is a defect of ours and goes through."""

_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
)
_WRONG_OPTIONS = (
    boto.ParamValidationError,
    boto.ValidationError,
    boto.ProfileNotFound,
    boto.NoRegionError,
    boto.InvalidRegionError,
    boto.ConfigParseError,
    boto.UnsupportedSignatureVersionError,
)


def kind_of(error: BaseException) -> Kind:
    """What an exception of botocore or of the network below it says."""
    if isinstance(error, boto.ClientError):
        found = _CODES.get(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
        return found or _STATUSES.get(status) or (Kind.UNAVAILABLE if status >= 500 else Kind.REFUSED)
    if isinstance(error, _NO_CREDENTIALS):
        return Kind.CREDENTIALS
    return Kind.PARAMETERS if isinstance(error, _WRONG_OPTIONS) else Kind.UNAVAILABLE


class S3Fault(Exception):
    """A request that failed for good.

    Attributes:
        kind: What the last answer said.
        attempts: How often it was sent; above 1 an earlier attempt may have succeeded unheard.
    """

    def __init__(self, kind: Kind, attempts: int) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.attempts = attempts


_ERRORS: dict[Kind, type[StorageError]] = {
    Kind.GONE: SourceGone,
    Kind.DENIED: AccessDenied,
    Kind.ARCHIVED: Archived,
    Kind.SHORTER: SourceChanged,
    Kind.CREDENTIALS: AccessDenied,
    Kind.CLOCK: AccessDenied,
    Kind.THROTTLED: StorageUnavailable,
    Kind.UNAVAILABLE: StorageUnavailable,
}


def s3_error(fault: S3Fault) -> StorageError:
    """The error of an S3 request where its kind has no special meaning."""
    return _ERRORS.get(fault.kind, StorageError)(fault.kind.value)
