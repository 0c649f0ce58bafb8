"""From good images and their corruptions to a verdict: exactness, honesty about what is not known, faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core import schema
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.harm import harm_test, model, trees, words
from driftcli.harm.conditions import Change, Condition
from driftcli.harm.descriptors import DESCRIPTORS, Baseline, held_out_apart
from driftcli.harm.finding import Harm
from driftcli.harm.judge import judge
from driftcli.harm.learn import learn
from driftcli.harm.model import HarmModel
from driftcli.harm.signs import signs
from tests.harm.world import KINDS, World
from tests.statistical import binomial_bound


@pytest.fixture(autouse=True, scope="module")
def _quickly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harm_test, "DRAWS", 39)
        patch.setattr(harm_test, "RELABELLINGS", 999)
        patch.setattr(trees, "TREES", 10)
        yield


def _learnt(
    world: World, rng: np.random.Generator, n: int = 250, leave_out: str = ""
) -> tuple[HarmModel, Condition]:
    x, label = world.images(n, rng)
    good = world.condition(x, label)
    return learn(good, world.simulated(x, label, rng, leave_out), world.space(rng), seed=0), good


@pytest.fixture(scope="module")
def learnt() -> tuple[World, HarmModel, Condition]:
    world = World()
    return world, *_learnt(world, np.random.default_rng(0))


def _batch(world: World, m: int, seed: int, kind: str = "", severity: float = 4.0) -> Condition:
    rng = np.random.default_rng(seed)
    x, label = world.images(m, rng)
    return world.condition(world.changed(x, kind, severity, rng) if kind else x, label)


def test_the_good_images_against_themselves_have_their_own_accuracy(learnt):
    """Every published estimate, exactly, and every descriptor's change is zero."""
    _, found, good = learnt
    assert judge(found, good, seed=0).published == pytest.approx(
        dict.fromkeys(("DoC", "ATC-NE", "COT", "BBSE"), found.baseline.accuracy)
    )
    clean, scores = found.signs(good), found.scores
    apart = held_out_apart(clean, clean, np.arange(len(good)))
    base = Baseline.of(clean, good.predictions.label, scores, apart)
    same = base.descriptors(clean, scores, apart, drawn=True)
    assert same == pytest.approx(np.zeros(len(DESCRIPTORS)), abs=1e-9)


def test_the_order_of_images_changes_nothing(learnt):
    """Scores go with their images; everything else is the same to rounding."""
    world, found, _ = learnt
    batch = _batch(world, 60, 1, "noise")
    order = np.random.default_rng(0).permutation(60)
    moved = Condition(batch.predictions.at(order), batch.features[order])
    one, other = judge(found, batch, seed=0), judge(found, moved, seed=0)
    assert other.correctness == pytest.approx(one.correctness[order])
    assert other.free.drop == pytest.approx(one.free.drop, abs=1e-9)
    assert other.fixed.drop == pytest.approx(one.fixed.drop, abs=1e-9)
    assert (other.verdict, other.reasons, other.test.p_value) == (one.verdict, one.reasons, one.test.p_value)


def test_labels_of_the_batch_are_not_looked_at(learnt):
    """Other labels, or none: the same harm."""
    world, found, _ = learnt
    batch = _batch(world, 40, 2, "blur")
    blind = replace(batch, predictions=replace(batch.predictions, label=np.full(40, -1)))
    one, other = judge(found, batch, seed=0), judge(found, blind, seed=0)
    assert np.array_equal(one.correctness, other.correctness)
    assert replace(one, correctness=0) == replace(other, correctness=0)


def test_it_survives_being_packed(learnt):
    """As declared arrays and plain facts; the judgement is the same to the bit."""
    world, found, _ = learnt
    state, facts = found.pack()
    checked = schema.check(state, model.arrays(facts), {})
    assert checked.keys() == state.keys()
    again = HarmModel.unpack(checked, facts)
    batch = _batch(world, 50, 3, "noise")
    one, other = judge(found, batch, seed=0), judge(again, batch, seed=0)
    assert np.array_equal(one.correctness, other.correctness)
    assert replace(one, correctness=0) == replace(other, correctness=0)


@pytest.mark.parametrize(
    "name",
    [
        "harm/scores",
        "harm/correctness/weights",
        "harm/free/onward",
        "harm/harmless/drops",
        "harm/space/means",
    ],
)
def test_a_torn_state_is_found(learnt, name):
    """An array cut short is not as declared."""
    _, found, _ = learnt
    state, facts = found.pack()
    with pytest.raises(schema.ContentError):
        schema.check({**state, name: state[name][:-1]}, model.arrays(facts), {})


