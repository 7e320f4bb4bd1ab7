"""The exceptions that this software raises on purpose, and their exit statuses and error codes.

    AnonymizerError
    ├── UsageError                    exit 2, one line on stderr before any work
    │   ├── ConfigError
    │   │   └── WrongOutput
    │   └── RegistryError
    ├── RunError                      exit 1, one line on stderr
    │   ├── ListingError
    │   ├── LeaseHeld / LeaseLost
    │   ├── OutputLost
    │   ├── ClusterError
    │   ├── NoWorkersError
    │   └── MixedVersionsError
    └── ObjectError                   becomes the row of one object: never ends a run
        ├── NotAnImage                → `skipped`
        ├── Withheld                  → `skipped` (policy public)
        ├── EmptyFile
        ├── WrongCoding
        ├── UnsupportedFormat
        ├── ArchiveUnread / TableUnread / VideoUnread / DocumentUnread   (`UNREAD`; `skipped` where `allow` names them)
        ├── DecodeError
        ├── ImageTooLarge
        ├── DetectionFailed
        ├── BoxesMissing / BoxesMismatch
        ├── ConsentRegionMisfit
        ├── EncodeError
        ├── FormatInPlace
        ├── FormatInShard / SampleLeftOut / ShardImageFailed / ShardSettings
        ├── RegistryChanged
        ├── ScrubCheckFailed
        ├── UnsafeKey / NameNotHeld / ReservedKey / KeyCollision / OutputTaken / NotARegularFile
        ├── ImageTimeout
        ├── PoisonImage
        ├── TakeDownOwed              an output that has to be removed could not be removed yet
        ├── Unsafe / Requested        → `removed`
        └── StorageError
            ├── SourceGone
            ├── SourceChanged
            ├── AccessDenied
            ├── Archived
            ├── StorageUnavailable
            ├── PublishConflict
            └── DeadlinePassed
        └── InternalError             a bug in this software that affects one object

The manifest stores `code`, which never changes, and `message`, which is a constant of the class: no text from a file or
from another library's exception ever gets into a row. `retryable` says whether processing the same bytes again may
succeed; if it is false, it never will.
"""

from __future__ import annotations

from typing import ClassVar, Literal


class AnonymizerError(Exception):
    """Base class of all errors that this software raises on purpose."""


class UsageError(AnonymizerError):
    """Wrong command line, configuration or registry: exit status 2."""


class ConfigError(UsageError):
    """A setting is unknown, malformed or contradicts another setting."""


class WrongOutput(ConfigError):
    """OUTPUT is not the folder that this manifest belongs to."""


class RegistryError(UsageError):
    """The consent registry cannot be read or has unknown columns or an unreadable key."""


class RunError(AnonymizerError):
    """The run as a whole cannot go on: exit status 1."""


class ListingError(RunError):
    """The input could not be listed completely."""


class LeaseHeld(RunError):
    """Another run is writing to this OUTPUT."""


class LeaseLost(RunError):
    """Another run has taken over the lease, or may have."""


class OutputLost(RunError):
    """OUTPUT went missing during the run, or was missing when the run began."""


class ClusterError(RunError):
    """Ray did not start, did not answer, or went away."""


class NoWorkersError(RunError):
    """The cluster gave the run no worker for `engine.no_worker_s` seconds."""


class MixedVersionsError(RunError):
    """Workers have other versions of Python or of a library than the driver."""


class ObjectError(AnonymizerError):
    """One object cannot be made safe. Its row has `code`, `message` and `retryable`, and nothing else of the error.

    The text given to the constructor is for debugging only and never leaves the process.
    """

    code: ClassVar[str] = "object_error"
    message: ClassVar[str] = "the object could not be processed"
    retryable: ClassVar[bool] = False
    status: ClassVar[Literal["failed", "skipped", "removed"]] = "failed"

    def __reduce__(self) -> tuple[type[ObjectError], tuple[()]]:
        """Pickles without the arguments, so that details stay in the process that read the bytes."""
        return type(self), ()


class NotAnImage(ObjectError):
    code = "not_an_image"
    message = "the content is not an image"
    status = "skipped"


class Withheld(ObjectError):
    code = "withheld"
    message = "policy public: no valid consent covers this photo"
    status = "skipped"


class EmptyFile(ObjectError):
    code = "empty"
    message = "the file has the name of an image and is empty"


class WrongCoding(ObjectError):
    code = "content_encoding"
    message = "the object's Content-Encoding is not supported or does not match its bytes"


class UnsupportedFormat(ObjectError):
    code = "unsupported_format"
    message = "the image format is not supported: it cannot be read and written safely"


class ArchiveUnread(ObjectError):
    code = "archive_unread"
    message = "an archive or a compressed file that may hold pictures; it was not opened"


class TableUnread(ObjectError):
    code = "table_unread"
    message = "a table or a shard of a data set that may hold pictures; it was not opened"


