"""Shares of faces and of photos over what was seen, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from anonymizer.audit.evidence import exact_interval
from infra.proof.detection.intervals import clustered
from infra.proof.detection.seen import LabelledFace, Seen

#: A labelled face counts from this height on, and is covered if this share of its box is masked.
LEAST_FACE_PX, LEAST_SHARE = 20, 0.8

Pairs: TypeAlias = list[tuple[int, int]]
Share: TypeAlias = dict[str, float]
"""`hits` of `of`, and the ends of the 95 % interval, `low` and `high`."""


def of_faces(pairs: Sequence[tuple[int, int]]) -> Share:
    """A share of faces; photos are drawn again for its interval.

    Args:
        pairs: Of each photo the faces that count and all of its faces.
    """
    hits, faces = (sum(pair[side] for pair in pairs) for side in (0, 1))
    low, high = clustered(pairs)
    return {"hits": hits, "of": faces, "low": round(low, 4), "high": round(high, 4)}


def of_photos(hits: int, photos: int) -> Share:
    """A share of photos, each a trial (Clopper-Pearson); of no photos nothing is known."""
    low, high = exact_interval(hits, photos) if photos else (0.0, 1.0)
    return {"hits": hits, "of": photos, "low": round(low, 4), "high": round(high, 4)}


def covered(
    seen: Iterable[Seen],
    wanted: Callable[[LabelledFace], bool] = lambda _: True,
    *,
    share: float = LEAST_SHARE,
    least_px: float = LEAST_FACE_PX,
) -> Pairs:
    """Of each photo the wanted faces that are covered, and all of them."""
    chosen = [[face for face in one.faces if face.height >= least_px and wanted(face)] for one in seen]
    return [(sum(face.share >= share for face in faces), len(faces)) for faces in chosen]


def complete(seen: Iterable[Seen]) -> Share:
    """Of the photos that show faces those in which every one is covered."""
    with_faces = [pair for pair in covered(seen) if pair[1]]
    return of_photos(sum(hits == faces for hits, faces in with_faces), len(with_faces))


def touched(seen: Sequence[Seen]) -> Share:
    """Of all photos those in which something is masked."""
    return of_photos(sum(one.boxes > 0 for one in seen), len(seen))


def found_in_the_middle(seen: Sequence[Seen]) -> Share:
    """Of portraits those whose face is found."""
    return of_photos(sum(one.middle for one in seen), len(seen))


def outside(seen: Iterable[Seen]) -> float:
    """Masked pixels away from every labelled face, as a share of all pixels."""
    pairs = [(one.stray_px, one.all_px) for one in seen]
    return sum(stray for stray, _ in pairs) / max(1, sum(pixels for _, pixels in pairs))


def still_found(upright: Iterable[Seen], turned: Iterable[Sequence[Seen]]) -> float:
    """Of the portraits found upright the share found when they are turned, as a mean over the turns."""
    there = {one.name for one in upright if one.middle}
    shares = [len(there & {one.name for one in seen if one.middle}) / max(1, len(there)) for seen in turned]
    return sum(shares) / max(1, len(shares))


def others(seen: Iterable[Seen], known: Iterable[Seen]) -> list[Seen]:
    """The photos whose file names are not among the known ones."""
    names = {one.name.rpartition("/")[2] for one in known}
    return [one for one in seen if one.name.rpartition("/")[2] not in names]
