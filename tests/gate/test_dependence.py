"""Images in a row without `--group-by`: nothing changes for independent ones, others are moved with what they belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError
from driftcli.detectors.univariate import Univariate
from driftcli.gate.batch_test import run_gate
from driftcli.gate.dependence import Alone, found
from driftcli.reference.families import Family
from tests.gate import _cases as cases

COLUMNS = tuple(cases.Column(f"c{j}") for j in range(12))


def images(rng, scenes, *, start=0, names="{}.png", time=None, each=10, shift=0.0):
    """Bursts of near-copies, in the order of random hashes; pixel hashes count from `start`."""
    n = scenes * each
    values = rng.normal(size=(scenes, 12)).repeat(each, axis=0) + 0.1 * rng.normal(size=(n, 12)) + shift
    order = rng.permutation(n)
    made = cases.features(np.zeros(n), start)
    return replace(
        made,
        views={"properties": values[order].astype(np.float32)},
        names=tuple(names.format(i) for i in order),
        time=None if time is None else time[order],
    )


def baseline(good):
    detector = Univariate()
    state = detector.fit(np.random.default_rng(9).normal(size=(90, 12)).astype("f"), COLUMNS, 0)
    family = Family("properties", "properties", "on", detector, COLUMNS, state, named=True)
    return replace(cases.baseline(good), families=(family,))


def gate(good, batch, **given):
    settings = cases.settings({"alpha": 0.05, "permutations": 399, **given})
    return run_gate(settings, baseline(good), cases.reading(batch))


@pytest.mark.parametrize("seed", range(5))
def test_independent_images_keep_their_very_p(seed):
    rng = np.random.default_rng(seed)
    good, batch = images(rng, 200, each=1), images(rng, 40, start=500, each=1)
    auto, off = (gate(good, batch, dependence=how) for how in ("auto", "off"))
    assert auto.dependence is None
    assert auto.verdict == off.verdict
    assert (auto.relabellings.labels == off.relabellings.labels).all()


@pytest.mark.parametrize("by", ["name", "time"])
def test_bursts_are_moved_whole_and_said(by):
    rng = np.random.default_rng(1)
    keys = [{}, {}]
    if by == "time":
        keys = [{"names": "{}f3ab.png", "time": np.arange(n) * 2.0} for n in (600, 50)]
    outcome = gate(images(rng, 60, **keys[0]), images(rng, 5, start=700, **keys[1]))
    assert outcome.relabellings.kind == "groups"
    assert outcome.dependence.units == (60, 5)
    order = "in capture time" if by == "time" else "by path"
    said = outcome.dependence.sentence
    assert said.startswith("50 images count as 5 independent ones (the baseline's 600 as 60)")
    assert f"neighbours {order} are near-copies" in said
    assert "--group-by" in said
    sizes = outcome.relabellings.sizes
    assert (sizes == 10).all()


def test_groups_that_the_baseline_was_told_of_hide_no_bursts():
    """Made with --group-by and asked without it: what belongs together is found, as without any groups."""
    rng = np.random.default_rng(8)
    good, batch = images(rng, 60), images(rng, 8, start=700)
    told = tuple(f"clip {int(name.removesuffix('.png')) // 10}" for name in good.names)
    plain, grouped = baseline(good), baseline(replace(good, group=told))
    grouped = replace(grouped, facts={**grouped.facts, "group_by": "folder"})
    expected, tied = (found(one, batch, 0.05) for one in (plain, grouped))
    assert tied.units == expected.units == (60, 8)
    assert (tied.unit == expected.unit).all()


def test_bursts_of_any_sizes_are_units():
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 12, 80)
    made = images(rng, 80, each=1)
    chosen = np.repeat(np.arange(80), sizes)
    values = made.views["properties"][chosen] + 0.1 * rng.normal(size=(len(chosen), 12)).astype("f")
    good = replace(cases.features(np.zeros(len(chosen))), views={"properties": values.astype(np.float32)})
    tied = found(baseline(good), images(rng, 5, start=900), 0.05)
    unit = tied.unit[: len(good)]
    assert (unit == chosen).all()


def test_off_and_group_by_go_before_it():
    rng = np.random.default_rng(3)
    good, batch = images(rng, 60), images(rng, 5, start=700)
    assert gate(good, batch, dependence="off").relabellings.kind == "images"
    named = [replace(side, group=tuple(f"g{i % 20}" for i in range(len(side)))) for side in (good, batch)]
    settings = cases.settings({"alpha": 0.05}, input={"group_by": "folder"})
    outcome = run_gate(settings, baseline(named[0]), cases.reading(named[1]))
    assert outcome.dependence is None
    assert outcome.relabellings.kind == "groups"


def test_too_few_independent_images_are_inconclusive_with_what_helps():
    """One burst, which depends as the baseline does, against twelve cannot give p <= 0.05: 13 choices."""
    rng = np.random.default_rng(4)
    with pytest.raises(NotAuditedError, match="smallest p-value") as caught:
        gate(images(rng, 12), images(rng, 1, start=200))
    assert "batch's 10 images count as 1" in caught.value.hint
    assert "--group-by" in caught.value.hint
    assert "--dependence off" in caught.value.hint


def test_the_units_know_nothing_of_the_other_side():
    """A shift of the whole batch changes no unit: each side is measured by itself."""
    tied = []
    for shift in (0.0, 3.0):
        rng = np.random.default_rng(5)
        good, batch = images(rng, 60), images(rng, 8, start=700, shift=shift)
        tied.append(found(baseline(good), batch, 0.05).unit)
    assert (tied[0] == tied[1]).all()


@pytest.mark.parametrize("step", [1, 2])
def test_what_begins_within_the_batch_is_drift_and_no_dependence(step):
    """Its last third is like its neighbours and unlike all good images, whether these lie as close together or twice as far apart."""
    rng = np.random.default_rng(7)
    good = images(rng, 200, each=1)
    numbered = tuple(f"{step * int(name.removesuffix('.png'))}.png" for name in good.names)
    batch = images(rng, 30, start=500, each=1)
    late = np.array([int(name.removesuffix(".png")) >= 20 for name in batch.names])
    views = {"properties": batch.views["properties"] + 4 * late[:, None].astype(np.float32)}
    outcome = gate(replace(good, names=numbered), replace(batch, views=views))
    assert outcome.dependence is None
    assert outcome.verdict.outcome == "drift"
    assert isinstance(outcome.neighbours, Alone)
    assert "something changed within the batch" in outcome.neighbours.sentence
    assert gate(replace(good, names=numbered), batch).neighbours is None


def test_drift_in_bursts_is_found():
    rng = np.random.default_rng(6)
    outcome = gate(images(rng, 60), images(rng, 8, start=700, shift=2.0))
    assert outcome.verdict.outcome == "drift"
