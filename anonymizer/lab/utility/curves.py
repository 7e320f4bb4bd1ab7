"""Plot learning curves."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from anonymizer.errors import UsageError
from anonymizer.lab.utility.arms import Arm
from anonymizer.lab.utility.course_network import INSTALL_HINT
from anonymizer.lab.utility.utility import Measured
from anonymizer.lab.utility.variants import RAW

_SIZE_INCHES = (11.0, 7.5)
_DOTS_PER_INCH = 110


def png(measured: Measured) -> bytes:
    """Plots accuracy and loss per epoch, validated on the arm's own variant and on raw photos; means over the seeds.

    Raises:
        UsageError: Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(INSTALL_HINT) from None
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for row, quantity in enumerate(("accuracy", "loss")):
        for column, on_raw in enumerate((False, True)):
            _draw(axes[row][column], measured, quantity, on_raw)
    axes[0][0].legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axis: Any, measured: Measured, quantity: str, on_raw: bool) -> None:
    for index, arm in enumerate(arm for arm in measured.histories if arm == Arm(arm.method)):
        seen = RAW if on_raw else arm.method
        histories = measured.histories[arm]
        curves = np.array([[getattr(epoch.validation[seen], quantity) for epoch in each] for each in histories])
        epochs = np.arange(1, curves.shape[1] + 1)
        axis.plot(epochs, curves.mean(axis=0), color=f"C{index}", label=arm.method)
        if not on_raw:
            learned = np.array([[getattr(epoch.training, quantity) for epoch in each] for each in histories])
            axis.plot(epochs, learned.mean(axis=0), color=f"C{index}", linestyle=":")
    axis.set_title("validated on raw photos" if on_raw else "validated on the own variant (dotted: training)")
    axis.set_ylabel(quantity)
    axis.set_xlabel("epoch")
    axis.grid(alpha=0.3)
