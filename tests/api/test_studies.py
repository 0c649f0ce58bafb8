"""`power` and `simulate` from Python ask for what their command lines ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

import driftcli
from driftcli.power_study import plan as power_plan
from driftcli.power_study import study
from driftcli.simulation import write_copy
from driftcli.simulation.write_copy import ClassShift
from tests.journey import pictures


@pytest.fixture
def studied(monkeypatch):
    made = []
    monkeypatch.setattr(study, "power", lambda *args, **more: made.append((args, more)) or "measured")
    return made


@pytest.fixture
def copied(monkeypatch):
    made = []
    monkeypatch.setattr(write_copy, "simulate", lambda *args, **more: made.append((args, more)) or "written")
    return made


def test_power_asks_for_what_the_command_line_does(studied):
    assert driftcli.power("ref", "val") == "measured"
    (artifact, sources, call, grid), more = studied[0]
    assert (artifact, sources, grid) == (Path("ref"), ["val"], power_plan.make())
    assert (more["baseline"], call.given) == (None, frozenset())


def test_power_takes_numbers_or_the_command_lines_texts(studied):
    driftcli.power(
        "ref", "val", corruption="jpeg", severity=[2], share="100%,30%", batch=[5, 10], trials=3,
        foreign=Path("cats"), alpha=0.05, baseline="night", images=None,
    )  # fmt: skip
    (_, _, call, grid), more = studied[0]
    settings = call.settings
    assert (grid.corruptions, grid.severities, grid.shares) == (("jpeg",), (2,), (0.3, 1))
    assert (grid.batches, grid.trials, grid.images, grid.foreign) == ((5, 10), 3, 256, ("cats",))
    assert (settings.gate.alpha, call.given, more["baseline"]) == (0.05, {"gate.alpha"}, "night")


@pytest.mark.parametrize("wrong", [{"corruption": "jpg"}, {"share": "many"}, {"trials": 0}, {"batches": [3]}])
def test_power_refuses_before_anything_is_measured(studied, wrong):
    with pytest.raises(driftcli.UsageError):
        driftcli.power("ref", "val", **wrong)
    assert studied == []


def test_simulate_asks_for_what_the_command_line_does(copied):
    driftcli.simulate(
        "val", Path("out"), corruption=["gaussian_blur:2", "jpeg"], severity=4, share="30%", mix="other:5%",
        knock_out="folder=cats", class_share=["folder=dogs:90%"], seed=7, force=True,
    )  # fmt: skip
    (sources, place, plan, call), more = copied[0]
    assert (sources, place, call.settings.seed, more["force"]) == (["val"], Path("out"), 7, True)
    assert [str(step) for step in plan.steps] == ["gaussian_blur:2", "jpeg:4"]
    assert (plan.share, plan.mixtures) == (0.3, (("other", 0.05),))
    assert plan.class_shares == (ClassShift("folder", "cats"), ClassShift("folder", "dogs", 0.9))


def test_a_share_may_be_a_number(copied):
    driftcli.simulate("val", "out", corruption="jpeg", share=0.25)
    assert copied[0][0][2].share == 0.25


@pytest.mark.parametrize("wrong", [{}, {"corruption": "jpg"}, {"corruption": "jpeg", "share": 2}])
def test_simulate_refuses_before_anything_is_written(copied, wrong):
    with pytest.raises(driftcli.UsageError):
        driftcli.simulate("val", "out", **wrong)
    assert copied == []


def test_simulate_writes_the_folder(tmp_path):
    copy = driftcli.simulate(
        pictures(tmp_path / "val", 3, 1), tmp_path / "out", corruption="darken:3", workers=1
    )
    assert (copy.images, copy.corrupted, copy.foreign) == (3, 3, 0)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3
