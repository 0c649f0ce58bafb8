"""Facts before sentences: what a diagnosis holds, and that its sentence is made of nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core import sentences
from driftcli.core.evidence import DisplayEffect
from driftcli.core.features import Column
from driftcli.core.findings import CorruptionMatch, Diagnosis, Outside
from driftcli.core.report import StatisticResult
from driftcli.explain import corruption
from driftcli.explain.corruption import Library, Likeness, Part
from driftcli.explain.images import outside
from driftcli.explain.space import learn
from driftcli.explain.words import LevelShare, statements

COLUMNS = (
    Column("sharpness", unit="px", more="sharper", less="blurrier"),
    Column("width"),
    Column("hue", "circular", "turns"),
    Column("format", "category"),
    Column("iso", unit="log2 ISO", more="taken at higher ISO", less="taken at lower ISO"),
)


def measured(name, baseline=None, batch=None, shift=None):
    display = None if shift is None else DisplayEffect("sd_shift", shift)
    return StatisticResult(name, batch, baseline, None, 0.001, 0.001, display, 0.3)


def diagnosed(*of, shares=None) -> Diagnosis:
    (diagnosis,) = statements([measured(*of)], COLUMNS, 0.01, shares or {}, "properties")
    return diagnosis


def liked(found: Likeness) -> Diagnosis:
    kinds = {"gaussian_blur": "blur", "gaussian_noise": "noise", "darken": "exposure"}
    space = learn({"x": np.zeros((2, 1), np.float32)}, {"x": (Column("x"),)})
    diagnosis = corruption.diagnosis(found, Library(space, kinds, (1.0,), np.zeros((3, 1, 2)), 0.75))
    assert diagnosis is not None
    return diagnosis


BLUR = Likeness((Part("gaussian_blur", 2.26),), 0.93114, True, "noise", Part("gaussian_noise", 1.2), 0.31)
GROWN = {"format": (LevelShare("PNG", 0.3, 0.1), LevelShare("JPEG", 0.7, 0.9))}
CASES: dict[str, Diagnosis] = {
    "a shift": diagnosed("sharpness", 412.9, 188.4, -1.93),
    "a shift without a word": diagnosed("width", 640.0, 320.0, -1.0),
    "a shift of unknown values": diagnosed("sharpness", None, None, 0.8),
    "a logarithm": diagnosed("iso", 6.6, 10.6, 2.0),
    "a spread": diagnosed("sharpness", 412.9, 413.0, 0.01),
    "a spread of hues": diagnosed("hue", 0.5, 0.5001),
    "a turn": diagnosed("hue", 0.2, 0.5),
    "a new level": diagnosed("format", shares={"format": (LevelShare("PNG", 0.3, 0.0),)}),
    "a level": diagnosed("format", shares=GROWN),
    "levels": diagnosed("format"),
    "missing": diagnosed("iso.missing", 0.1, 0.5),
    "missing, nobody knows how often": diagnosed("iso.missing"),
    "like one": liked(BLUR),
    "like one, with a rival": liked(replace(BLUR, other_similarity=0.9)),
    "like two": liked(replace(BLUR, parts=(*BLUR.parts, Part("darken", 1.0)))),
}


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_is_made_of_the_facts(name):
    """Whatever stood in `statement` before."""
    diagnosis = CASES[name]
    assert len(diagnosis.statement) > 10
    assert sentences.diagnosis(replace(diagnosis, statement="gibberish")) == diagnosis.statement
    assert sentences.told(diagnosis) == diagnosis


def test_every_kind_is_tried():
    assert {diagnosis.kind for diagnosis in CASES.values()} == {
        "shift", "spread", "turn", "level", "missing", "like",
    }  # fmt: skip


def test_the_facts_are_those_of_the_statistic():
    """Numbers as measured, not as told; a word and a direction only of a shift."""
    assert CASES["a shift"] == Diagnosis(
        "Images are blurrier: sharpness −1.9 sd (413 → 188 px)", kind="shift", family="properties",
        statistic="sharpness", direction="lower", word="blurrier", shift_sd=-1.93, before=412.9, after=188.4,
        unit="px", share=0.3,
    )  # fmt: skip
    assert CASES["a shift without a word"].word is None
    turned = CASES["a turn"]
    assert (turned.towards, turned.before, turned.after, turned.word) == ("cyan", 0.2, 0.5, None)
    level = CASES["a level"]
    assert (level.level, level.before, level.after, level.unit) == ("PNG", 0.1, 0.3, "share")
    missing = CASES["missing"]
    assert (missing.statistic, missing.before, missing.after) == ("iso.missing", 0.1, 0.5)


def test_the_facts_of_a_likeness():
    """Published rounded as before, kept whole for the sentence."""
    like = CASES["like one"]
    assert (like.corruption, like.severity, like.similarity) == ("gaussian_blur", 2.3, 0.9311)
    assert like.corruptions == (CorruptionMatch("gaussian_blur", 2.26, 0.93114, "blur"),)
    assert like.nearest_other == CorruptionMatch("gaussian_noise", 1.2, 0.31, "noise", close=False)
    assert CASES["like one, with a rival"].nearest_other == replace(
        like.nearest_other, similarity=0.9, close=True
    )
    two = CASES["like two"]
    assert [match.corruption for match in two.corruptions] == ["gaussian_blur", "darken"]
    assert two.nearest_other is None


def test_why_an_image_stands_out_is_a_fact():
    """One of each kind, with the values as measured."""
    good = np.stack([np.arange(200.0), np.full(200, 0.1), np.full(200, 5.0)], axis=1).astype(np.float32)
    columns = (COLUMNS[0], COLUMNS[2], COLUMNS[3])

    def why(*values):
        return outside(np.array([values], np.float32), good, columns, 3, {6: "PNG"})[0]

    assert why(-5.0, 0.1, 5.0) == (Outside("sharpness", "below", 1.0, -5.0, "px"),)
    assert why(500.0, 0.1, 5.0) == (Outside("sharpness", "above", 1.0, 500.0, "px"),)
    assert why(100.0, 0.5, 5.0) == (Outside("hue", "far", 1.0, 0.5, "turns", "cyan"),)
    assert why(100.0, 0.1, 6.0) == (Outside("format", "level", 0.0, level="PNG"),)
    assert why(np.nan, 0.1, 5.0) == (Outside("sharpness", "missing", 0.0),)
