"""Property statistics as a diagnosis: what changed about the images, by how much, causes before consequences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from driftcli.core import sentences
from driftcli.core.features import Column
from driftcli.core.findings import Diagnosis
from driftcli.core.images import EMPTY
from driftcli.core.report import StatisticResult
from driftcli.core.sentences import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
"""A sixth of a turn apart."""
SLIGHT = 0.05
"""Standard deviations below which a shift is no direction: the distribution changed, not its middle."""
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
    family: str = "",
) -> tuple[Diagnosis, ...]:
    """Facts and their sentence for each statistic with adjusted p <= alpha, the largest shift first.

    What follows from another of them comes after all others: a blurred image is less noisy too, but
    nobody would call it that. A statistic is named after its column, or `<column>.missing` (`batch` and `baseline` are then shares);
    others are passed over. `shares`, from `level_shares`, names the levels behind a category's change; `family` is
    the one that all of them belong to.
    """
    known = {column.name: column for column in columns}
    moved = [
        found
        for found in statistics
        if found.name.removesuffix(MISSING) in known and found.p_value is not None and found.p_value <= alpha
    ]
    shifts = {found.name: shift for found in moved if (shift := _shift(found)) is not None}
    ranked = []
    for found in moved:
        column = known[found.name.removesuffix(MISSING)]
        diagnosis = sentences.told(_facts(found, column, shares.get(column.name, ()), family))
        ranked.append((_follows(found, shifts), -_size(found), diagnosis))
    ranked.sort(key=lambda row: (row[0], row[1], row[2].statement))
    return tuple(diagnosis for _, _, diagnosis in ranked)


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


def hue_name(turns: float) -> str:
    """The nearest of six hues."""
    return HUES[round(turns * 6) % 6]


def _facts(
    statistic: StatisticResult, column: Column, shares: Sequence[LevelShare], family: str
) -> Diagnosis:
    """What one significant statistic says, as facts without their sentence."""
    facts = Diagnosis(
        "",
        family=family or None,
        statistic=statistic.name,
        before=statistic.baseline,
        after=statistic.batch,
        unit=column.unit or None,
        share=statistic.effect,
    )
    if statistic.name.endswith(MISSING):
        return replace(facts, kind="missing", unit="share")
    if column.kind == "category":
        return _category(facts, shares)
    if column.kind == "circular":
        return _circular(facts)
    return _linear(facts, column, _shift(statistic))


def _linear(facts: Diagnosis, column: Column, shift: float | None) -> Diagnosis:
    """A shift, where the middle moved and mean and median agree on the direction."""
    if shift is None or abs(shift) < SLIGHT or _contradicts(facts, shift):
        return replace(facts, kind="spread")
    word = column.more if shift > 0 else column.less
    direction: Literal["higher", "lower"] = "higher" if shift > 0 else "lower"
    return replace(facts, kind="shift", shift_sd=shift, direction=direction, word=word or None)


def _circular(facts: Diagnosis) -> Diagnosis:
    """A turn along the shorter arc; of less than a degree, the middle is no fact."""
    if facts.before is None or facts.after is None:
        return replace(facts, kind="spread", before=None, after=None)
    turn = (facts.after - facts.before + 0.5) % 1.0 - 0.5
    if abs(turn) < 1 / 360:
        return replace(facts, kind="spread", before=None, after=None)
    return replace(facts, kind="turn", towards=_towards(facts.before, turn))


def _towards(start: float, turn: float) -> str:
    """The hue that a turn from `start` ends nearest to; where it began nearest to it, the next one ahead."""
    end = start + turn
    if hue_name(end) != hue_name(start):
        return hue_name(end)
    ahead = math.ceil(end * 6) if turn > 0 else math.floor(end * 6)
    return HUES[ahead % 6]


def _category(facts: Diagnosis, shares: Sequence[LevelShare]) -> Diagnosis:
    """The level that grew most, if any did."""
    facts = replace(facts, kind="level", before=None, after=None, unit="share")
    grown = max(shares, key=lambda pair: pair.batch - pair.baseline, default=None)
    if grown is None or grown.batch <= grown.baseline:
        return facts
    return replace(facts, level=grown.level, before=grown.baseline, after=grown.batch)


def _shift(found: StatisticResult) -> float | None:
    """The shift in standard deviations, where the statistic has one."""
    effect = found.display_effect
    finite = effect is not None and effect.kind == "sd_shift" and math.isfinite(effect.value)
    return effect.value if effect is not None and finite else None


def _contradicts(facts: Diagnosis, shift: float) -> bool:
    """True when mean and median moved in opposite directions: then no one word fits."""
    return facts.after is not None and facts.before is not None and (facts.after - facts.before) * shift < 0


def _size(found: StatisticResult) -> float:
    """Strength for the order: |sd shift|; else the normal shift that has the same shifted share."""
    shift = _shift(found)
    if shift is not None:
        return abs(shift)
    share = min(max(found.effect or 0.0, 0.0), 0.9999)
    return 2 * NormalDist().inv_cdf((1 + share) / 2)
