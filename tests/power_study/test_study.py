"""Detection rates: of batches that are compared with other images only, and that rise where they must."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

import driftcli
from driftcli.calibration.paired import Change, Simulated
from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.progress import SILENT
from driftcli.power_study import cells as power_cells
from driftcli.power_study import plan as power_plan
from driftcli.power_study import study
from driftcli.power_study.cells import Material, Spot, measure, wilson
from driftcli.power_study.plan import Plan
from driftcli.reference.reference import Baseline
from driftcli.reference.seen import Seen
from driftcli.reports.power import json as _power_json
from tests.calibration import _world as world
from tests.statistical import binomial_bound

DARKEN = "darken"
AMOUNTS = {1.0: 0.4, 2.0: 1.0, 3.0: 4.0}
"""What each severity adds to the brightness of the drawn world, whose sd is about 1.15."""
ALPHA = 0.05
FAMILIES = {"content": "on", "properties": "on"}


def drawn(seed: int, pool: int = 120, good: int = 200, strangers: int = 0) -> Material:
    """A pool of the drawn world, darker and darker, and another C."""
    rng = np.random.default_rng([23, seed])
    families = world.fit(world.images(rng, 80), FAMILIES)
    clean = world.images(rng, pool)
    changed = {}
    for severity, amount in AMOUNTS.items():
        views = {name: x.copy() for name, x in clean.views.items()}
        views["properties"][:, 0] -= amount
        changed[Change(DARKEN, severity)] = views
    foreign = None
    if strangers:
        foreign = world.images(rng, strangers)
        foreign.views["properties"][:, :3] += 5
    return Material(families, world.images(rng, good).views, Simulated(clean, changed), foreign)


def plan(**more) -> Plan:
    return power_plan.make(
        **{"corruption": [DARKEN], "share": [1, 0.3], "batch": [20, 60], "trials": 20} | more
    )


@pytest.fixture(scope="module")
def measured():
    cells, null = measure(drawn(0, strangers=20), plan(), ALPHA, 5, SILENT)
    return {(c.corruption, c.severity, c.share, c.batch): c for c in cells}, null


# ---------------------------------------------------------------- rates


def test_unchanged_batches_fire_as_often_as_alpha_says():
    """6 fresh F, C and pools, 80 batches of 20 of each.

    Batches of one pool overlap: the bound (99 %) is that of as many batches as its images allow, 48 of 480.
    """
    fired, batches = 0, 0
    for seed in range(6):
        _, null = measure(
            drawn(seed, pool=160), plan(severity=[1], share=[1], batch=[20]), ALPHA, seed, SILENT
        )
        fired += sum(round(row.rates["gate"].rate * row.trials) for row in null)
        batches += sum(row.trials for row in null)
    assert batches == 480
    independent = 6 * 160 // 20
    assert fired / batches <= binomial_bound(independent, ALPHA) / independent
    assert fired > 0


def test_rates_rise_with_severity_share_and_batch(measured):
    """20 batches a cell, the same ones in all cells of a size: two of them may fall by chance."""
    cells, _ = measured
    rates = np.array(
        [
            [[cells[DARKEN, s, share, m].rates["gate"].rate for s in AMOUNTS] for share in (0.3, 1)]
            for m in (20, 60)
        ]
    )
    for axis in range(3):
        assert (np.diff(rates, axis=axis) >= -0.101).all()
    assert rates[0, 0, 0] <= 0.3
    assert rates[-1, -1, -1] == 1.0


def test_every_family_has_its_own_rate(measured):
    """What moves the properties alone is found by them; kernels see nothing but false alarms."""
    cells, null = measured
    rates = cells[DARKEN, 3.0, 1.0, 20].rates
    assert list(rates) == ["gate", "content", "properties"]
    assert rates["properties"].rate > 0.9
    assert rates["content"].rate <= binomial_bound(20, ALPHA) / 20
    assert [(row.batch, row.trials) for row in null] == [(20, 80), (60, 80)]


def test_an_advisory_family_has_a_rate_and_no_say():
    """Where only kernels gate, a darker batch is seen by the properties alone."""
    material = drawn(3)
    gates = {"content": "on", "properties": "advisory"}
    families = [replace(f, gate=gates[f.name]) for f in material.families]  # type: ignore[arg-type]
    cells, _ = measure(
        replace(material, families=families), plan(severity=[3], share=[1], batch=[20]), ALPHA, 0, SILENT
    )
    (cell,) = cells
    assert cell.rates["properties"].rate == 1.0
    assert cell.rates["gate"] == cell.rates["content"]
    assert cell.rates["gate"].rate < 0.5


def test_what_no_batch_escaped_is_inferred_and_says_so(measured):
    cells, _ = measured
    small, large = cells[DARKEN, 3.0, 1.0, 20], cells[DARKEN, 3.0, 1.0, 60]
    assert not small.inferred
    assert small.rates["gate"].rate == 1.0
    assert large.inferred
    assert large.rates == small.rates
    assert not cells[DARKEN, 1.0, 0.3, 60].inferred


def test_inferred_cells_would_have_been_found(monkeypatch, measured):
    """Tried after all: with no smallest p, every cell is."""
    cells, _ = measured
    monkeypatch.setattr(power_cells, "SURE", 0.0)
    tried, _ = measure(drawn(0, strangers=20), plan(), ALPHA, 5, SILENT)
    inferred = [
        cell for cell in tried if cells[cell.corruption, cell.severity, cell.share, cell.batch].inferred
    ]
    assert inferred
    assert not any(cell.inferred for cell in tried)
    assert all(cell.rates["gate"].rate == 1.0 for cell in inferred)
    for cell in tried:
        then = cells[cell.corruption, cell.severity, cell.share, cell.batch]
        assert then.inferred or then == cell


def test_foreign_images_take_places_as_far_as_there_are_enough(measured):
    """20 strangers: 30 % of 60 are 18, all of 60 are not to be had."""
    cells, _ = measured
    assert {key[2:] for key in cells if key[0] == "foreign"} == {(0.3, 20), (1.0, 20), (0.3, 60)}
    assert cells["foreign", None, 0.3, 60].changed == 18
    assert cells["foreign", None, 1.0, 20].rates["gate"].rate > 0.9


def test_the_same_seed_gives_the_same_rates_and_another_gives_others():
    short = plan(severity=[2], share=[1], batch=[20], trials=10)
    first, again, other = (measure(drawn(0), short, ALPHA, seed, SILENT) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_batches_larger_than_half_of_the_pool_are_not_measured():
    cells, null = measure(drawn(1, pool=50), plan(severity=[1], share=[1], trials=3), ALPHA, 0, SILENT)
    assert {cell.batch for cell in cells} == {20}
    assert [row.batch for row in null] == [20]


def test_a_batch_holds_as_many_changed_images_as_its_cell_says(monkeypatch):
    """The others are the same as in the clean batch, and all of them are different images of the pool."""
    material, batches = drawn(2), []

    class Watched(power_cells.Bench):
        def p(self, batch):
            batches.append(batch["properties"][:, 0])
            return super().p(batch)

    monkeypatch.setattr(power_cells, "Bench", Watched)
    measure(material, plan(severity=[3], share=[0.3], batch=[10], trials=4), ALPHA, 0, SILENT)
    clean = material.pool.clean.views["properties"][:, 0]
    changed = material.pool.changed[Change(DARKEN, 3.0)]["properties"][:, 0]
    null, cell = batches[:16], batches[16:]
    assert len(cell) == 4
    for before, after in zip(null[:4], cell, strict=True):
        assert len(set(before)) == 10
        assert np.isin(before, clean).all()
        assert (before != after).sum() == 3
        assert np.isin(after[before != after], changed).all()


@pytest.mark.parametrize(
    ("share", "m", "changed"), [(1, 10, 10), (0.3, 10, 3), (0.25, 50, 12), (0.01, 10, 1)]
)
def test_a_share_is_at_least_one_image(share, m, changed):
    assert Spot(Change(DARKEN, 1), share, m).changed == changed


def test_the_interval_is_wilsons():
    """Values of Wilson (1927) as in Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for hits, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        interval = wilson(hits, trials)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
        assert interval.low <= interval.rate <= interval.high


