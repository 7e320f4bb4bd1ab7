"""Every error that this software raises on purpose.

    AnonymizerError
    ├── UsageError                    exit 2, said in one line before any work
    │   ├── ConfigError
    │   │   └── WrongOutput
    │   └── RegistryError
    ├── RunError                      exit 1, said in one line
    │   ├── ListingError
    │   ├── LeaseHeld / LeaseLost
    │   ├── OutputLost
    │   ├── ClusterError
    │   ├── NoWorkersError
    │   └── MixedVersionsError
    └── ObjectError                   one object's row: never ends a run
        ├── NotAnImage                → `skipped`
        ├── Withheld                  → `skipped` (policy public)
        ├── EmptyFile
        ├── WrongCoding
        ├── UnsupportedFormat
        ├── DecodeError
        ├── ImageTooLarge
        ├── DetectionFailed
        ├── BoxesMissing / BoxesMismatch
        ├── ConsentRegionMisfit
        ├── EncodeError
        ├── FormatInPlace
        ├── ScrubCheckFailed
        ├── UnsafeKey / NameNotHeld / ReservedKey / KeyCollision / OutputTaken / NotARegularFile
        ├── ImageTimeout
        ├── PoisonImage
        ├── TakeDownOwed              an output that must not stand any more still does
        ├── Unsafe / Requested        → `removed`
        └── StorageError
            ├── SourceGone
            ├── SourceChanged
            ├── AccessDenied
            ├── Archived
            ├── StorageUnavailable
            ├── PublishConflict
            └── DeadlinePassed
        └── InternalError             a defect of this software, kept to one object

`code` is stable and goes into the manifest; so does `message`, which is a constant of the class: nothing that
came from a file or from another library's exception ever reaches a row. `retryable` says whether the same bytes
may succeed another time ("try again later") or never will ("drop for good").
"""

from __future__ import annotations

from typing import ClassVar, Literal


class AnonymizerError(Exception):
    """Root of the tree."""


class UsageError(AnonymizerError):
    """Wrong command line, configuration or registry: exit status 2."""


class ConfigError(UsageError):
    """A setting is unknown, malformed or contradicts another."""


class WrongOutput(ConfigError):
    """OUTPUT is not the place that the manifest speaks of."""


class RegistryError(UsageError):
    """The consent registry cannot be read or has unknown columns or an unreadable key."""


class RunError(AnonymizerError):
    """The run as a whole cannot go on: exit status 1."""


class ListingError(RunError):
    """The input could not be listed completely."""


class LeaseHeld(RunError):
    """Another run is at work on this OUTPUT."""


class LeaseLost(RunError):
    """Another run has taken over, or may have."""


class OutputLost(RunError):
    """OUTPUT is not there any more, or was not when the run began."""


class ClusterError(RunError):
    """Ray did not start, did not answer, or went away."""


class NoWorkersError(RunError):
    """No worker could be had for the configured time."""


class MixedVersionsError(RunError):
    """Workers run other versions than the driver."""


class ObjectError(AnonymizerError):
    """One object cannot be made safe. Its row carries `code`, `message` and `retryable`, nothing else.

    The text given to the constructor is for debuggers only and never leaves the process.
    """

    code: ClassVar[str] = "object_error"
    message: ClassVar[str] = "the object could not be processed"
    retryable: ClassVar[bool] = False
    status: ClassVar[Literal["failed", "skipped", "removed"]] = "failed"

    def __reduce__(self) -> tuple[type[ObjectError], tuple[()]]:
        """Pickle without arguments: details stay in the process that saw the bytes."""
        return type(self), ()


class NotAnImage(ObjectError):
    code = "not_an_image"
    message = "the content is no picture"
    status = "skipped"


class Withheld(ObjectError):
    code = "withheld"
    message = "policy public: no working consent covers this photo"
    status = "skipped"


