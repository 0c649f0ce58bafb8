"""Evidence of all families becomes one verdict: joint min-p permutation test, effect, tolerance."""

# Three steps, each a function of one row among all rows and blind to which of them was observed:
#   1. within family f:  G_f[b] = max_k z_f[b, k], statistics standardised over the rows b = 0..B; or, where the kind
#                        says so (`Join`), the sum over k of c_k z_f[b, k], standardised in turn, c fixed;
#   2. its rank:         P_f[b] = #{b': G_f[b'] >= G_f[b]} / (B + 1);
#   3. across families:  M[b] = (min_f P_f[b] / w_f, then the largest G_f[b] among the families f that attain that
#                        minimum), w_f the family's fixed weight, and quotients below 1 / ((B + 1) min w) taken for it.
# The p-value of the gate is the rank of M[0]. Under exchangeability the rows are exchangeable, hence M is, hence its
# rank is exact: no correction for the number of statistics or families, and none for their dependence, which the
# common relabellings carry (Westfall & Young 1993, ch. 2). Weights and sums change nothing in that: they are the same
# in all rows and were there before the data (weighted min-p: Genovese, Roeder & Wasserman 2006, Biometrika 93).
# Why the second key: with equal weights min_f P_f takes its smallest value 1 / (B + 1) in up to F rows, one for each
# family, so that min-p alone could not give less than F / (B + 1). Heights G_f are in sd of their own null, comparable
# across families. Why the bound of quotients: the top rows of a heavy family would lie before all rows of the others,
# and what only a light family sees could not have p = 1 / (B + 1).

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.evidence import Evidence
from driftcli.stats.relabelling import p_values

if TYPE_CHECKING:
    from driftcli.core.report import FamilyResult, StatisticResult

Gate = Literal["on", "advisory", "off"]


@dataclass(frozen=True)
class Verdict:
    """The gate's answer. `p_value` is exact over draws of C for exchangeable units."""

    outcome: Literal["pass", "warn", "drift"]
    """`drift`: p <= alpha, and beyond the tolerance if there is one; `warn`: p <= alpha, but within it."""
    p_value: float
    """Of the gate, in [1 / rows, 1]."""
    effect: float | None
    """Share of images that must differ, in [0, 1], of `effect_family`; None where no family has an effect."""
    effect_lower: float | None
    """Its lower confidence bound, level 95 % within the family."""
    effect_family: str | None
    families: tuple[FamilyResult, ...]
    """All families, those without a say included, in the order of the evidence."""


@dataclass(frozen=True)
class _Ranked:
    """One family under all relabellings."""

    evidence: Evidence
    z: NDArray[np.float64]
    """[rows, k]: standardised statistics."""
    height: NDArray[np.float64]
    """[rows]: the largest of them, or their weighted sum: G_f."""
    p: NDArray[np.float64]
    """[rows]: its rank p, P_f."""


def judge(evidence: Sequence[Evidence], gates: Mapping[str, Gate], alpha: float, tolerance: float) -> Verdict:
    """The verdict on one batch: families combined by min-p over one set of relabellings (Westfall & Young 1993, ch. 2).

    `evidence`: one family each, all over the same rows, row 0 as observed; `gates`: by the families' names.
    p of the gate: share of relabellings, the observed one included, that are at least as extreme
    by the pair (smallest family p over the family's weight, then the largest standardised height among
    the families that attain it). Every step treats all rows alike, which makes the p-value exact. Advisory families
    get their own p-values and no say. Raises ValueError when no family is `on`.
    """
    ranked = [_rank(item) for item in evidence]
    gating = [item for item in ranked if gates[item.evidence.family] == "on"]
    if not gating:
        raise ValueError("no family has gate: on")
    adjusted = _adjusted(gating)
    by_family = {item.evidence.family: p for item, p in zip(gating, adjusted, strict=True)}
    p_gate = min(adjusted)
    results = tuple(
        _family_result(item, gates[item.evidence.family], by_family.get(item.evidence.family), alpha)
        for item in ranked
    )
    return Verdict(_outcome(results, p_gate, alpha, tolerance), p_gate, *_main_effect(results), results)


def joint_p(evidence: Sequence[Evidence]) -> float:
    """The gate's p-value alone, in [1 / rows, 1], from what each gating family says; row 0 as observed."""
    return min(_adjusted([_rank(item) for item in evidence]))


def observed_p(evidence: Sequence[Evidence], gates: Sequence[Gate]) -> NDArray[np.float64]:
    """[1 + families]: p of the gate, in which those that are `on` have a say, then each family's own, of row 0."""
    ranked = [_rank(item) for item in evidence]
    on = [item for item, gate in zip(ranked, gates, strict=True) if gate == "on"]
    return np.array([min(_adjusted(on)), *(item.p[0] for item in ranked)])


