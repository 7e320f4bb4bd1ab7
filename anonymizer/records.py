"""The frozen values that flow from listing to manifest. No behaviour beyond what their fields imply."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["anonymized", "no_face", "retained", "skipped", "failed", "removed"]
ConsentStatus = Literal["withdrawn", "denied", "malformed", "expired", "pending", "partial", "granted", "unknown"]
Encoding = Literal["exact", "reencoded"]

Pixels = NDArray[np.uint8]
"""(H, W) gray or (H, W, 3) RGB, uint8."""

Samples = NDArray[np.unsignedinteger[Any]]
"""Samples as a file holds them, uint8 or uint16."""

Mask = NDArray[np.bool_]

Boxes = NDArray[np.float32]
"""(N, 4) float32 `xyxy` in pixels of the upright image; half-open: x2 and y2 are the first pixel outside."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One listed object.

    Attributes:
        key: Path below the input root, `/` between parts, UTF-8.
        uri: Full fsspec URL.
        etag: The version that was listed: the store's ETag without quotes; locally a digest of inode, size and mtime.
        size: Bytes.
        modified: UTC.
    """

    key: str
    uri: str
    etag: str
    size: int
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle drawn on an upright image of `width` × `height` pixels; None for either = cannot be placed."""

    x: float
    y: float
    w: float
    h: float
    width: int | None
    height: int | None
    frame: int | None = None
    source_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One working grant. `person` numbers the image's distinct subjects; rows without a subject share number 0."""

    person: int
    everyone: bool
    region: Region | None
    record_id: str | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Veto:
    """One row that is not a grant; `region` None = the whole image."""

    status: Literal["withdrawn", "denied", "malformed", "expired", "pending"]
    region: Region | None
    record_id: str | None


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """What the registry says about one key at `as_of`: decided by the driver, travels with the chunk.

    Attributes:
        grants: Grants that work at `as_of` for the run's purpose.
        vetoes: Every other row that speaks about the key, grants out of window or purpose left out.
        lapsed: A grant exists whose window does not hold `as_of` (status `expired` when nothing worse is said).
        purpose: The run's purpose; None = only grants for any purpose count.
        registry_sha256: Of the registry file; None without a registry.
        sha256: Hash of the whole decision (grants, vetoes, lapsed and the purpose); empty when no row speaks.
        as_of: UTC time the decision speaks of.
    """

    grants: tuple[Grant, ...]
    vetoes: tuple[Veto, ...]
    lapsed: bool
    purpose: str | None
    registry_sha256: str | None
    sha256: str
    as_of: datetime | None

    @property
    def record_ids(self) -> tuple[str, ...]:
        """Sorted record ids of all rows that spoke."""
        spoke: Sequence[Grant | Veto] = (*self.grants, *self.vetoes)
        return tuple(sorted({row.record_id for row in spoke if row.record_id is not None}))


NO_CONSENT = ConsentDecision((), (), False, None, None, "", None)
"""No registry: every face is redacted."""


@dataclass(frozen=True, slots=True)
class Face:
    """One row of the manifest's `faces`: the detected (not the padded) box in upright pixels of the output."""

    frame: int
    x: float
    y: float
    w: float
    h: float
    score: float
    redacted: bool


@dataclass(frozen=True, slots=True)
class Detections:
    """Faces found, over all frames, strongest first within a frame.

    Attributes:
        xyxy: (N, 4) float32, pixels of the upright frame.
        score: (N,) float32 in [0, 1].
        frame: (N,) int32.
    """

    xyxy: Boxes
    score: NDArray[np.float32]
    frame: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def of(cls, faces: Sequence[Face]) -> Detections:
        """The detections that a manifest's faces record."""
        corners = [(face.x, face.y, face.x + face.w, face.y + face.h) for face in faces]
        return cls(
            xyxy=np.asarray(corners, np.float32).reshape(-1, 4),
            score=np.asarray([face.score for face in faces], np.float32),
            frame=np.asarray([face.frame for face in faces], np.int32),
        )


