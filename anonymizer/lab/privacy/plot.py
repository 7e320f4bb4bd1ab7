"""Plot the attacks on every variant; the picture contains no faces."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from anonymizer.errors import UsageError
from anonymizer.lab.privacy.attack import SETTINGS
from anonymizer.lab.privacy.experiment import Outcome
from anonymizer.lab.privacy.result import Measured, strongest

INSTALL_HINT = "--plot needs matplotlib: pip install 'ray-anonymizer[privacy]'"
_COLOURS = {
    "raw": "#555555",
    "smooth": "#2a7f62",
    "solid": "#111111",
    "blur": "#c77d0a",
    "pixelate": "#c0392b",
    "gaussian": "#7d4ea3",
}


def require_matplotlib() -> None:
    """Checks early that matplotlib is installed.

    Raises:
        UsageError: It is not installed.
    """
    _matplotlib()


def _matplotlib() -> Any:
    try:
        return import_module("matplotlib")
    except ImportError:
        raise UsageError(INSTALL_HINT) from None


def draw(measured: Measured, path: Path) -> None:
    """Writes a PNG with a panel per setting and a row per variant.

    Dots are attackers, the strongest has its interval; lines mark chance and the strongest attack on raw photos.

    Raises:
        UsageError: matplotlib is not installed.
    """
    _matplotlib()
    figure_module = import_module("matplotlib.figure")
    names = list(dict.fromkeys(outcome.variant for outcome in measured.outcomes))
    # Without pyplot there is no global state and no window system.
    figure = figure_module.Figure(figsize=(11, 1.6 + 0.3 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(SETTINGS), sharey=True)
    for axes, setting in zip(panels, SETTINGS, strict=True):
        _panel(axes, measured.outcomes, names, setting)
        axes.set_xlabel(f"area under the ROC curve, {setting}")
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    figure.suptitle(
        "Re-identification of redacted faces: dots are attackers, bars the strongest with its 95 % interval"
    )
    figure.savefig(path, format="png", dpi=110)


def _panel(axes: Any, outcomes: tuple[Outcome, ...], names: list[str], setting: str) -> None:
    for row, name in enumerate(names):
        colour = _COLOURS.get(name.partition(":")[0].partition(" ")[0], "#1f5fa8")
        areas = [o.auc.value for o in outcomes if (o.variant, o.setting) == (name, setting)]
        axes.plot(areas, [row] * len(areas), ".", color=colour, alpha=0.45)
        best = strongest(outcomes, name, setting)
        if best is not None:
            ends = [[best.auc.value - best.auc.low], [best.auc.high - best.auc.value]]
            axes.errorbar([best.auc.value], [row], xerr=ends, fmt="D", color=colour, capsize=3, markersize=5)
    axes.axvline(0.5, color="#888888", linewidth=1, linestyle=":")
    raw = strongest(outcomes, "raw", SETTINGS[0])
    if raw is not None:
        axes.axvline(raw.auc.value, color="#888888", linewidth=1, linestyle="--")
    axes.grid(axis="x", alpha=0.25)