def test_strong_changes_hurt_and_none_is_harmless(learnt):
    """500 images: a change that costs 20 points and more, and none at all, with the mix as it was."""
    world, found, good = learnt
    hurt = judge(found, _batch(world, 500, 4, "occlusion", 5.0), mix="fixed", seed=0)
    fine = judge(found, _batch(world, 500, 5), mix="fixed", tolerance=0.1, seed=0)
    true = _batch(world, 500, 4, "occlusion", 5.0).predictions.accuracy
    assert good.predictions.accuracy - true > 0.2
    assert hurt.verdict == "probably hurts"
    assert hurt.test.alarm
    assert hurt.fixed.stream.low <= true <= hurt.fixed.stream.high
    assert fine.verdict == "probably harmless"
    assert not fine.test.alarm


def test_intervals_cover_and_verdicts_err_seldom():
    """9 draws of the good images, each judged on two kinds of change that it never saw: 99 % bounds of 5 + 5 % misses.

    The truth is the accuracy of 4,000 images of the stream.
    """
    world, misses, wrong, judged = World(2), 0, 0, 0
    for draw in range(9):
        rng = np.random.default_rng((11, draw))
        kind = KINDS[draw % len(KINDS)]
        found, _ = _learnt(world, rng, 200, leave_out=kind)
        for severity, m in ((0.7, 50), (2.5, 200), (4.0, 50)):
            x, label = world.images(4000, rng)
            whole = world.condition(world.changed(x, kind, severity, rng), label)
            stream = whole.predictions
            seen = judge(found, Condition(stream.at(np.arange(m)), whole.features[:m]), seed=0)
            for one in (seen.free, seen.fixed):
                judged += 1
                misses += not one.stream.low <= stream.accuracy <= one.stream.high
                # Whether it hurts is a fact of the stream's accuracy against that of the world, not of C's luck.
                clean = world.condition(x, label).predictions.accuracy
                lost = clean - stream.accuracy
                wrong += (one.verdict == "probably hurts" and lost < 0.05) or (
                    one.verdict == "probably harmless" and lost > 0.05
                )
    assert judged == 54
    assert misses <= binomial_bound(judged, 0.07)
    assert wrong <= binomial_bound(judged, 0.05)


def test_a_mix_of_few_classes_is_known_from_few_good_images(learnt):
    """The good images' own mix counts all of them; one class alone about as many as it has."""
    _, found, good = learnt
    base, label = found.baseline, good.predictions.label
    alone = Condition(good.predictions.at(np.flatnonzero(label == 0)), good.features[label == 0])
    assert base.images_for(found.signs(good)) == pytest.approx(base.images)
    assert base.images_for(found.signs(alone)) == pytest.approx((label == 0).sum(), rel=0.1)


def test_without_simulated_conditions_nothing_is_said_of_the_cost():
    """Cannot say, and why; the published estimates and the alarm on clean data remain."""
    world, rng = World(), np.random.default_rng(0)
    found = learn(world.condition(*world.images(200, rng)), [], world.space(rng), seed=0)
    batch = _batch(world, 200, 1, "blur", 5.0)
    harm = judge(found, batch, seed=0)
    assert (harm.verdict, harm.free, harm.fixed) == ("cannot say", None, None)
    assert harm.test.alarm
    assert harm.test.p_harmless is None
    assert "was not run on corrupted good images" in harm.reasons[0]
    again = HarmModel.unpack(found.pack()[0], found.pack()[1])
    assert judge(again, batch, seed=0).test == harm.test


def test_every_estimate_says_what_it_assumes(learnt):
    """That only labels tell whether right answers changed."""
    world, found, _ = learnt
    assert "only labels can tell" in judge(found, _batch(world, 30, 1), seed=0).cautions[0]


def test_a_fixed_mix_says_that_it_was_assumed(learnt):
    """Whoever declares the mix fixed reads what that means."""
    world, found, _ = learnt
    said = judge(found, _batch(world, 30, 1), mix="fixed", seed=0).cautions
    assert any("shares of the classes" in line for line in said)