#: `GivenBoxes.faces.frame` of a box that holds in every frame.
EVERY_FRAME = -1


@dataclass(frozen=True, slots=True, eq=False)
class GivenBoxes:
    """Where somebody else found the faces of one object: read by the driver, travels with the chunk.

    Attributes:
        faces: No face at all is an answer too. `frame` may be `EVERY_FRAME`.
        width: Of the upright first frame that the boxes were drawn on; None = not said.
        height: Likewise.
        source_sha256: Of the file that they were found in, lower-case hex; None = not said.
        outdated: They were found in another version than the one that was listed.
    """

    faces: Detections
    width: int | None = None
    height: int | None = None
    source_sha256: str | None = None
    outdated: bool = False

    @property
    def sha256(self) -> str:
        """Hash of all of it, in hex."""
        said = repr((self.width, self.height, self.source_sha256, self.outdated, len(self.faces)))
        arrays = (self.faces.xyxy, self.faces.score, self.faces.frame)
        return hashlib.sha256(said.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()


@dataclass(frozen=True, slots=True)
class Frame:
    """One upright frame.

    Attributes:
        pixels: (H, W) gray, (H, W, 3) RGB or (H, W, 4) CMYK (the type's greatest value = full ink), uint8 or uint16.
        alpha: (H, W) of the same type, 0 = invisible; None = all of it is opaque.
        redacted: (H, W) bool, what the redactor has replaced; None = nothing. Encoders read what else they keep of
            the source (coefficients) outside of it only.
    """

    pixels: Samples
    alpha: Samples | None = None
    redacted: Mask | None = None

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class Grid:
    """What a format can change on its own: masks are rounded out to such blocks, counted from the top left.

    Attributes:
        width: Of a block, in pixels.
        height: Of a block, in pixels.
        reach: Pixels beside a changed block that a decoder shows differently too (chroma upsampling): no fill may
            read them.
    """

    width: int = 1
    height: int = 1
    reach: int = 0


PIXELS = Grid()
"""Every pixel can be changed on its own."""


@dataclass(frozen=True, slots=True)
class Animation:
    """How frames follow each other, read from the source's headers.

    Attributes:
        durations_ms: One for each frame, as near as the format tells it.
        loop: How often it is shown; 0 = for ever, None = the format's default (once).
        disposals: One for each frame, in the numbers of its format: what becomes of a frame before the next is drawn.
    """

    durations_ms: tuple[float, ...]
    loop: int | None = None
    disposals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: what codecs give and take.

    Attributes:
        format: Lower-case name of the container that was read (`jpeg`, `png`, `tiff`, ...).
        frames: Upright frames as they are seen (an animation's are composed), in the order of the file. All have one
            layout and type; the pages of a TIFF may differ in size, layout and type.
        grid: To which blocks masks are rounded out.
        profile: Name of the public colour space that the samples are in (see `anonymizer.codec.profiles`);
            None = sRGB, or CMYK without one.
        converted: The colours were converted, so that what is seen is the same and the samples are not.
        animation: Timing, where the format has it and there is more than one frame.
        encoder: What its own codec needs beside the frames to write it alike: headers, and for JPEG the parts of the
            source that its coefficients are in. Opaque to everybody else. Never metadata.
    """

    format: str
    frames: tuple[Frame, ...]
    grid: Grid = PIXELS
    profile: str | None = None
    converted: bool = False
    animation: Animation | None = None
    encoder: object = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file.

    Attributes:
        data: The whole of it.
        format: Of its container; another one than the picture's where that cannot be written cleanly.
        encoding: `exact` if outside the redacted areas nothing changed: coefficients for JPEG, samples otherwise.
    """

    data: bytes
    format: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class AnonymizedImage:
    """Bytes that passed every step. Only `anonymizer.pipeline` makes one; only this type can be published."""

    data: bytes
    format: str
    source_format: str
    width: int
    height: int
    frame_count: int
    encoding: Encoding
    status: Literal["anonymized", "no_face", "retained"]
    consent_status: ConsentStatus
    consent_record_ids: tuple[str, ...]
    retained_until: datetime | None
    faces: tuple[Face, ...]
    redacted_count: int
    metadata_removed: tuple[str, ...]
    metadata_kept: tuple[str, ...]
    source_sha256: str
    sha256: str

    @property
    def face_count(self) -> int:
        return len(self.faces)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row of the manifest; field names and meanings are those of DESIGN part 6."""

    key: str
    source_uri: str
    status: Status
    processed_at: datetime
    output_uri: str | None = None
    source_etag: str | None = None
    source_size: int | None = None
    source_modified: datetime | None = None
    source_sha256: str | None = None
    output_sha256: str | None = None
    output_size: int | None = None
    output_etag: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    retryable: bool | None = None
    consent_status: ConsentStatus | None = None
    consent_sha256: str | None = None
    consent_record_ids: tuple[str, ...] = ()
    purpose: str | None = None
    registry_sha256: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    encoding: Encoding | None = None
    face_count: int | None = None
    redacted_count: int | None = None
    faces: tuple[Face, ...] = ()
    metadata_removed: tuple[str, ...] = ()
    metadata_kept: tuple[str, ...] = ()
    detector: str | None = None
    detector_sha256: str | None = None
    method: str | None = None
    settings_sha256: str | None = None
    software_version: str | None = None
    attempt: int = 1
    as_of: datetime | None = None
    retained_until: datetime | None = None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One object of a chunk.

    Attributes:
        ref: What was listed.
        decision: What the consent registry says about it.
        output_version: The output that publishing is tied to; None when the driver saw none.
        standing: The current row of that output if it is still safe under today's decision: it stays if the redo
            fails.
        name: Key of the output if it has the source's format; None = the source's key.
        expected: Key of the output that `output_version` speaks of, if its format is thought to be another one.
        boxes: Its faces as they are known from outside; None = nothing is.
    """

    ref: ImageRef
    decision: ConsentDecision
    output_version: str | None
    standing: ManifestRow | None = None
    name: str | None = None
    expected: str | None = None
    boxes: GivenBoxes | None = None

    @property
    def own_key(self) -> str:
        """Where an output in the source's own format is published."""
        return self.name if self.name is not None else self.ref.key

    @property
    def output_key(self) -> str:
        """Where the output is expected, and where an older one is looked for."""
        return self.expected if self.expected is not None else self.own_key


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of scheduling, retry and commit.

    Attributes:
        chunk_id: Hash of its (key, version) list.
        attempt: 1 for the first dispatch; each dispatch raises it.
        epoch: The run's lease epoch.
        time_s: Seconds from its arrival, on the worker's own monotonic clock, after which the worker does nothing more.
    """

    chunk_id: str
    items: tuple[WorkItem, ...]
    attempt: int
    epoch: int
    time_s: float


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a worker tells the driver about a committed chunk: no pixels, no rows, only what counting needs.

    Attributes:
        statuses: Final status of each committed item, by key; a conflicted item is in `conflicts` instead.
        conflicts: Keys whose output was not the version fixed by the driver; they have no row yet.
        renamed: Of conflicted keys, the output key that the content asks for, where it is not the expected one.
        unfinished: Keys that the deadline left untouched; they have no row yet.
        unsafe_left: Keys with an output that is not safe and could not be removed.
        codes: `error_code` by key, for failed and skipped rows.
        busy_s: Seconds in which the worker computed.
    """

    chunk_id: str
    attempt: int
    statuses: dict[str, Status]
    codes: dict[str, str]
    conflicts: tuple[str, ...]
    renamed: dict[str, str]
    unfinished: tuple[str, ...]
    unsafe_left: tuple[str, ...]
    face_count: int
    redacted_count: int
    source_bytes: int
    output_bytes: int
    busy_s: float
