"""The tables of the model card: what each preset finds and misses, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from anonymizer.audit.evidence import exact_interval
from anonymizer.config import Preset
from infra.proof.detection.intervals import shown
from infra.proof.detection.measure import LEAST_FACE_PX, LEAST_SHARE
from infra.proof.detection.seen import LabelledFace, Seen, pieces

SETS = (
    *("wider_val", "wider_events", "mask853", "mask_wearing149", "nonface", "london"),
    *("lfw", "lfw@90", "lfw@180", "lfw@270"),
)
HEAD_SHARE = 0.4
"""`mask_wearing149` is labelled with whole heads, of which the mask of a face covers about half."""

HEIGHTS = ((10, 20), (20, 40), (40, 80), (80, 160), (160, 100_000))
_WORDS = {
    ("blur", "0"): "sharp",
    ("blur", "1"): "somewhat blurred",
    ("blur", "2"): "strongly blurred",
    ("expression", "0"): "plain expression",
    ("expression", "1"): "strong expression",
    ("illumination", "0"): "ordinary light",
    ("illumination", "1"): "extreme light",
    ("occlusion", "0"): "not occluded",
    ("occlusion", "1"): "partly occluded",
    ("occlusion", "2"): "heavily occluded",
    ("pose", "0"): "ordinary pose",
    ("pose", "1"): "atypical pose",
}

ByPreset: TypeAlias = Mapping[Preset, Mapping[str, list[Seen]]]
Pairs: TypeAlias = list[tuple[int, int]]


def tables(data: Path, folder: Path, presets: Iterable[Preset]) -> str:
    """All of them as Markdown.

    Args:
        data: Folder of the labelled sets.
        folder: Where pieces are kept.
        presets: Measured where their pieces are not there yet.
    """
    found = {preset: pieces(data, folder, preset, SETS) for preset in presets}
    parts = [
        ("By set", _by_set(found)),
        ("By height of the face in the photo (`wider_val`)", _by_height(found)),
        (f"By label (`wider_val`, faces from {LEAST_FACE_PX} px on)", _by_label(found)),
        (f"By mask, faces from {LEAST_FACE_PX} px on", _by_mask(found)),
        ("By orientation (portraits, one in seven of `lfw`)", _by_turn(found)),
    ]
    return "\n\n".join(f"### {title}\n{table}" for title, table in parts)


def _by_set(found: ByPreset) -> str:
    rows: dict[str, Callable[[Mapping[str, list[Seen]]], str]] = {
        "`wider_val`: faces covered": lambda sets: shown(_covered(sets["wider_val"])),
        "`wider_val`: photos with every face covered": lambda sets: _photos(sets["wider_val"]),
        "`wider_events` without the photos of `wider_val`: faces covered": lambda sets: shown(
            _covered(_others(sets["wider_events"], sets["wider_val"]))
        ),
        "`mask853`: faces covered": lambda sets: shown(_covered(sets["mask853"])),
        f"`mask_wearing149`: heads covered by {HEAD_SHARE:.0%}": lambda sets: shown(
            _covered(sets["mask_wearing149"], share=HEAD_SHARE)
        ),
        "`lfw`: portraits found": lambda sets: _middle(sets["lfw"]),
        "`london`: portraits found": lambda sets: _middle(sets["london"]),
        "`nonface`: photos in which something is covered": lambda sets: _exact(
            sum(one.boxes > 0 for one in sets["nonface"]), len(sets["nonface"])
        ),
    }
    return _table("", found, rows)


def _by_height(found: ByPreset) -> str:
    def row(low: float, high: float) -> Callable[[Mapping[str, list[Seen]]], str]:
        return lambda sets: shown(_covered(sets["wider_val"], lambda face: low <= face.height < high, least_px=0))

    names = [f"{low} to {high - 1} px" if high < HEIGHTS[-1][1] else f"{low} px and more" for low, high in HEIGHTS]
    return _table("height", found, {name: row(*ends) for name, ends in zip(names, HEIGHTS, strict=True)})


def _by_label(found: ByPreset) -> str:
    def row(kind: str, value: str) -> Callable[[Mapping[str, list[Seen]]], str]:
        return lambda sets: shown(_covered(sets["wider_val"], lambda face: face.kinds.get(kind) == value))

    return _table("label", found, {words: row(*label) for label, words in _WORDS.items()})


def _by_mask(found: ByPreset) -> str:
    def row(name: str, value: str, share: float) -> Callable[[Mapping[str, list[Seen]]], str]:
        return lambda sets: shown(_covered(sets[name], lambda face: face.kinds.get("class") == value, share=share))

    rows = {}
    for name, share in (("mask853", LEAST_SHARE), ("mask_wearing149", HEAD_SHARE)):
        first = next(iter(found.values()))[name]
        for value in sorted({face.kinds["class"] for one in first for face in one.faces if "class" in face.kinds}):
            rows[f"`{name}`: {value.replace('_', ' ')}"] = row(name, value, share)
    return _table("class", found, rows)


def _by_turn(found: ByPreset) -> str:
    def row(name: str) -> Callable[[Mapping[str, list[Seen]]], str]:
        return lambda sets: _middle(sets[name])

    turns = {"upright": "lfw", "turned by 90°": "lfw@90", "turned by 180°": "lfw@180", "turned by 270°": "lfw@270"}
    return _table("portraits found", found, {words: row(name) for words, name in turns.items()})


def _covered(
    seen: Iterable[Seen],
    wanted: Callable[[LabelledFace], bool] = lambda _: True,
    *,
    share: float = LEAST_SHARE,
    least_px: float = LEAST_FACE_PX,
) -> Pairs:
    """Of each photo the wanted faces that are covered, and all of them."""
    chosen = [[face for face in one.faces if face.height >= least_px and wanted(face)] for one in seen]
    return [(sum(face.share >= share for face in faces), len(faces)) for faces in chosen]


def _others(seen: Iterable[Seen], known: Iterable[Seen]) -> list[Seen]:
    """The photos whose file names are not among the known ones."""
    names = {one.name.rpartition("/")[2] for one in known}
    return [one for one in seen if one.name.rpartition("/")[2] not in names]


def _photos(seen: Iterable[Seen]) -> str:
    with_faces = [pair for pair in _covered(seen) if pair[1]]
    return _exact(sum(covered == faces for covered, faces in with_faces), len(with_faces))


def _middle(seen: list[Seen]) -> str:
    return _exact(sum(one.middle for one in seen), len(seen))


def _exact(hits: int, trials: int) -> str:
    low, high = exact_interval(hits, trials)
    return f"{hits / trials:.3f} [{low:.3f}, {high:.3f}] of {trials}"


def _table(title: str, found: ByPreset, rows: Mapping[str, Callable[[Mapping[str, list[Seen]]], str]]) -> str:
    lines = [f"| {title} | " + " | ".join(found) + " |", "|---|" + "---:|" * len(found)]
    lines += [f"| {name} | " + " | ".join(row(sets) for sets in found.values()) + " |" for name, row in rows.items()]
    return "\n".join(lines)