# ---------------------------------------------------------------- which images


def images(*pixels: int, files: int = 0) -> Features:
    """Images with these pixels, in the order of their hashes; other `files` hold the same pixels in other bytes."""
    hashes = np.array(sorted(pixels), np.uint64)
    names = tuple(f"{p}.png" for p in hashes)
    content = np.array([f"{p:032x}{files:032x}".encode() for p in hashes], "S64")
    return Features(
        names, content, hashes, np.zeros(len(hashes), np.uint64), {"v": hashes[:, None].astype(np.float32)}
    )


class Reference:
    """F is the images from 900 on."""

    seen = Seen(np.arange(900, 1000, dtype=np.uint64))


def divided(source: list[int], good: list[int], **more) -> study.Sides:
    baseline = Baseline("default", images(*good, files=1), (), {}, {}, {})
    return study.divide(images(*source), Reference, baseline, plan(batch=[10, 20], **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "good", "pool", "left"),
    [
        (range(100, 160), range(60), 60, 60),  # nothing in common
        (range(20, 100), range(60), 40, 60),  # enough that C does not hold
        (range(40, 70), range(60), 30, 40),  # all that is new, and some of C
        (range(60), range(60), 30, 30),  # C itself: half of it
        (range(200), range(200), 40, 160),  # a large C gives what the largest batch needs
        (range(300, 330), range(60), 30, 60),  # few, but none of C: smaller batches only
    ],
)
def test_no_image_is_on_both_sides(source, good, pool, left):
    sides = divided(list(source), list(good))
    assert (len(sides.pool), len(sides.held_out)) == (pool, left)
    assert not set(sides.pool.pixels.tolist()) & set(sides.held_out.pixels.tolist())
    assert sides.left_out == len(good) - left
    assert set(sides.pool.pixels.tolist()) <= set(source)
    assert list(sides.pool.content) == sorted(sides.pool.content)
    assert bool(sides.left_out) == any("it is used without them" in line for line in sides.cautions)


