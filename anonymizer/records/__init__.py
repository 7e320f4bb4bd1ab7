"""Defines the frozen dataclasses that are passed from the listing to the manifest; they hold data and no logic."""

from anonymizer.records.chunks import (
    Chunk,
    ChunkResult,
    WorkItem,
)
from anonymizer.records.consent import (
    NO_CONSENT,
    ConsentDecision,
    ConsentStatus,
    Content,
    Grant,
    Region,
    Veto,
)
from anonymizer.records.faces import (
    EVERY_FRAME,
    Boxes,
    Detections,
    Face,
    GivenBoxes,
    Suspects,
)
from anonymizer.records.listed import (
    ImageRef,
)
from anonymizer.records.pictures import (
    HLG,
    PIXELS,
    PQ,
    Animation,
    CodePoints,
    Encoded,
    Encoding,
    Frame,
    Grid,
    Mask,
    Partial,
    Picture,
    Pixels,
    Samples,
)
from anonymizer.records.results import (
    PUBLISHED,
    AnonymizedImage,
    AnonymizedShard,
    ManifestRow,
    Status,
)

__all__ = [
    "EVERY_FRAME",
    "HLG",
    "NO_CONSENT",
    "PIXELS",
    "PQ",
    "PUBLISHED",
    "Animation",
    "AnonymizedImage",
    "AnonymizedShard",
    "Boxes",
    "Chunk",
    "ChunkResult",
    "CodePoints",
    "ConsentDecision",
    "ConsentStatus",
    "Content",
    "Detections",
    "Encoded",
    "Encoding",
    "Face",
    "Frame",
    "GivenBoxes",
    "Grant",
    "Grid",
    "ImageRef",
    "ManifestRow",
    "Mask",
    "Partial",
    "Picture",
    "Pixels",
    "Region",
    "Samples",
    "Status",
    "Suspects",
    "Veto",
    "WorkItem",
]
