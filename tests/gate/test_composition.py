"""The mix of images: whose labels count, what two p-values say together, and that the share test counts shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError
from driftcli.core.features import Features
from driftcli.core.findings import CompositionResult, ShareResult
from driftcli.core.images import Ledger
from driftcli.explain import mix as words
from driftcli.gate import composition
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline, Reference
from driftcli.reference.seen import Seen
from driftcli.stats.relabelling import draw

CENTROIDS = {"content/2": np.array([[0.0], [10.0]])}


def some(values, labels=None):
    n = len(values)
    number = np.arange(n).astype(np.uint64)
    view = {"content": np.asarray(values, np.float32)[:, None]}
    content = np.array([b"%064d" % i for i in range(n)], "S64")
    return Features(tuple(f"{i}.png" for i in range(n)), content, number, number, view, stratum=labels)


def reference(settings=None, centroids=CENTROIDS):
    return Reference(settings or Settings(), {}, {}, {}, Seen(np.zeros(0, np.uint64)), {}, {}, {}, centroids)


def calibrated(features, key="column:label"):
    return Baseline("default", features, (), {}, {}, {"stratify_by": key, "digest": "x"})


GOOD = some([0] * 30 + [10] * 20, ("cat",) * 30 + ("dog",) * 20)


def mix(batch, settings=None, centroids=CENTROIDS, good=GOOD):
    return composition.mix_of(reference(settings, centroids), calibrated(good), batch)


def test_labels_that_both_sides_share_are_the_classes():
    found = mix(some([0] * 9, ("cat",) * 4 + ("dog",) * 4 + ("fox",)))
    assert (found.by, found.names) == ("column:label", ("cat", "dog", "fox"))
    assert found.batch.tolist() == [0] * 4 + [1] * 4 + [2]
    assert found.strata(2) == ("0",) * 30 + ("1",) * 20 + ("0", "0")


@pytest.mark.parametrize("labels", [None, ("cat",) * 8 + ("",), ("a", "b", "c", "d", "e", *["dog"] * 4)])
def test_without_them_the_clusters_of_f_are(labels):
    """Labels are missing, one is empty, or most are unknown to C; the largest cluster comes first."""
    found = mix(some([10] * 6 + [0] * 3, labels))
    assert (found.by, found.names) == ("clusters", ("cluster 1", "cluster 2"))
    assert found.batch.tolist() == [1] * 6 + [0] * 3
    assert found.examples == (("0.png", "1.png", "2.png"), ("30.png", "31.png", "32.png"))


def test_who_asks_for_labels_gets_no_clusters():
    settings = Settings.model_validate({"input": {"stratify_by": "column:label"}})
    assert mix(some([0] * 9), settings) is None
    assert mix(some([0] * 9, ("a",) * 9), settings).by == "column:label"


def test_neither_labels_nor_clusters():
    """`--ignore-composition` then says what is missing."""
    assert mix(some([0] * 9), centroids={}) is None
    assert mix(some([0] * 9), good=some([0] * 39)) is None  # fewer than 20 images of C for each of two
    with pytest.raises(UsageError, match="neither labels nor clusters"):
        composition.required(None)


@pytest.mark.parametrize(
    ("asked", "labels", "families"),
    [
        ({}, True, 1),
        ({}, False, 0),
        ({"gate": {"ignore_composition": True}}, True, 0),
        ({"input": {"stratify_by": "column:label"}}, True, 0),
        ({"families": {"composition": {"gate": "off"}}}, True, 0),
    ],
)
def test_labels_have_a_say_unless_it_is_taken_from_them(asked, labels, families):
    settings = Settings.model_validate(asked)
    batch = some([0] * 9, ("cat",) * 9 if labels else None)
    reading = Reading(batch, Ledger(9, 9, {}, {}, 0), (), 0.0, batch.content, batch.pixels)
    found = mix(batch, settings)
    baseline, reading = composition.with_family(found, settings, calibrated(GOOD), reading)
    assert [f.name for f in baseline.families] == ["composition"] * families
    assert ("composition" in reading.features.views) == bool(families)


@pytest.mark.parametrize(
    ("p_gate", "p_mix", "p_residual", "ignored", "reading"),
    [
        (0.5, 0.001, None, False, "none"),
        (0.01, 0.01, 0.011, False, "composition"),
        (0.001, 0.5, 0.01, False, "images"),
        (0.001, 0.001, 0.001, False, "both"),
        (0.001, 0.5, 0.5, False, "unclear"),
        (0.001, 0.001, None, False, "unclear"),
        (0.5, 0.5, 0.5, True, "none"),
        (0.5, 0.001, 0.5, True, "composition"),
        (0.001, 0.5, 0.001, True, "images"),
        (0.01, 0.5, 0.01, True, "images"),
        (0.01, 0.01, 0.01, True, "both"),
        (0.001, 0.001, 0.001, True, "both"),
    ],
)
def test_what_the_finding_is_put_down_to(p_gate, p_mix, p_residual, ignored, reading):
    """At alpha 0.01, which counts as fired."""
    assert composition.attribute(p_gate, p_mix, p_residual, 0.01, blind=ignored) == reading


def test_the_share_test_is_a_permutation_test_of_shares():
    """Against a twin that counts heads in every relabelling; effect: total variation of the shares."""
    rng = np.random.default_rng(4)
    batch = some([0] * 20, tuple(rng.choice(["cat", "dog"], 20, p=[0.8, 0.2])))
    found = mix(batch)
    relabellings = draw(50, 20, 499, rng)
    said = composition.result(found, relabellings, (None, "not asked"), 1.0, Settings())
    cat = np.concatenate([found.held_out, found.batch]) == 0
    far = [
        round(abs(cat[list(row)].mean() - np.delete(cat, row).mean()), 9)
        for row in relabellings.labels.tolist()
    ]
    assert said.p_value == np.mean([value >= far[0] for value in far])
    assert said.effect == pytest.approx(far[0])
    assert 0 <= said.effect_lower <= said.effect
    assert sum(share.batch for share in said.shares) == pytest.approx(1)
    assert (said.reading, said.reason, said.ignored) == ("none", "not asked", False)


# ---------------------------------------------------------------- words

CATS = (ShareResult("cat", 0.9, 0.5), ShareResult("dog", 0.1, 0.5))
LIKE = (ShareResult("cluster 2", 0.9, 0.5, ("good/7.jpg",)),)


def finding(reading, *, by="column:label", ignored=False, residual=0.4, shares=CATS):
    return CompositionResult(by, 0.001, 0.4, 0.2, residual, reading, ignored, shares)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            finding("composition"),
            (
                "composition: the mix changed (cat 50 % → 90 %, dog 50 % → 10 %); "
                "within classes (column:label) no further change was found (p = 0.4)"
            ),
        ),
        (finding("images", residual=0.002), "images changed: within classes (column:label) they differ too (p = 0.002)"),
        (
            finding("both", by="clusters", residual=0.002, shares=LIKE),
            (
                "images changed: within clusters they differ too (p = 0.002); the shares of clusters moved as well "
                "(cluster 2 (like 7.jpg) 50 % → 90 %), which the change of the images may itself have caused"
            ),
        ),
        (finding("none"), None),
        (finding("composition", ignored=True), None),
        (finding("unclear"), "neither the mix alone (p = 0.001) nor the images within classes (column:label) (p = 0.4) explain it"),
    ],
)  # fmt: skip
def test_the_reason_says_mix_or_images(found, sentence):
    assert words.reason(found) == sentence


def test_a_mix_without_a_say_is_a_caution():
    assert words.caution(finding("composition"), 0.01) is None
    assert words.caution(replace(finding("none"), p_value=0.02), 0.01) is None
    assert "no say in the verdict" in words.caution(finding("composition", ignored=True), 0.01)
    assert "no say in the verdict" in words.caution(finding("none"), 0.01)


def test_shares_are_of_the_images_that_the_test_used():
    """The first ones: with fewer tested than read, the rest does not count."""
    batch = some([0] * 20, ("cat",) * 10 + ("dog",) * 10)
    relabellings = draw(50, 10, 199, np.random.default_rng(0))
    said = composition.result(mix(batch), relabellings, (None, None), 0.001, Settings())
    assert {share.name: (share.batch, share.baseline) for share in said.shares} == {
        "cat": (1.0, 0.6),
        "dog": (0.0, 0.4),
    }
    assert said.effect == pytest.approx(0.4)


def test_a_mix_of_one_class_on_both_sides_has_no_effect():
    """All of one class, and a class that only C's other half knows not at all: a test without statistics."""
    one = composition.Mix("k", ("cat", "dog"), np.zeros(50, np.int64), np.zeros(20, np.int64), ((), ()))
    relabellings = draw(50, 20, 99, np.random.default_rng(0))
    said = composition.result(one, relabellings, (0.5, None), 1.0, Settings())
    assert (said.p_value, said.effect, said.effect_lower, said.reading) == (1.0, 0.0, 0.0, "none")
    assert [share.name for share in said.shares] == ["cat"], "a class that nobody has is not told"