class VideoUnread(ObjectError):
    code = "video_unread"
    message = "a video; it was not opened"


class DocumentUnread(ObjectError):
    code = "document_unread"
    message = "a document that may hold pictures; it was not opened"


UNREAD = (ArchiveUnread, TableUnread, VideoUnread, DocumentUnread)
"""What may hold pictures and is not opened. The setting `allow` is a user's word that it may be passed over."""


class DecodeError(ObjectError):
    code = "decode_error"
    message = "the image is damaged or truncated"


class ImageTooLarge(ObjectError):
    code = "too_large"
    message = "the image has more bytes or pixels than the configured limit"


class DetectionFailed(ObjectError):
    code = "detection_failed"
    message = "the face detector returned no usable result"


class BoxesMissing(ObjectError):
    code = "boxes_missing"
    message = "boxes.mode is replace, and the given boxes have no entry for this object"


class BoxesMismatch(ObjectError):
    code = "boxes_mismatch"
    message = "the given boxes belong to another version or size of this object"


class ConsentRegionMisfit(ObjectError):
    code = "consent_region"
    message = "the region of an objection does not fit this image"


class EncodeError(ObjectError):
    code = "encode_error"
    message = "the redacted image could not be encoded"


class FormatInPlace(ObjectError):
    code = "format_in_place"
    message = "the image would have to change its format, which is not possible in place"


class FormatInShard(ObjectError):
    code = "format_in_shard"
    message = "the image would have to change its format, which is not possible inside a shard"


class SampleLeftOut(ObjectError):
    code = "sample_left_out"
    message = "another image of the same sample cannot be made safe, so that the sample is left out of the shard"


class ShardImageFailed(ObjectError):
    code = "shard_image"
    message = "an image in the shard cannot be made safe, and shards.on_failure is fail"


class ShardDamaged(ObjectError):
    code = "shard_damaged"
    message = "the shard is damaged or truncated"


class ShardEncrypted(ObjectError):
    code = "shard_encrypted"
    message = "the shard is encrypted"


class ShardMember(ObjectError):
    code = "shard_member"
    message = "a member of the shard is sparse, of an unknown kind, or has a name that leaves the folder"


class Reference(ObjectError):
    code = "reference"
    message = "the table has the path of an image and not its bytes"


class ShardSettings(ObjectError):
    code = "shard_settings"
    message = "a shard can be written neither in place nor with --names hashed"


class RegistryChanged(ObjectError):
    code = "registry_changed"
    message = "the consent registry changed during the run"
    retryable = True


class ScrubCheckFailed(ObjectError):
    code = "scrub_check"
    message = "the encoded file contains something that is not on the allow-list"


class UnsafeKey(ObjectError):
    code = "unsafe_key"
    message = "the key has a part `.` or `..`, is not valid text or crosses a link: it might point outside the root"


class NameNotHeld(ObjectError):
    code = "name_not_held"
    message = "a part of the key between slashes is empty (possible on S3 only) or too long for the file system"


class ReservedKey(ObjectError):
    code = "reserved_key"
    message = "the key is reserved for files of this software"


class KeyCollision(ObjectError):
    code = "key_collision"
    message = "two sources would be published under the same key"


class OutputTaken(ObjectError):
    code = "output_taken"
    message = "a file that this software did not write exists where the output would go; it was not changed"
    retryable = True


class NotARegularFile(ObjectError):
    code = "not_a_regular_file"
    message = "the object is a link or a special file; it was not followed"


class Unsafe(ObjectError):
    code = "unsafe"
    message = "the consent that this output needed is no longer valid"
    status = "removed"


class TakeDownOwed(ObjectError):
    code = "take_down_owed"
    message = "an output that has to be removed could not be removed; every run tries again"
    retryable = True


class Requested(ObjectError):
    code = "requested"
    message = "the output was removed as requested"
    status = "removed"


class ImageTimeout(ObjectError):
    code = "timeout"
    message = "processing took longer than engine.image_time_s"


class PoisonImage(ObjectError):
    code = "poison_image"
    message = "the worker died while it processed this object"


class InternalError(ObjectError):
    code = "internal_error"
    message = "an unexpected error; the worker's log has its type"
    retryable = True


class StorageError(ObjectError):
    code = "storage_error"
    message = "the storage refused the request"
    retryable = True


class SourceGone(StorageError):
    code = "source_gone"
    message = "the source does not exist any more"


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
    message = "the storage could not be reached or throttled the request"


class PublishConflict(StorageError):
    """The output is not the version that the driver saw; the driver looks it up again and decides anew."""

    code = "publish_conflict"
    message = "the output changed while the object was processed"


class DeadlinePassed(StorageError):
    """The chunk's deadline has passed: the worker may not read or publish anything for it any more."""

    code = "deadline_passed"
    message = "the worker did not finish before its deadline"
