from __future__ import annotations

import numpy as np
import pytest

from anonymizer.config import RedactionConfig
from anonymizer.image.geometry import head_mask
from anonymizer.image.redactors.solid import Solid
from tests.image.redactors.test_contract import BOXES, HEIGHT, WIDTH, boxes_of, noise


@pytest.mark.parametrize("case", BOXES)
def test_every_masked_pixel_is_the_fill(case):
    redacted = Solid(RedactionConfig(fill="#Ff0080")).redact(noise(1), boxes_of(case))
    assert (redacted[head_mask(boxes_of(case), WIDTH, HEIGHT)] == [255, 0, 128]).all()


@pytest.mark.parametrize("row_column", [(HEIGHT - 1, WIDTH - 12), (HEIGHT - 15, WIDTH - 1)])
def test_last_row_and_column_are_filled(row_column):
    redacted = Solid(RedactionConfig(fill="#000000")).redact(
        np.full((HEIGHT, WIDTH), 255, np.uint8), boxes_of("last row and column")
    )
    assert redacted[row_column] == 0


@pytest.mark.parametrize(
    ("fill", "gray"), [("#000000", 0), ("#ffffff", 255), ("#ff0000", 76), ("#00ff00", 150), ("#0000ff", 29)]
)
def test_gray_pictures_get_the_luma(fill, gray):
    redacted = Solid(RedactionConfig(fill=fill)).redact(noise(1, ()), boxes_of("in the middle"))
    assert set(redacted[head_mask(boxes_of("in the middle"), WIDTH, HEIGHT)]) == {gray}