def test_images_of_the_reference_and_copies_stay_out():
    sides = divided([*range(100, 150), *range(100, 110), *range(900, 950)], list(range(60)))
    assert sides.pool.pixels.tolist() == list(range(100, 150))
    assert any("50 images that the reference was fitted on" in line for line in sides.cautions)


def test_copies_in_c_leave_it_together():
    """Two files with the same pixels: neither is compared with the one in the pool, whose bytes are others."""
    sides = divided(list(range(60)), [*range(60), *range(60)])
    assert len(sides.pool) == 30
    assert len(sides.held_out) == 60
    assert not set(sides.pool.pixels.tolist()) & set(sides.held_out.pixels.tolist())


def test_at_most_so_many_images_with_the_lowest_hashes():
    sides = divided(list(range(100, 300)), list(range(60)), images=45)
    assert sides.pool.pixels.tolist() == list(range(100, 145))


@pytest.mark.parametrize(
    ("source", "good", "what"),
    [
        (range(900, 960), range(60), "0 distinct images"),
        (range(100, 119), range(60), "19 distinct images"),
        (range(38), range(38), "19 distinct images"),
        ([*range(19), *range(100, 110)], range(38), "19 images of baseline default"),
    ],
)
def test_too_few_images_are_not_audited(source, good, what):
    with pytest.raises(NotAuditedError, match=what) as caught:
        divided(list(source), list(good))
    assert caught.value.exit_code == 3
    assert caught.value.hint


# ---------------------------------------------------------------- what is asked for


