"""What each preset finds and misses: the figures, and their tables in the model card and on the page of detection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

from anonymizer.config import Preset
from infra.docs.generate.figures import FORMS
from infra.proof.detection import shares
from infra.proof.detection.seen import LabelledFace, Seen, pieces
from infra.proof.detection.shares import LEAST_FACE_PX, LEAST_SHARE

TURNS = {"upright": "lfw", "turned by 90°": "lfw@90", "turned by 180°": "lfw@180", "turned by 270°": "lfw@270"}
SETS = ("wider_val", "wider_events", "mask853", "mask_wearing149", "nonface", "london", *TURNS.values())
HEAD_SHARE = 0.4
"""`mask_wearing149` is labelled with whole heads, of which the mask of a face covers about half."""

HEIGHTS = {
    "10 to 19 px": (10, 20),
    "20 to 39 px": (20, 40),
    "40 to 79 px": (40, 80),
    "80 to 159 px": (80, 160),
    "160 px and more": (160, 100_000),
}
LABELS = {
    "sharp": ("blur", "0"),
    "somewhat blurred": ("blur", "1"),
    "strongly blurred": ("blur", "2"),
    "plain expression": ("expression", "0"),
    "strong expression": ("expression", "1"),
    "ordinary light": ("illumination", "0"),
    "extreme light": ("illumination", "1"),
    "not occluded": ("occlusion", "0"),
    "partly occluded": ("occlusion", "1"),
    "heavily occluded": ("occlusion", "2"),
    "ordinary pose": ("pose", "0"),
    "atypical pose": ("pose", "1"),
}
CLASSES = {
    "`mask853`: mask worn incorrectly": ("mask853", "mask_weared_incorrect", LEAST_SHARE),
    "`mask853`: with mask": ("mask853", "with_mask", LEAST_SHARE),
    "`mask853`: without mask": ("mask853", "without_mask", LEAST_SHARE),
    "`mask_wearing149`: mask": ("mask_wearing149", "mask", HEAD_SHARE),
    "`mask_wearing149`: no mask": ("mask_wearing149", "no-mask", HEAD_SHARE),
}

Values: TypeAlias = dict[str, Any]
Sets: TypeAlias = Mapping[str, Sequence[Seen]]


def measured(data: Path, folder: Path, presets: Iterable[Preset]) -> Values:
    """Every figure of these presets, by name (`wider_val.balanced.recall20`); presets side by side, on a CPU each.

    Args:
        data: Folder of the labelled sets.
        folder: Folder of cached measurements.
        presets: The presets; measured if not cached.
    """
    chosen = tuple(presets)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(pieces, repeat(data), repeat(folder), chosen, repeat(SETS))
        return {
            _of(preset, name): value
            for preset, sets in zip(chosen, found, strict=True)
            for name, value in figures(sets)
        }


def figures(sets: Sets) -> Iterator[tuple[str, Any]]:
    """Name (`wider_val.recall20`) and value of each figure of one preset."""
    wider, lone = sets["wider_val"], shares.others(sets["wider_events"], sets["wider_val"])
    yield "wider_val.recall20", shares.of_faces(shares.covered(wider))
    yield "wider_val.complete", shares.complete(wider)
    yield "wider_val.outside", round(shares.outside(wider), 5)
    yield "wider_val.cost", round(sum(one.cpu_s for one in wider) / (sum(one.plain_cpu_s for one in wider) or 1), 2)
    yield "wider_events.recall20", shares.of_faces(shares.covered(lone))
    yield "mask853.recall20", shares.of_faces(shares.covered(sets["mask853"]))
    yield "mask_wearing149.heads", shares.of_faces(shares.covered(sets["mask_wearing149"], share=HEAD_SHARE))
    yield "nonface.touched", shares.touched(sets["nonface"])
    yield "london.upright", shares.found_in_the_middle(sets["london"])
    for words, name in TURNS.items():
        yield f"lfw.{words}", shares.found_in_the_middle(sets[name])
    yield "lfw.turned", round(shares.still_found(sets["lfw"], [sets[name] for name in list(TURNS.values())[1:]]), 4)
    yield from _parts(sets)


def _parts(sets: Sets) -> Iterator[tuple[str, Any]]:
    """Shares of faces of one kind."""
    for words, (low, high) in HEIGHTS.items():
        pairs = shares.covered(sets["wider_val"], _is_high(low, high), least_px=0)
        yield f"wider_val.{words}", shares.of_faces(pairs)
    for words, label in LABELS.items():
        yield f"wider_val.{words}", shares.of_faces(shares.covered(sets["wider_val"], _has(*label)))
    for words, (name, value, share) in CLASSES.items():
        pairs = shares.covered(sets[name], _has("class", value), share=share)
        yield f"{name}.{words.partition(': ')[2]}", shares.of_faces(pairs)


def _is_high(low: float, high: float) -> Callable[[LabelledFace], bool]:
    return lambda face: low <= face.height < high


def _has(kind: str, value: str) -> Callable[[LabelledFace], bool]:
    return lambda face: face.kinds.get(kind) == value


def tables(values: Mapping[str, Any]) -> str:
    """Those of the model card as Markdown: shares with their intervals, a column for each preset."""
    by_set = {
        "`wider_val`: faces covered": "wider_val.recall20",
        "`wider_val`: photos with every face covered": "wider_val.complete",
        "`wider_events` without the photos of `wider_val`: faces covered": "wider_events.recall20",
        "`mask853`: faces covered": "mask853.recall20",
        f"`mask_wearing149`: heads covered by {HEAD_SHARE:.0%}": "mask_wearing149.heads",
        "`lfw`: portraits found": "lfw.upright",
        "`london`: portraits found": "london.upright",
        "`nonface`: photos in which something is covered": "nonface.touched",
    }
    classes = {words: f"{name}.{words.partition(': ')[2]}" for words, (name, _, _) in CLASSES.items()}
    parts = {
        "By set": ("", by_set),
        "By height of the face in the photo (`wider_val`)": ("height", {one: f"wider_val.{one}" for one in HEIGHTS}),
        f"By label (`wider_val`, faces from {LEAST_FACE_PX} px on)": ("label", {o: f"wider_val.{o}" for o in LABELS}),
        f"By mask, faces from {LEAST_FACE_PX} px on": ("class", classes),
        "By orientation (portraits, one in seven of `lfw`)": ("portraits found", {o: f"lfw.{o}" for o in TURNS}),
    }
    return "\n\n".join(f"### {title}\n{_table(head, values, rows)}" for title, (head, rows) in parts.items())


def _table(head: str, values: Mapping[str, Any], rows: Mapping[str, str]) -> str:
    presets = _presets(values)
    lines = [f"| {head} | {' | '.join(presets)} |", "|---|" + "---:|" * len(presets)]
    for words, name in rows.items():
        cells = [FORMS["interval"](values[_of(preset, name)]) for preset in presets]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(values: Mapping[str, Any]) -> str:
    """The table on the page of detection as Markdown: a line for each preset."""
    lines = [
        "| preset | `wider_val`: faces ≥ 20 px covered | photos complete | outside | `mask853` | `nonface` touched "
        "| `lfw` turned | cost |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for preset in _presets(values):
        recall, complete, masked, touched = (
            values[_of(preset, name)]
            for name in ("wider_val.recall20", "wider_val.complete", "mask853.recall20", "nonface.touched")
        )
        cells = [
            f"{FORMS['counts'](recall)} = {FORMS['plain'](recall)}",
            FORMS["plain"](complete),
            FORMS["percent"](values[_of(preset, "wider_val.outside")]),
            FORMS["plain"](masked),
            f"{FORMS['counts'](touched)} = {FORMS['plain'](touched)}",
            FORMS["percent"](values[_of(preset, "lfw.turned")]),
            f"{values[_of(preset, 'wider_val.cost')]:.2f}",
        ]
        lines.append(f"| {preset} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _presets(values: Mapping[str, Any]) -> list[str]:
    return [name.split(".")[1] for name in values if name.endswith(".recall20") and name.startswith("wider_val.")]


def _of(preset: str, name: str) -> str:
    """`wider_val.recall20` of a preset is `wider_val.balanced.recall20`."""
    folder, _, rest = name.partition(".")
    return f"{folder}.{preset}.{rest}"