def standardise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Statistics in sd of their own null, [rows, k]: (T - mean_b) / sd_b over all rows b; 0 for a column that says nothing.

    That is one that is constant or anywhere not finite. Rounded to 6 decimals: the same labelling, summed in another
    order, must tie with itself.
    """
    # Mean and sd over all rows, the observed one included: were row 0 left out, it would be treated unlike the others
    # and its rank would not be exact. The price is that one row of B + 1 cannot stand out by more than sqrt(B) sd.
    # Constant is judged against the size of the values: sums of floats differ in their last digits.
    usable = np.isfinite(values).all(axis=0)
    safe = np.where(usable, values, 0.0)
    sd = safe.std(axis=0)
    varying = sd > 1e-12 * np.maximum(np.abs(safe).max(axis=0), 1e-300)
    z = (safe - safe.mean(axis=0)) / np.where(varying, sd, 1.0)
    return np.asarray(np.round(np.where(varying, z, 0.0), 6), np.float64)


def step_down(
    p: Sequence[NDArray[np.float64]], heights: Sequence[NDArray[np.float64]], weights: Sequence[float]
) -> list[float]:
    """Each family's adjusted p-value in the observed row: step-down min-p (Westfall & Young 1993), tie rule included.

    `p[f][b]` and `heights[f][b]`: rank p and standardised height of family f in row b; `weights[f]` > 0 divides its p.
    The smallest of the results is the p-value of the gate. They control the family-wise error whatever other families
    do: if the features of some families together did not drift, one of these has p <= alpha with probability alpha
    at most.
    """
    # From the most extreme family on: the s-th is compared with the best of those not yet called (itself and all
    # behind it) in every row; `floor` keeps the results in the order of the families (a family cannot be called
    # before one that is more extreme). Free of the statistics already accounted for, later steps lose less power.
    w, height_all = np.asarray(weights, np.float64), np.stack(heights)
    # A quotient that the top row of the lightest family has is the smallest of all: below it heights decide.
    p_all = np.maximum(np.stack(p) / w[:, None], 1 / (height_all.shape[1] * w.min()))
    order = sorted(range(len(p)), key=lambda f: (p_all[f, 0], -height_all[f, 0]))
    adjusted = [1.0] * len(p)
    floor = 0.0
    for step, family in enumerate(order):
        rest = order[step:]
        smallest = p_all[rest].min(axis=0)
        highest = np.where(p_all[rest] == smallest, height_all[rest], -np.inf).max(axis=0)
        mine, height = p_all[family, 0], height_all[family, 0]
        extreme = (smallest < mine) | ((smallest == mine) & (highest >= height))
        floor = max(floor, float(extreme.mean()))
        adjusted[family] = floor
    return adjusted


def _peak(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """[rows]: the largest statistic of each row; 0 throughout for a family without statistics."""
    peak: NDArray[np.float64] = z.max(axis=1) if z.shape[1] else np.zeros(len(z))
    return peak


def _height(z: NDArray[np.float64], counts: tuple[float, ...]) -> NDArray[np.float64]:
    """[rows]: G_f of standardised statistics [rows, k]."""
    if not counts:
        return _peak(z)
    # Row by row alike, which a matrix product does not promise: the same labelling must tie with itself.
    return standardise((z * np.asarray(counts)).sum(axis=1, keepdims=True))[:, 0]


def _rank(evidence: Evidence) -> _Ranked:
    z = standardise(evidence.values)
    height = _height(z, evidence.join.statistics)
    return _Ranked(evidence, z, height, p_values(height))


def _adjusted(ranked: Sequence[_Ranked]) -> list[float]:
    """The families' step-down adjusted p-values in the observed row."""
    return step_down(
        [item.p for item in ranked],
        [item.height for item in ranked],
        [item.evidence.join.weight for item in ranked],
    )


def _family_result(item: _Ranked, gate: Gate, adjusted: float | None, alpha: float) -> FamilyResult:
    from driftcli.core.report import FamilyResult  # loads all of a result, for verdicts alone

    statistics = item.evidence.statistics
    effects = [(s.effect, s.effect_lower) for s in statistics if s.effect is not None]
    lower = [low for _, low in effects if low is not None]
    p_family = float(item.p[0])
    deciding = p_family if adjusted is None else adjusted
    return FamilyResult(
        name=item.evidence.family,
        gate=gate,
        p_value=p_family,
        p_adjusted=adjusted,
        significant=deciding <= alpha,
        effect=max((e for e, _ in effects), default=None),
        effect_lower=max(lower, default=None),
        statistics=tuple(_statistic_result(item, k) for k in range(len(statistics))),
    )


def _statistic_result(item: _Ranked, k: int) -> StatisticResult:
    """The k-th statistic of a family: `p_value` adjusted within it (single-step max-T), `p_raw` by itself."""
    from driftcli.core.report import StatisticResult

    observed = item.evidence.statistics[k]
    change = None
    turned = observed.display_effect is not None and observed.display_effect.kind == "turn_shift"
    if not turned and observed.batch is not None and observed.baseline is not None and observed.baseline > 0:
        change = (observed.batch - observed.baseline) / observed.baseline
    return StatisticResult(
        name=observed.name,
        batch=observed.batch,
        baseline=observed.baseline,
        change=change,
        p_value=float((_peak(item.z) >= item.z[0, k]).mean()),
        p_raw=float((item.z[:, k] >= item.z[0, k]).mean()),
        display_effect=observed.display_effect,
        effect=observed.effect,
        effect_lower=observed.effect_lower,
    )


def _outcome(
    families: Sequence[FamilyResult], p_gate: float, alpha: float, tolerance: float
) -> Literal["pass", "warn", "drift"]:
    if p_gate > alpha:
        return "pass"
    large = any(
        f.gate == "on" and f.significant and f.effect_lower is not None and f.effect_lower > tolerance
        for f in families
    )
    return "drift" if tolerance == 0 or large else "warn"


def _main_effect(families: Sequence[FamilyResult]) -> tuple[float | None, float | None, str | None]:
    """The effect shown beside the gate's p, and its family.

    That of the gating family with the largest lower bound, among the significant ones if there are any.
    """
    gating = [f for f in families if f.gate == "on" and f.effect is not None]
    pool = [f for f in gating if f.significant] or gating
    if not pool:
        return None, None, None
    best = max(pool, key=lambda f: (f.effect_lower or 0.0, f.effect or 0.0))
    return best.effect, best.effect_lower, best.name
