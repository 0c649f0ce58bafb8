"""What the sentences about properties promise: the right word, the right order, nothing insignificant."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.evidence import DisplayEffect
from driftcli.core.features import Column
from driftcli.core.report import StatisticResult
from driftcli.explain.words import LevelShare, level_shares, statements

COLUMNS = (
    Column("sharpness", more="sharper", less="blurrier"),
    Column("brightness", more="brighter", less="darker"),
    Column("highlights", unit="share", more="more blown out", less="less blown out"),
    Column("iso", unit="log2 ISO", more="taken at higher ISO", less="taken at lower ISO"),
    Column("width", unit="px"),
    Column("hue", "circular", "turns"),
    Column("format", "category"),
)


def found(name, baseline=None, batch=None, shift=None, p=0.001, effect=0.3):
    display = None if shift is None else DisplayEffect("sd_shift", shift)
    return StatisticResult(name, batch, baseline, None, p, p, display, effect)


def said(*statistics, shares=None, alpha=0.01):
    return [one.statement for one in statements(statistics, COLUMNS, alpha, shares or {})]


def test_strongest_first_and_only_what_is_significant():
    """Sorted by |sd shift|; p above alpha, no p, and unknown names say nothing."""
    lines = said(
        found("brightness", 0.5, 0.6, 0.8),
        found("sharpness", 0.42, 0.31, -1.9),
        found("width", 640.0, 320.0, -5.0, p=0.02),
        found("highlights", 0.1, 0.2, 9.0, p=None),
        found("mmd"),
    )
    assert lines == [
        "Images are blurrier: sharpness −1.9 sd (0.42 → 0.31)",
        "Images are brighter: brightness +0.8 sd (0.5 → 0.6)",
    ]


SOFT = (
    Column("noise", unit="grey levels", more="noisier", less="less noisy"),
    Column("sharpness", more="sharper", less="blurrier"),
    Column("red_green", more="redder", less="greener"),
    Column("hue", "circular", "turns"),
)


def order(*statistics):
    return [one.statement.split(":")[0] for one in statements(statistics, SOFT, 0.01)]


def test_what_follows_from_another_change_comes_after_it():
    """Blur takes noise away, a cast turns the hue: the cause is named first, whichever moved more."""
    assert order(
        found("noise", 0.7, 0.5, -5.2),
        found("sharpness", 0.6, 0.4, -4.3),
        found("hue", 0.44, 0.34, effect=0.99),
        found("red_green", -0.1, 0.1, 1.5),
    ) == ["Images are blurrier", "Images are redder", "Images are less noisy", "Colours turn towards green"]


def test_a_change_too_large_for_its_neighbour_speaks_for_itself():
    """Denoising is not blur, and the noisier image is not sharper first."""
    assert order(found("noise", 0.7, 0.5, -5.2), found("sharpness", 0.6, 0.5, -0.5)) == [
        "Images are less noisy",
        "Images are blurrier",
    ]
    assert order(found("noise", 0.5, 0.7, 2.0), found("sharpness", 0.4, 0.6, 2.5)) == [
        "Images are noisier",
        "Images are sharper",
    ]


def test_a_unit_is_said_once_and_names_are_words():
    """No internal spelling reaches a reader."""
    assert [one.statement for one in statements([found("red_green", 0.1, 0.2, 1.0)], SOFT, 0.01)] == [
        "Images are redder: red-green balance +1.0 sd (0.1 → 0.2)"
    ]
    assert said(found("highlights", 0.00002, 0.0012, 1.0)) == [
        "Images are more blown out: highlights +1.0 sd (under 0.01 % → 0.12 %)"
    ]


def test_units_are_said_as_people_say_them():
    """Shares are percentages, logarithms are undone, a column without words is named."""
    assert said(found("highlights", 0.012, 0.08, 1.0)) == [
        "Images are more blown out: highlights +1.0 sd (1.2 % → 8 %)"
    ]
    assert said(found("iso", np.log2(100), np.log2(1600), 2.0)) == [
        "Images are taken at higher ISO: iso +2.0 sd (100 → 1600 ISO)"
    ]
    assert said(found("width", 640.0, 320.0, -1.0)) == ["width −1.0 sd (640 → 320 px)"]


@pytest.mark.parametrize("shift", [None, 0.01, -0.4, float("nan")])
def test_no_direction_is_claimed_where_there_is_none(shift):
    """A change of spread, or mean and median that disagree, is not called brighter or darker."""
    assert said(found("brightness", 0.5, 0.51, shift)) == [
        "brightness is spread differently in about 30 % of the images (0.5 → 0.51)"
    ]


@pytest.mark.parametrize(
    ("before", "after", "towards"),
    [
        (0.0, 1 / 3, "green"),
        (0.98, 0.05, "yellow"),
        (0.03, 0.95, "magenta"),
        (0.1, 0.16, "yellow"),
        (0.5, 0.55, "blue"),
    ],
)
def test_hue_turns_the_short_way_round(before, after, towards):
    """The direction goes along the shorter arc, across red where that is shorter."""
    assert said(found("hue", before, after))[0].startswith(f"Colours turn towards {towards}: hue ")


def test_missing_and_categories():
    """Shares of missing values, and the level that grew."""
    shares = {"format": (LevelShare("PNG", 0.3, 0.0), LevelShare("JPEG", 0.7, 1.0))}
    assert said(found("iso.missing", 0.1, 0.5)) == ["iso is missing in 50 % of the images (baseline: 10 %)"]
    assert said(found("format"), shares=shares) == [
        "format: 30 % of the images are PNG, a level the baseline does not have"
    ]
    assert said(found("format"), shares={"format": (LevelShare("none", 0.3, 0.2),)}) == [
        "format: 30 % of the images have none, baseline: 20 %"
    ]
    assert said(found("format")) == ["format: the shares of its levels differ in about 30 % of the images"]


@pytest.mark.parametrize("name", ["iso.missing", "hue", "sharpness", "format"])
def test_unknown_values_still_make_a_sentence(name):
    """Results without medians or effects do not break the report."""
    assert len(said(found(name, effect=None))) == 1


def test_level_shares_count_both_sides():
    """Levels by growth, named where the name is known."""
    batch = np.array([[1, 7], [1, 8], [2, 9]], np.float32)
    held_out = np.array([[1, 0], [1, 0]], np.float32)
    shares = level_shares(batch, held_out, (Column("format", "category"), Column("width")), {1: "JPEG"})
    assert shares == {
        "format": (
            LevelShare("level 2", pytest.approx(1 / 3), 0.0),
            LevelShare("JPEG", pytest.approx(2 / 3), 1.0),
        )
    }
