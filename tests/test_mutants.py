"""Some thousand mutants over all parsers: a value, or an error with a hint. `tests/benchmarks/mutants.py` runs a million."""

from __future__ import annotations

import pytest

from tests.benchmarks import mutants
from tests.benchmarks._parsers import parsers

FEWEST = {
    "`driftcli check`, images and all": 1,
    "manifest's facts: gate and report": 8,
    "arrays: gate, explanation, report": 12,
}
"""Slow ones."""


@pytest.fixture(scope="module")
def every(world, tmp_path_factory):
    return parsers(world, tmp_path_factory.mktemp("mutants"))


def test_no_mutant_ends_in_an_exception_of_somebody_else(every):
    """Of every parser some; the cheap ones get most."""
    assert len(every) == len({parser.name for parser in every}) > 20
    found = {}
    for parser in every:
        total = round(FEWEST.get(parser.name, max(30, 3_000 * parser.share)) / parser.share)
        found |= mutants.run([parser], total, seed=7, limit=120)
    assert sum(tally.runs for tally in found.values()) > 3_000
    assert {
        name: (tally.foreign, tally.hangs) for name, tally in found.items() if tally.foreign or tally.hangs
    } == {}
    assert {name: dict(tally.codes) for name, tally in found.items() if set(tally.codes) - {0, 2, 3}} == {}
    for name, tally in found.items():
        assert tally.codes[2] + tally.codes[3] > 0 or "cache" in name, f"nothing was refused: {name}"