@pytest.mark.parametrize(
    ("labels", "by"),
    [
        (("cat",) * 4 + ("a", "b", "c", "d"), "column:label"),
        (("cat",) * 3 + ("a", "b", "c", "d"), "clusters"),
    ],
)
def test_labels_serve_where_c_knows_half_of_the_batchs(labels, by):
    assert mix(some([0] * len(labels), labels)).by == by


def test_labels_of_one_class_are_no_mix():
    good = some([0] * 50, ("cat",) * 50)
    assert mix(some([0] * 9, ("cat",) * 9), good=good).by == "clusters"


def test_the_largest_change_of_a_share_is_told_first_whichever_way():
    codes = [np.repeat([0, 1, 2], counts) for counts in ((50, 40, 10), (12, 2, 6))]
    moved = composition.Mix("k", ("cat", "dog", "fox"), codes[0], codes[1], ((), (), ()))
    said = composition.result(
        moved, draw(100, 20, 99, np.random.default_rng(0)), (None, None), 1.0, Settings()
    )
    assert [(share.name, share.batch, share.baseline) for share in said.shares] == [
        ("dog", 0.1, 0.4),
        ("fox", 0.3, 0.1),
        ("cat", 0.6, 0.5),
    ]


def test_the_baselines_key_is_remembered_unless_another_is_asked_for():
    plain, asked = Settings(), Settings.model_validate({"input": {"stratify_by": "column:other"}})
    remembered = composition.with_remembered_key(plain, calibrated(GOOD))
    assert remembered.input.stratify_by == "column:label"
    assert plain.input.stratify_by is None
    assert composition.with_remembered_key(asked, calibrated(GOOD)) is asked
    assert composition.with_remembered_key(plain, calibrated(GOOD, None)) is plain