def test_where_the_two_readings_of_the_mix_disagree_both_are_told(learnt):
    """A model that says one class of everything looks like a new mix: whoever reads the free estimate reads the other, too."""
    world, found, _ = learnt
    torn = judge(found, _batch(world, 300, 1), seed=0)
    fixed, free = (
        replace(torn.fixed, verdict="probably hurts"),
        replace(torn.free, verdict="probably harmless"),
    )
    said = words.cautions(replace(torn, fixed=fixed, free=free), hard=False)
    assert any("badly hurt" in line and f"{100 * fixed.stream.value:.1f} %" in line for line in said)
    agreed = words.cautions(replace(torn, fixed=fixed, free=fixed), hard=False)
    assert not any("badly hurt" in line for line in agreed)


def test_foreign_images_are_never_called_harmless(learnt):
    """Far from all classes: a caution, and no all-clear."""
    world, found, _ = learnt
    rng = np.random.default_rng(0)
    x, label = world.images(200, rng)
    far = x + 200 * np.ones(x.shape[1])
    harm = judge(found, replace(world.condition(x, label), features=far), tolerance=0.5, seed=0)
    assert harm.foreign
    assert harm.verdict != "probably harmless"
    assert any("farther" in line for line in harm.cautions)


def test_a_model_that_is_always_right_on_the_good_images_warns():
    """Were the good images its training images?"""
    world, rng = World(), np.random.default_rng(0)
    x, label = world.images(100, rng)
    good = world.condition(x, label)
    seen = replace(good, predictions=replace(good.predictions, label=good.predictions.predicted))
    harm = judge(learn(seen, [], None, seed=0), good, seed=0)
    assert any("trained on" in line for line in harm.cautions)


def test_good_images_lie_as_far_from_their_class_as_new_ones_do():
    """Twenty worlds of twenty classes of ten images: squared distances are those of new images but for 4 %; in sample a tenth less."""
    ratios = []
    for seed in range(20):
        world, rng = World(20), np.random.default_rng(seed)
        x, label = world.images(200, rng)
        good = signs(world.condition(x, label), 1.0, None)
        apart = held_out_apart(good, good, np.arange(200))
        base = Baseline.of(good, label, np.ones(200), apart)
        new = base.apart(signs(world.condition(*world.images(5000, rng)), 1.0, None))
        ratios.append([(each**2).sum(axis=1).mean() for each in (apart, base.apart(good), new)])
    far, near, new = np.mean(ratios, axis=0)
    assert abs(far / new - 1) < 0.04
    assert near / new < 0.93


def test_one_class_shown_is_told_from_one_class_said(learnt):
    """A batch of one class moves none of the signs within predicted classes; a model that says that class of everything moves two."""
    world, found, _ = learnt
    rng = np.random.default_rng(5)
    x, label = world.images(2000, rng)
    said = world.condition(x, label).predictions.predicted
    base = found.baseline.descriptors(*_described(found, world.condition(x, label)))
    shown = found.baseline.descriptors(*_described(found, world.condition(x[said == 0], label[said == 0])))
    middle = 0.1 * (x - x.mean(axis=0)) + world.means[0]
    collapsed = found.baseline.descriptors(*_described(found, world.condition(middle, label)))
    assert collapsed[DESCRIPTORS.index("change of predicted shares")] > 0.5
    shift, spread = (DESCRIPTORS.index(f"{what} of logits within classes") for what in ("shift", "spread"))
    assert abs(shown[spread] - base[spread]) < 0.2
    assert abs(shown[shift] - base[shift]) < 0.4
    assert collapsed[spread] < base[spread] - 2


def _described(found: HarmModel, batch: Condition) -> tuple:
    seen = found.signs(batch)
    return seen, found.correctness(seen), found.baseline.apart(seen)


@pytest.mark.parametrize("classes", [2, 5])
def test_two_classes_and_classes_that_nobody_predicts(classes):
    """K = 2, and a batch that is all of one class."""
    world = World(classes)
    found, _ = _learnt(world, np.random.default_rng(1), 120)
    rng = np.random.default_rng(2)
    shares = np.eye(classes)[0]
    harm = judge(found, world.condition(*world.images(40, rng, shares)), seed=0)
    assert isinstance(harm, Harm)
    assert 0 <= harm.free.stream.low <= harm.free.stream.value <= harm.free.stream.high <= 1
    assert np.isfinite(harm.correctness).all()


def test_a_class_that_no_good_image_shows_is_learnt_around():
    """Class 2 of the model is absent from C: everything stays a number."""
    world, rng = World(), np.random.default_rng(3)
    x, label = world.images(120, rng, np.array([0.5, 0.5, 0.0]))
    found = learn(world.condition(x, label), world.simulated(x, label, rng), world.space(rng), seed=0)
    harm = judge(found, _batch(world, 60, 1), seed=0)
    assert np.isfinite([harm.free.drop, harm.fixed.drop, harm.test.p_value]).all()