class EmptyFile(ObjectError):
    code = "empty"
    message = "a picture's name, and not a byte"


class WrongCoding(ObjectError):
    code = "content_encoding"
    message = "a picture's name, and a Content-Encoding that is not known or is not that of its bytes"


class UnsupportedFormat(ObjectError):
    code = "unsupported_format"
    message = "a picture in a format that cannot be read and written safely"


class DecodeError(ObjectError):
    code = "decode_error"
    message = "the picture is damaged or truncated"


class ImageTooLarge(ObjectError):
    code = "too_large"
    message = "more bytes or pixels than the configured limit"


class DetectionFailed(ObjectError):
    code = "detection_failed"
    message = "the detector gave no usable answer"


class BoxesMissing(ObjectError):
    code = "boxes_missing"
    message = "boxes are given in place of detection, and none for this object"


class BoxesMismatch(ObjectError):
    code = "boxes_mismatch"
    message = "the given boxes are of another version or size of this object"


class ConsentRegionMisfit(ObjectError):
    code = "consent_region"
    message = "a region of an objection does not fit this picture"


class EncodeError(ObjectError):
    code = "encode_error"
    message = "the redacted picture could not be encoded"


class FormatInPlace(ObjectError):
    code = "format_in_place"
    message = "it would become another format, which cannot be done in place"


class ScrubCheckFailed(ObjectError):
    code = "scrub_check"
    message = "the written bytes hold something beyond the allow-list"


class UnsafeKey(ObjectError):
    code = "unsafe_key"
    message = "the key has a part `.` or `..`, is no valid text or leads over a link: it might point outside the root"


class NameNotHeld(ObjectError):
    code = "name_not_held"
    message = "a part of the key between slashes is empty (only S3 holds such names) or too long for the disk"


class ReservedKey(ObjectError):
    code = "reserved_key"
    message = "the key looks like one of our own names"


class KeyCollision(ObjectError):
    code = "key_collision"
    message = "two sources would be published under one key"


class OutputTaken(ObjectError):
    code = "output_taken"
    message = "a file that is not ours stands where the output would go; it was left alone"
    retryable = True


class NotARegularFile(ObjectError):
    code = "not_a_regular_file"
    message = "a link or a special file; it was not followed"


class Unsafe(ObjectError):
    code = "unsafe"
    message = "the consent that this output needed no longer holds"
    status = "removed"


class TakeDownOwed(ObjectError):
    code = "take_down_owed"
    message = "an output that may not stand any more could not be removed; every run tries again"
    retryable = True


class Requested(ObjectError):
    code = "requested"
    message = "its removal was asked for"
    status = "removed"


class ImageTimeout(ObjectError):
    code = "timeout"
    message = "it took longer than engine.image_time_s"


class PoisonImage(ObjectError):
    code = "poison_image"
    message = "the worker died while it held this object"


class InternalError(ObjectError):
    code = "internal_error"
    message = "an unexpected error; the log of the worker has its type"
    retryable = True


class StorageError(ObjectError):
    code = "storage_error"
    message = "the storage refused the request"
    retryable = True


class SourceGone(StorageError):
    code = "source_gone"
    message = "the source is gone"


class SourceChanged(StorageError):
    code = "source_changed"
    message = "the object changed after it was listed"


class AccessDenied(StorageError):
    code = "access_denied"
    message = "the storage denied access"


class Archived(StorageError):
    code = "archived"
    message = "the object is archived and cannot be read before it is restored"


class StorageUnavailable(StorageError):
    code = "storage_unavailable"
    message = "the storage could not be reached or asked to slow down"


class PublishConflict(StorageError):
    """The output is not the version that the driver fixed; the driver decides again."""

    code = "publish_conflict"
    message = "the output changed while the object was processed"


class DeadlinePassed(StorageError):
    """The chunk's deadline is over: nothing may be read or published any more."""

    code = "deadline_passed"
    message = "the worker ran out of its allotted time"
