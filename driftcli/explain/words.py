"""Property statistics as sentences: what changed about the images, by how much, causes before consequences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from driftcli.core.features import Column
from driftcli.core.findings import Diagnosis
from driftcli.core.images import EMPTY
from driftcli.core.report import StatisticResult
from driftcli.core.text import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
"""A sixth of a turn apart."""
SLIGHT = 0.05
"""Standard deviations below which a shift is no direction: the distribution changed, not its middle."""
MISSING = ".missing"
PLAIN = range(3, 7)
"""Powers of ten that are written out."""
REACH = 2.0
"""A consequence moves at most so many times as far as its cause; farther, and it speaks for itself."""
_SOFTER, _NOISIER = ("sharpness", -1), ("noise", 1)
_FOLLOWS: Mapping[tuple[str, int], tuple[tuple[str, int], ...]] = {
    ("noise", -1): (_SOFTER,),
    ("edge_density", -1): (_SOFTER, ("contrast", -1)),
    ("entropy", -1): (_SOFTER, ("contrast", -1)),
    ("highlights", -1): (_SOFTER, ("brightness", -1), ("contrast", -1)),
    ("shadows", -1): (_SOFTER, ("brightness", 1), ("contrast", -1)),
    ("blockiness", 1): (_SOFTER,),
    ("sharpness", 1): (_NOISIER,),
    ("edge_density", 1): (_NOISIER, ("sharpness", 1), ("contrast", 1)),
    ("entropy", 1): (_NOISIER, ("contrast", 1)),
    ("highlights", 1): (("brightness", 1), ("contrast", 1)),
    ("shadows", 1): (("brightness", -1), ("contrast", 1)),
}
"""What a lens, a sensor or a lamp moves along with something else: (property, direction) by its causes."""
_CAST = ("red_green", "yellow_blue")
"""Hue is the angle of these two."""


class LevelShare(NamedTuple):
    """How often one level of a category occurs on both sides."""

    level: str
    batch: float
    baseline: float


Shares = Mapping[str, Sequence[LevelShare]]


def statements(
    statistics: Sequence[StatisticResult],
    columns: Sequence[Column],
    alpha: float,
    shares: Shares = EMPTY,
) -> tuple[Diagnosis, ...]:
    """One sentence for each statistic with adjusted p <= alpha, the largest shift first.

    What follows from another of them comes after all others: a blurred image is less noisy too, but
    nobody would call it that. A statistic is named after its column, or `<column>.missing` (`batch` and `baseline` are then shares);
    others are passed over. `shares`, from `level_shares`, names the levels behind a category's change.
    """
    known = {column.name: column for column in columns}
    moved = [
        found
        for found in statistics
        if found.name.removesuffix(MISSING) in known and found.p_value is not None and found.p_value <= alpha
    ]
    shifts = {found.name: shift for found in moved if (shift := _shift(found)) is not None}
    said = []
    for found in moved:
        column = known[found.name.removesuffix(MISSING)]
        sentence = _sentence(found, column, shares.get(column.name, ()))
        said.append((_follows(found, shifts), -_size(found), sentence))
    return tuple(Diagnosis(sentence) for _, _, sentence in sorted(said))


def _follows(found: StatisticResult, shifts: Mapping[str, float]) -> bool:
    """Whether this change is what another one brings along."""
    if found.name == "hue":
        return any(name in shifts for name in _CAST)
    shift = shifts.get(found.name)
    if not shift:
        return False
    causes = _FOLLOWS.get((found.name, 1 if shift > 0 else -1), ())
    return any(shifts.get(name, 0.0) * sign * REACH >= abs(shift) for name, sign in causes)


def level_shares(
    batch: NDArray[np.float32],
    held_out: NDArray[np.float32],
    columns: Sequence[Column],
    levels: Mapping[int, str],
) -> dict[str, tuple[LevelShare, ...]]:
    """For each category of a view ([m, d] against [n, d]) its levels, the one that grew most first."""
    found = {}
    for number, column in enumerate(columns):
        if column.kind == "category":
            ours, theirs = batch[:, number], held_out[:, number]
            codes = np.unique(np.concatenate([ours, theirs]))
            pairs = [
                LevelShare(
                    level_name(code, levels), float(np.mean(ours == code)), float(np.mean(theirs == code))
                )
                for code in codes[np.isfinite(codes)]
            ]
            found[column.name] = tuple(
                sorted(pairs, key=lambda pair: (pair.baseline - pair.batch, pair.level))
            )
    return found


def level_name(code: float, levels: Mapping[int, str]) -> str:
    """The name behind a level's code."""
    return levels.get(int(code), f"level {int(code)}")


def amount(value: float, unit: str) -> str:
    """A value with its unit, for people: shares as percentages, `log2` values as what they stand for."""
    return " ".join(part for part in _parts(value, unit) if part)


def _parts(value: float, unit: str) -> tuple[str, str]:
    """Number and unit."""
    if unit == "share":
        return fine_percent(value), ""
    if unit.startswith("log2"):
        value, unit = 2.0 ** min(max(value, -1000.0), 1000.0), unit.removeprefix("log2").strip()
    return number(value), unit


def number(value: float) -> str:
    """Three significant digits, without an exponent where a person would not write one."""
    short = f"{value:.3g}"
    _, _, power = short.partition("e")
    if power and int(power) in PLAIN:
        short = f"{float(short):.0f}"
    return "0" if float(short) == 0 else short.replace("-", "−", 1)


