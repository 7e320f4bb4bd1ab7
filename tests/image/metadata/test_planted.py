"""Leaks, planted one by one: the inventory names each, the output has none, and the check would have seen it."""

from __future__ import annotations

import pytest

from anonymizer.errors import ScrubCheckFailed
from anonymizer.image import codec, metadata
from tests.image.codec.samples import CONFIG, MARKER, PLANTED, encoded

TABLE = pytest.mark.parametrize("dirt", PLANTED)


@TABLE
def test_the_inventory_names_it(dirt: str) -> None:
    format_name, make, names = PLANTED[dirt]
    assert set(metadata.inventory(make(), format_name)) == names


@TABLE
def test_the_output_has_nothing_of_it(dirt: str) -> None:
    format_name, make, _ = PLANTED[dirt]
    output = codec.encode(codec.decode(make(), CONFIG)).data
    assert MARKER not in output
    assert MARKER[:4] not in output
    assert metadata.inventory(output, format_name) == ()
    metadata.check(output, format_name, 64, 48)


@TABLE
def test_the_check_refuses_the_source_as_it_is(dirt: str) -> None:
    format_name, make, _ = PLANTED[dirt]
    with pytest.raises(ScrubCheckFailed):
        metadata.check(make(), format_name, 64, 48)


@TABLE
def test_the_output_is_that_of_the_clean_source(dirt: str) -> None:
    """What is planted has no influence on a single byte; profiles of sRGB have none either."""
    format_name, make, _ = PLANTED[dirt]
    clean = codec.encode(codec.decode(encoded(format_name), CONFIG)).data
    assert codec.encode(codec.decode(make(), CONFIG)).data == clean