def test_a_plan_is_sorted_and_without_repeats():
    made = power_plan.make(
        severity=[3, 1, 3], share=[1, 0.1, 0.3], batch=[50, 10], corruption=["jpeg", "crop", "jpeg"]
    )
    assert (made.severities, made.shares, made.batches) == ((1, 3), (0.1, 0.3, 1), (10, 50))
    assert made.corruptions == ("jpeg", "crop")
    assert (made.images, power_plan.make(batch=[500]).images) == (256, 1000)
    assert power_plan.make() == Plan()
    assert len(power_plan.make(corruption=["all"]).corruptions) >= 28


@pytest.mark.parametrize(
    "wrong",
    [
        {"corruption": ["gausian_blur"]}, {"corruption": []}, {"severity": [0]}, {"severity": [6]}, {"severity": []},
        {"share": [0]}, {"share": [1.1]}, {"share": [float("nan")]}, {"batch": [1]}, {"batch": [10.5]},
        {"batch": [10**9]}, {"trials": 0}, {"images": 10},
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_measured_is_a_usage_error(wrong):
    with pytest.raises(UsageError) as caught:
        power_plan.make(**wrong)
    assert caught.value.hint


def test_a_misspelt_corruption_is_guessed():
    with pytest.raises(UsageError) as caught:
        power_plan.make(corruption=["gausian_blur"])
    assert caught.value.hint == "did you mean 'gaussian_blur'?"


@pytest.mark.parametrize(("text", "values"), [("1,2.5", [1, 2.5]), ("100%, 30%", [1, 0.3]), (" 7 ", [7])])
def test_lists_of_numbers(text, values):
    assert power_plan.numbers("share", text) == pytest.approx(values)


@pytest.mark.parametrize("text", ["", "a", "1,,2", "10%5", "inf", "nan", "1;2"])
def test_no_list_of_numbers(text):
    with pytest.raises(UsageError):
        power_plan.numbers("batch", text)


@pytest.mark.parametrize(
    "asked",
    [
        {"input": {"group_by": "folder"}},
        {"input": {"stratify_by": "folder"}},
        {"gate": {"alpha": 0.0005}},
        {"gate": {"ignore_composition": True}},
    ],
)
def test_gates_that_are_not_measured_are_refused(asked):
    with pytest.raises(UsageError):
        study._refuse_or_warn(Settings.model_validate(asked), Plan(), {})


# ---------------------------------------------------------------- the whole path


def test_from_python_as_from_the_shell(world):
    """The arguments of the command line; the report keeps to the published schema."""
    report = driftcli.power(
        world.ref, world.good, corruption=["darken"], severity=[3], share=[1], batch=[10], trials=5, workers=1
    )
    (cell,) = report.cells
    assert cell.rates["gate"].rate == 1.0
    assert (cell.amount, report.images + report.baseline_images) == (0.8, 110)
    jsonschema.Draft202012Validator(_power_json.schema()).validate(json.loads(_power_json.to_json(report)))


def test_images_of_c_are_never_compared_with_themselves(world, monkeypatch):
    """SOURCE is C: what reaches the test are two halves without a common image."""
    materials = []

    def watched(material, *_):
        materials.append(material)
        return (), ()

    monkeypatch.setattr(power_cells, "measure", watched)
    report = driftcli.power(
        world.ref, world.good, corruption=["darken"], severity=[1], batch=[10], trials=1, workers=1
    )
    (material,) = materials
    held_out, pool = (
        {row.tobytes() for row in views["properties"]}
        for views in (material.held_out, material.pool.clean.views)
    )
    assert len(held_out) == report.baseline_images == 90
    assert len(pool) == report.images == 20
    assert not held_out & pool
    assert report.left_out == 20
    assert "it is used without them, 90 images of 110" in report.cautions[0]


def test_what_rates_leave_out_is_said():
    """A tolerance, batches that a check refuses, classes that have a say of their own."""
    settings = Settings.model_validate({"gate": {"tolerance": 0.1}})
    cautions = study._refuse_or_warn(settings, power_plan.make(batch=[5]), {"stratify_by": "folder"})
    assert [
        word in line for word, line in zip(("tolerance", "mix", "--min-images"), cautions, strict=True)
    ] == [True] * 3