def percent(share: float) -> str:
    """A share as a whole percentage; never 0 or 100 for what is neither."""
    hundred = 100 * share
    if 0 < hundred < 1:
        return "under 1 %"
    return "over 99 %" if 0 < 100 - hundred < 1 else f"{hundred:.0f} %"


def fine_percent(share: float) -> str:
    """A measured share as a percentage with two digits: clipped pixels are counted in hundredths."""
    hundred = 100 * share
    if 0 < hundred < 0.01:  # noqa: PLR2004
        return "under 0.01 %"
    return f"{hundred:.2g} %" if 0 <= hundred < 10 else percent(share)  # noqa: PLR2004


def hue_name(turns: float) -> str:
    """The nearest of six hues."""
    return HUES[round(turns * 6) % 6]


def _sentence(found: StatisticResult, column: Column, shares: Sequence[LevelShare]) -> str:
    """What one significant statistic says."""
    if found.name.endswith(MISSING):
        return _missing(found, column)
    if column.kind == "category":
        return _category(found, column, shares)
    if column.kind == "circular":
        return _circular(found, column)
    return _linear(found, column)


def _linear(found: StatisticResult, column: Column) -> str:
    """As in "Images are blurrier: sharpness −1.9 sd (0.42 → 0.31)"."""
    shift = _shift(found)
    if shift is None or abs(shift) < SLIGHT or _contradicts(found, shift):
        return f"{label(column.name)} is spread differently{_about(found)}{_from_to(found, column)}"
    word = column.more if shift > 0 else column.less
    subject = f"Images are {word}: {label(column.name)}" if word else label(column.name)
    return f"{subject} {'+' if shift > 0 else '−'}{abs(shift):.1f} sd{_from_to(found, column)}"


def _circular(found: StatisticResult, column: Column) -> str:
    """As in "Colours turn towards cyan: hue 0.1 → 0.4 turns"."""
    if found.batch is None or found.baseline is None:
        return f"{label(column.name)} is spread differently{_about(found)}"
    turn = (found.batch - found.baseline + 0.5) % 1.0 - 0.5
    if abs(turn) < 1 / 360:
        return f"{label(column.name)} is spread differently{_about(found)}"
    return f"Colours turn towards {_towards(found.baseline, turn)}: {label(column.name)}{_from_to(found, column, brackets=False)}"


def _towards(start: float, turn: float) -> str:
    """The hue that a turn from `start` ends nearest to; where it began nearest to it, the next one ahead."""
    end = start + turn
    if hue_name(end) != hue_name(start):
        return hue_name(end)
    ahead = math.ceil(end * 6) if turn > 0 else math.floor(end * 6)
    return HUES[ahead % 6]


def _category(found: StatisticResult, column: Column, shares: Sequence[LevelShare]) -> str:
    """As in "format: 30 % of the images are PNG, a level the baseline does not have"."""
    grown = max(shares, key=lambda pair: pair.batch - pair.baseline, default=None)
    if grown is None or grown.batch <= grown.baseline:
        return f"{label(column.name)}: the shares of its levels differ{_about(found)}"
    verb = "have" if grown.level == "none" else "are"
    before = (
        "a level the baseline does not have"
        if grown.baseline == 0
        else f"baseline: {percent(grown.baseline)}"
    )
    return f"{label(column.name)}: {percent(grown.batch)} of the images {verb} {grown.level}, {before}"


def _missing(found: StatisticResult, column: Column) -> str:
    """As in "jpeg_quality is missing in 50 % of the images (baseline: 10 %)"."""
    if found.batch is None or found.baseline is None:
        return f"{label(column.name)} is missing in another share of the images{_about(found)}"
    return f"{label(column.name)} is missing in {percent(found.batch)} of the images (baseline: {percent(found.baseline)})"


def _from_to(found: StatisticResult, column: Column, *, brackets: bool = True) -> str:
    """As in " (0.42 → 0.31)": the middle of the baseline, then of the batch; empty where unknown."""
    if found.batch is None or found.baseline is None:
        return ""
    (before, _), (after, unit) = _parts(found.baseline, column.unit), _parts(found.batch, column.unit)
    change = f"{before} → {after} {unit}".rstrip()
    return f" ({change})" if brackets else f" {change}"


def _about(found: StatisticResult) -> str:
    """As in " in about 20 % of the images", from the shifted share; empty where unknown."""
    return f" in about {percent(found.effect)} of the images" if found.effect else ""


def _shift(found: StatisticResult) -> float | None:
    """The shift in standard deviations, where the statistic has one."""
    effect = found.display_effect
    finite = effect is not None and effect.kind == "sd_shift" and math.isfinite(effect.value)
    return effect.value if effect is not None and finite else None


def _contradicts(found: StatisticResult, shift: float) -> bool:
    """True when mean and median moved in opposite directions: then no one word fits."""
    return (
        found.batch is not None and found.baseline is not None and (found.batch - found.baseline) * shift < 0
    )


def _size(found: StatisticResult) -> float:
    """Strength for the order: |sd shift|; else the normal shift that has the same shifted share."""
    shift = _shift(found)
    if shift is not None:
        return abs(shift)
    share = min(max(found.effect or 0.0, 0.0), 0.9999)
    return 2 * NormalDist().inv_cdf((1 + share) / 2)
