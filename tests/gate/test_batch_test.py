"""The gate of one check: same numbers for the same images, attainable alpha, groups, tolerance."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.gate import batch_test
from driftcli.gate.batch_test import batch_seed, run_gate, sizes_of
from driftcli.gate.composition import Mix, with_family
from driftcli.gate.dependence import Found
from driftcli.gate.subset_test import Rerun
from driftcli.stats import sequential
from driftcli.stats.minp import joint_p
from driftcli.stats.own_rate import HeldOut
from driftcli.stats.relabelling import Blocks, draw
from tests.gate import _cases as cases
from tests.statistical import plain

RNG = np.random.default_rng(0)
GOOD = cases.features(RNG.normal(size=60), start=1000)
FRESH, BRIGHT = cases.features(RNG.normal(size=24)), cases.features(RNG.normal(1.6, 1, 24))
QUICK = {"permutations": 199, "alpha": 0.05}


def gate(batch, keys=None, good=GOOD, family="on", facts=None, **sections):
    settings = cases.settings({**QUICK, **(keys or {})}, **sections)
    return run_gate(settings, cases.baseline(good, family, **(facts or {})), cases.reading(batch))


def test_good_images_pass_and_others_do_not():
    fresh, bright = gate(FRESH), gate(BRIGHT)
    assert (fresh.verdict.outcome, bright.verdict.outcome) == ("pass", "drift")
    assert bright.verdict.p_value == 1 / 200
    assert (bright.permutations, bright.tolerance, bright.relabellings.rows) == (199, 0.0, 200)
    assert bright.tested is BRIGHT
    assert bright.composition is None


def test_the_seed_is_the_users_the_baselines_and_the_batchs():
    """SHA-256 of the three, a line each: the same check gives the same numbers, and no other check its labels."""
    expected = int(hashlib.sha256(b"7\nbase\nbatch").hexdigest(), 16)
    assert batch_seed(7, "base", "batch") == expected
    assert len({batch_seed(*key) for key in ((7, "a", "b"), (8, "a", "b"), (7, "b", "a"))}) == 3
    assert (gate(FRESH).relabellings.labels == gate(FRESH).relabellings.labels).all()
    other = gate(FRESH, seed=1).relabellings.labels
    assert (other != gate(FRESH).relabellings.labels).any()
    assert (gate(FRESH, facts={"digest": "y"}).relabellings.labels != gate(FRESH).relabellings.labels).any()


def test_only_the_first_images_are_tested():
    batch = cases.features(np.zeros(150))
    outcome = gate(batch, {"max_test_images": 100})
    assert outcome.tested.names == batch.names[:100]
    assert outcome.relabellings.labels.shape == (200, 100)


def grouped(values, size, start=0, name="g"):
    return cases.features(values, start, group=tuple(f"{name}{i // size}" for i in range(len(values))))


def test_alpha_must_be_attainable():
    """3 + 1 groups are 4 relabellings: p is 1/4 at least, which is alpha 0.25 and not 0.24."""
    good, batch = grouped(GOOD.views["properties"][:60, 0], 20, 1000), grouped(np.full(24, 9.0), 24, name="y")
    keys = {"good": good, "input": {"group_by": "folder"}, "facts": {"group_by": "folder"}}
    outcome = gate(batch, {"alpha": 0.25}, **keys)
    assert (outcome.relabellings.kind, outcome.relabellings.rows) == ("groups", 4)
    assert outcome.verdict.p_value == 0.25
    assert outcome.verdict.outcome == "drift"
    with pytest.raises(NotAuditedError, match=r"smallest p-value these groups can give is 0\.25") as caught:
        gate(batch, {"alpha": 0.24}, **keys)
    assert "1 batch group(s) need at least 4 baseline groups at this alpha, there are 3" in caught.value.hint


def test_what_unequal_groups_leave_of_a_batch_must_be_enough():
    """Good tracks of 12 images, one of 9, one of 3: of a batch track as many are tested as alpha needs good tracks for."""
    values = GOOD.views["properties"][:60, 0]
    names = tuple(f"c{i // 12}" for i in range(57)) + ("short",) * 3
    good = replace(cases.features(values, 1000), group=names)
    batch = grouped(np.full(12, 9.0), 12, name="y")
    keys = {"good": good, "input": {"group_by": "folder"}, "facts": {"group_by": "folder"}}
    with pytest.raises(NotAuditedError, match=r"only 3 of the batch's 12 images can be tested") as caught:
        gate(batch, {"alpha": 1 / 7}, **keys)
    assert "lower --min-images" in caught.value.hint
    few = gate(batch, {"alpha": 1 / 7, "min_images": 3}, **keys)
    assert (int(few.relabellings.batch_sizes[0]), few.verdict.p_value) == (3, 1 / 7)
    spared = gate(batch, {"alpha": 1 / 6}, **keys)
    assert int(spared.relabellings.batch_sizes[0]) == 9
    assert spared.independent == 1
    assert spared.tested.names == batch.names, "images that a group leaves out are of the batch all the same"


def test_keys_of_another_making_are_refused():
    batch, plain = grouped(np.zeros(24), 4, name="y"), GOOD
    good = grouped(np.zeros(60), 4, 1000)
    asked = {"input": {"group_by": "folder"}}
    with pytest.raises(UsageError, match="made without --group-by"):
        gate(batch, good=plain, **asked)
    with pytest.raises(UsageError, match="made with another --group-by") as caught:
        gate(batch, good=good, facts={"group_by": "hour"}, **asked)
    assert "or check with --group-by hour" in caught.value.hint
    assert gate(batch, good=good, **asked).relabellings.kind == "groups"  # sources that were named as groups
    assert gate(batch, good=good).relabellings.kind == "images", "nobody asked"
    assert gate(FRESH, good=good, **asked).relabellings.kind == "images", "the batch has none"


def test_strata_are_relabelled_within():
    labels = ("cat",) * 30 + ("dog",) * 30, ("cat",) * 20 + ("dog",) * 4
    good, batch = replace(GOOD, stratum=labels[0]), replace(FRESH, stratum=labels[1])
    outcome = gate(
        batch, good=good, input={"stratify_by": "column:label"}, facts={"stratify_by": "column:label"}
    )
    is_cat = np.array([label == "cat" for label in labels[0] + labels[1]])
    assert set(is_cat[outcome.relabellings.labels].sum(axis=1).tolist()) == {20}


def test_the_tolerance_can_come_from_five_good_groups():
    effects = {f"day{i}": 0.1 * i for i in range(1, 6)}
    outcome = gate(BRIGHT, {"tolerance": "auto"}, facts={"group_effects": effects})
    assert outcome.tolerance == pytest.approx(np.quantile(list(effects.values()), 0.95))
    assert outcome.days.days is None, "an artifact of before that remembers no days"
    far = {day: 0.9 + effect / 10 for day, effect in effects.items()}
    assert gate(BRIGHT, {"tolerance": "auto"}, facts={"group_effects": far}).tolerance == 0.5
    assert gate(BRIGHT, {"tolerance": 0.3}).tolerance == 0.3
    del effects["day1"]
    with pytest.raises(UsageError, match="needs at least 5 baseline groups and this one has 4"):
        gate(BRIGHT, {"tolerance": "auto"}, facts={"group_effects": effects})
    with pytest.raises(UsageError, match="this one has 0"):
        gate(BRIGHT, {"tolerance": "auto"})


# ---------------------------------------------------------------- parts of a batch


def rerun(keys=None, batch=BRIGHT, family="on"):
    settings = cases.settings({**QUICK, **(keys or {})})
    baseline = cases.baseline(GOOD, family)
    return Rerun(cases.reference(settings), baseline, cases.reading(batch))


def test_a_part_is_judged_as_its_files_alone_would_be():
    chosen = np.arange(3, 15)
    alone = run_gate(cases.settings(QUICK), cases.baseline(GOOD), cases.reading(BRIGHT.at(chosen)))
    assert rerun().on(chosen) == alone.verdict


def test_too_small_a_part_has_no_answer():
    assert rerun({"min_images": 8}).on(np.arange(8)) is not None
    assert rerun({"min_images": 8}).on(np.arange(7)) is None


def test_fewer_relabellings_and_images_on_demand():
    verdict = rerun().on(np.arange(24), permutations=99)
    assert verdict.p_value == 1 / 100
    many = cases.features(np.random.default_rng(1).normal(1.6, 1, 150))
    assert rerun(batch=many).on(np.arange(150), most=100) == rerun(
        batch=many, keys={"max_test_images": 100}
    ).on(np.arange(150))


@pytest.mark.parametrize(("tests", "expected"), [(1, 999), (50, 999), (51, 1999), (10**9, 49999)])
def test_enough_relabellings_for_so_many_tests(tests, expected):
    """(B + 1) 0.05 >= tests."""
    assert rerun().enough(tests) == expected


# ---------------------------------------------------------------- the mix


def mixed(good_classes, batch_classes):
    """A mix of two classes whose images are 0 and 5, and C and the batch that it is of."""
    rng = np.random.default_rng(4)
    sides = [np.array(side) for side in (good_classes, batch_classes)]
    values = [5.0 * side + rng.normal(size=len(side)) for side in sides]
    mix = Mix("column:label", ("a", "b"), sides[0], sides[1], ((), ()))
    return mix, cases.features(values[0], 1000), cases.features(values[1])


def mix_gate(mix, good, batch, keys=None, family="on", **sections):
    settings = cases.settings({**QUICK, **(keys or {})}, **sections)
    baseline, reading = with_family(mix, settings, cases.baseline(good, family), cases.reading(batch))
    return run_gate(settings, baseline, reading, mix), baseline, reading, settings


HALF, MOST = [0, 1] * 40, [0] * 4 + [1] * 26


def test_within_classes_the_families_beside_the_mix_are_tested_again():
    """Same seed, labels moved within classes only; the mix itself, constant there, is left out."""
    mix, good, batch = mixed(HALF, MOST)
    outcome, baseline, reading, settings = mix_gate(mix, good, batch)
    assert outcome.verdict.outcome == "drift"
    seed = batch_seed(settings.seed, "x", reading.digest)
    drawn = draw(80, 30, 199, np.random.default_rng(seed), Blocks(strata=mix.strata(30)))
    own = baseline.families[0]
    values, _ = own.detector.test(
        own.state, good.views["properties"], batch.views["properties"], drawn, own.columns
    )
    assert outcome.composition.residual_p_value == joint_p(plain(values))
    assert (outcome.composition.reading, outcome.composition.reason) == ("composition", None)
    assert outcome.composition.p_value <= 0.05


def test_where_there_is_no_test_within_classes_the_reason_is_said(monkeypatch):
    def told(outcome):
        return outcome.composition.residual_p_value, outcome.composition.reason

    mix, good, batch = mixed(HALF, [0, 1] * 15)
    assert told(mix_gate(mix, good, batch)[0]) == (None, "the gate found nothing")
    mix, good, batch = mixed(HALF, MOST)
    assert told(mix_gate(mix, good, batch, family="advisory")[0]) == (
        None,
        "no family but the mix has a say",
    )
    grouped_c = replace(good, group=tuple(f"c{i // 2}" for i in range(80)))
    grouped_y = replace(batch, group=tuple(f"y{i // 2}" for i in range(30)))
    outcome = mix_gate(mix, grouped_c, grouped_y, input={"group_by": "folder"})[0]
    assert outcome.relabellings.kind == "groups"
    assert told(outcome) == (None, "groups are the unit of the test")
    unit = np.concatenate([np.arange(80) // 2, np.arange(30) // 2])
    rows = Found(unit, copied=True, timed=False, images=(80, 30), units=(40, 15))
    with monkeypatch.context() as patched:
        patched.setattr(batch_test, "found", lambda *_: rows)
        outcome = mix_gate(mix, good, batch)[0]
    assert told(outcome) == (None, "images in a row are the unit of the test")
    apart, good, batch = mixed([0] * 80, [1] * 30)
    assert told(mix_gate(apart, good, batch)[0]) == (None, "no class has images on both sides")


def test_where_the_mix_is_ignored_the_gate_itself_is_the_test_within_classes():
    """Another mix of the same images passes; its shares are tested among free relabellings all the same."""
    mix, good, batch = mixed(HALF, MOST)
    outcome = mix_gate(mix, good, batch, {"ignore_composition": True})[0]
    is_b = np.array(HALF + MOST)
    assert set(is_b[outcome.relabellings.labels].sum(axis=1).tolist()) == {26}
    assert outcome.verdict.outcome == "pass"
    assert outcome.composition.residual_p_value == outcome.verdict.p_value
    assert outcome.composition.p_value <= 0.05
    assert outcome.composition.ignored


def test_effects_are_thinned_to_the_batchs_mix_for_images_and_not_for_groups():
    _, good, batch = mixed(HALF, MOST)
    labels = [tuple("ab"[code] for code in side) for side in (HALF, MOST)]
    good, batch = replace(good, stratum=labels[0]), replace(batch, stratum=labels[1])
    own = cases.family()
    keys = {"facts": {"stratify_by": "k"}, "good": good}
    outcome = gate(batch, input={"stratify_by": "k"}, **keys)
    whole = own.detector.describe(own.state, good.views["properties"], batch.views["properties"], own.columns)
    assert whole[0].effect > 0.3
    assert outcome.verdict.effect < 0.25
    pairs = [
        tuple(f"{label}{i // run}" for i, label in enumerate(side))
        for side, run in zip(labels, (4, 2), strict=True)
    ]
    good, batch = replace(good, group=pairs[0]), replace(batch, group=pairs[1])
    keys = {"facts": {"stratify_by": "k", "group_by": "g"}, "good": good}
    outcome = gate(batch, {"alpha": 0.4}, input={"stratify_by": "k", "group_by": "g"}, **keys)
    assert outcome.relabellings.kind == "groups"
    assert outcome.verdict.effect == pytest.approx(whole[0].effect)


def test_only_families_with_a_say_are_tested_on_parts():
    settings = cases.settings(QUICK)
    baseline = cases.baseline(GOOD)
    silent = replace(cases.family("advisory"), name="silent", yardstick=False)
    both = replace(baseline, families=(silent, *baseline.families))
    verdict = Rerun(cases.reference(settings), both, cases.reading(BRIGHT)).on(np.arange(24))
    assert [family.name for family in verdict.families] == ["properties"]


SEQUENCE = {"mode": "sequence", "permutations": "auto", "alpha": 0.05, "horizon": 40}


def test_the_gate_over_many_checks_asks_for_a_smaller_p_where_none_was_as_extreme():
    """The larger set replaces the smaller one as a whole; a good day, the batch gate and a fixed number stay."""
    sure = gate(BRIGHT, SEQUENCE)
    sizes = sizes_of(sure.relabellings)
    assert sizes == HeldOut(len(BRIGHT), len(GOOD))
    fine = sequential.relabellings_for(0.05, 40, sizes)
    assert fine > sequential.relabellings_for(0.05, 40) == 3_999, "the luck of C is allowed for"
    assert (sure.permutations, sure.relabellings.rows) == (fine, fine + 1)
    assert sure.verdict.p_value == 1 / (fine + 1)
    assert sure.verdict.families[0].p_adjusted == sure.verdict.p_value
    same = gate(BRIGHT, {"permutations": fine, "alpha": 0.05})
    assert same.verdict == sure.verdict, "the command line that the report shows gives the same numbers"
    assert gate(FRESH, SEQUENCE).permutations == 999
    assert gate(BRIGHT, {**SEQUENCE, "mode": "batch"}).permutations == 999
    assert gate(BRIGHT, {**SEQUENCE, "permutations": 199}).permutations == 199


def by_groups(count, **gate_settings):
    """The gate on one group of 24 images against `count` groups of 12."""
    good, batch = (
        grouped(GOOD.views["properties"][: 12 * count, 0], 12, 1000),
        grouped(np.full(24, 9.0), 24, name="y"),
    )
    return gate(
        batch,
        {**SEQUENCE, "alpha": 0.25, **gate_settings},
        good=good,
        input={"group_by": "folder"},
        facts={"group_by": "folder"},
    )


def test_what_exists_has_been_listed_already():
    """6 groups give 6 relabellings, however many are asked for."""
    found = by_groups(5)
    assert (found.relabellings.rows, found.verdict.p_value) == (6, 1 / 6)


def test_the_gate_over_all_checks_needs_five_groups_for_one_of_the_batch():
    """With four the luck of C is not allowed for: no check counts, and none passes for that reason. One check by itself is told."""
    with pytest.raises(NotAuditedError, match="the baseline has 4 groups; --gate sequence needs 5") as caught:
        by_groups(4)
    assert "driftcli baseline" in caught.value.hint
    assert by_groups(4, mode="batch").own_p_value is None


def test_p_for_this_artifact_alone_allows_for_the_luck_of_its_held_out_set():
    outcome = gate(FRESH.first(12), QUICK)
    own = HeldOut(12, len(GOOD)).p_value(outcome.verdict.p_value)
    assert outcome.own_p_value == own > outcome.verdict.p_value
