"""A few hundred executions of each fuzz target: what `make fuzz` does for longer."""

from __future__ import annotations

import pytest

from infra.proof.fuzz.corpus import samples
from infra.proof.fuzz.explore import explore
from infra.proof.fuzz.targets import targets
from tests.image.codec import jxl

EXECUTIONS = {"codec": 150, "walk": 600, "mark": 600, "keep": 900, "sniff": 600}


# Decoders warn of what is damaged, which is what they are given here.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", targets())
def test_nothing_is_found(name: str) -> None:
    if name.endswith("-jxl") and not jxl.IS_HERE:
        pytest.skip("libjxl is not here")
    target = targets()[name]
    corpus = samples(target)
    wanted = EXECUTIONS[name.partition("-")[0]] + len(corpus)
    tally = explore(target, corpus, 4711, lambda now: now.executions < wanted)
    assert {place: finding.sample.data for place, finding in tally.findings.items()} == {}
    assert tally.executions == wanted == tally.accepted + tally.refused
    assert tally.refused > 0