def test_hard_answers_are_judged_with_a_caution(learnt):
    """Probabilities of exactly 0 and 1."""
    world, found, _ = learnt
    batch = _batch(world, 40, 1)
    hard = np.eye(3)[batch.predictions.predicted]
    harm = judge(
        found, replace(batch, predictions=replace(batch.predictions, probability=hard, logits=None)), seed=0
    )
    assert any("exactly 1" in line for line in harm.cautions)
    assert np.isfinite(harm.free.drop)


def test_one_image_is_judged_with_a_caution(learnt):
    """Fewer than estimates are calibrated for."""
    world, found, _ = learnt
    harm = judge(found, _batch(world, 1, 1), seed=0)
    assert any("fewer than the 20" in line for line in harm.cautions)
    assert np.isfinite([harm.free.drop, harm.test.p_value]).all()


def test_conditions_of_a_part_of_the_good_images_will_do():
    """Every other image under each corruption: `source` says which."""
    world, rng = World(), np.random.default_rng(4)
    x, label = world.images(240, rng)
    source = np.arange(0, 240, 2)
    half = [replace(c, source=source) for c in world.simulated(x[source], label[source], rng)]
    found = learn(world.condition(x, label), half, world.space(rng), seed=0)
    batch = _batch(world, 400, 5, "noise")
    harm = judge(found, batch, mix="fixed", seed=0)
    assert harm.fixed.images.low <= batch.predictions.accuracy <= harm.fixed.images.high
    assert harm.test.alarm


@pytest.mark.parametrize(
    "what", ["few", "unlabelled", "classes of corruptions", "unnamed", "other classes", "width", "empty"]
)
def test_what_cannot_be_learnt_or_judged_says_what_to_do(learnt, what):
    """A hint, the right kind of error, and no half-made model."""
    world, found, good = learnt
    rng = np.random.default_rng(0)
    x, label = world.images(80, rng)
    clean, some = world.condition(x, label), world.simulated(x, label, rng)
    batch = _batch(world, 10, 0)

    def learning(given: Condition, simulated: list[Condition]):
        return lambda: learn(given, simulated, None, seed=0)

    unknown = replace(clean.predictions, label=np.where(np.arange(80) < 3, -1, label))
    cases = {
        "few": (learning(Condition(good.predictions.at(np.arange(49))), []), NotAuditedError, "49 labelled"),
        "unlabelled": (learning(Condition(unknown), []), NotAuditedError, "3 of 80"),
        "classes of corruptions": (learning(clean, some[:4]), UsageError, "2 class"),
        "unnamed": (learning(clean, [clean]), UsageError, "what was done"),
        "other classes": (
            lambda: judge(
                found, replace(batch, predictions=replace(batch.predictions, classes=("x", "y", "z"))), seed=0
            ),
            UsageError,
            "classes",
        ),
        "width": (
            lambda: judge(found, replace(batch, features=batch.features[:, :3]), seed=0),
            UsageError,
            "width 3",
        ),
        "empty": (
            lambda: judge(found, Condition(batch.predictions.at(np.arange(0)), x[:0]), seed=0),
            NotAuditedError,
            "no answers",
        ),
    }
    call, kind, said = cases[what]
    with pytest.raises(kind, match=said) as caught:
        call()
    assert caught.value.hint


def test_without_features_answers_alone_are_judged():
    """No space, no distances; everything else as ever."""
    world, rng = World(2), np.random.default_rng(0)
    x, label = world.images(120, rng)
    bare = [replace(c, features=None) for c in (world.condition(x, label), *world.simulated(x, label, rng))]
    found = learn(bare[0], bare[1:], None, seed=0)
    state, facts = found.pack()
    again = HarmModel.unpack(schema.check(state, model.arrays(facts), {}), facts)
    harm = judge(again, replace(_batch(world, 200, 1, "occlusion"), features=None), seed=0)
    assert harm.test.alarm
    assert not harm.foreign
    assert np.isfinite([harm.free.drop, harm.fixed.drop]).all()


def test_a_condition_says_what_was_done_to_it():
    """Names for the manifest survive."""
    world, rng = World(), np.random.default_rng(0)
    x, label = world.images(80, rng)
    found = learn(world.condition(x, label), world.simulated(x, label, rng), None, seed=0)
    again = HarmModel.unpack(*found.pack())
    assert again.simulation.known == found.simulation.known
    assert Change("blur 1", "blur", 1.0) in [change for change, _ in again.simulation.known]
