"""The gate over many checks: every batch is a bet against "nothing has changed", mixed over all days on which it may have begun.

A check's p-value becomes e = ½·p^(−1/2) (Vovk & Wang 2021, calibrators: its mean on good images is at most 1).
The mixture M_t = (M_{t−1} + 1/H)·e_t puts 1/H of the stake on a change at each of the next H checks. On good
images M_t − t/H is a supermartingale, so that P(M reaches 1/alpha within H checks) ≤ alpha (Ville 1939, Doob).
After t > H checks without an acknowledgement the bound is alpha·t/H.

The p that counts is that of one artifact alone (`own_rate`): all checks share its held-out set, whose luck would else
add up from day to day. So the promise is one for this artifact, for 19 of 20 draws of its held-out set, as far as
that model of its luck holds; on average over draws it needs none.
"""

# Why the calibrator is one: for p uniform, E[½ p^(−1/2)] = ∫₀¹ ½ p^(−1/2) dp = 1. A rank p-value is stochastically
# larger than uniform (P(p ≤ u) ≤ u) and e falls in p, so that the mean can only be smaller. Any f ≥ 0 that falls
# and integrates to at most 1 would do; κ p^(κ−1) with κ = ½ needs no tuning and grows without bound as p → 0.
#
# Why the recursion is the mixture: write the sum over the check s at which the change may begin,
#     M_t = (1/H) · Σ_{s=1..t} Π_{u=s..t} e_u;
# every product gains the factor e_t, and a product that starts at t joins with weight 1/H before it does.
#
# Why the promise holds: given the past, E[e_t] ≤ 1, so E[M_t | past] ≤ M_{t−1} + 1/H. Add the stake not yet placed:
# N_t = M_t + (H − t)/H is a nonnegative supermartingale for t ≤ H with N_0 = 1, and M_t ≤ N_t. Ville's inequality,
# P(max_{t ≤ H} N_t ≥ 1/alpha) ≤ alpha, needs no independence beyond that conditional mean. Beyond H take t in the
# place of H: the same M is t/H times a mixture with weights 1/t, hence alpha·t/H.

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftcli.stats.own_rate import HeldOut

LEAST_RATIO = 5
"""Units of C for one of the batch: with fewer, nobody has measured what the luck of C does to a year of checks."""
MOST_RELABELLINGS = 299_999
"""More than these are not drawn, however small alpha and however long the horizon."""


@dataclass(frozen=True, slots=True)
class State:
    """Where one series of checks stands: one baseline and one group."""

    value: float = 0.0
    """M, the evidence of all counted checks together; 0 at the start."""
    checks: int = 0
    """Checks that moved M since the start, or since the last acknowledgement."""
    alarm: bool = False
    """Whether M has reached 1/alpha. It stays so until somebody acknowledges it."""


def threshold(alpha: float) -> float:
    """The evidence M at which the alarm is raised: 1 / alpha."""
    return 1 / alpha


def e_value(p: float, permutations: int) -> float:
    """The evidence of one check, ½·p^(−1/2): between ½ (p = 1) and ½√(B+1) (the smallest p of B permutations).

    Its mean over batches of good images is at most 1. Raises ValueError unless 0 ≤ p ≤ 1.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p = {p}")
    # No rank p-value lies below 1/(B+1); one that was read or rounded to less must not be worth more.
    return 0.5 / math.sqrt(max(p, 1 / (permutations + 1)))


def relabellings_for(alpha: float, horizon: int, sizes: HeldOut | None = None) -> int:
    """B with which two certain days raise the alarm: the smallest 999, 1999, ... whose 1/(B+1) does it twice in a row.

    From M = 0 two checks worth e each give (e/H + 1/H)·e, which reaches 1/alpha where e·(e + 1) ≥ H/alpha; the
    smallest p of B relabellings, as `sizes` makes it one of this artifact alone, is worth e. For a year of days at
    alpha 0.05 28,999 without that allowance, 69,999 with batches of 100 against 2,000, 221,999 with 20 against 400;
    never more than MOST_RELABELLINGS, with which it may take a third day.
    """
    least = (math.sqrt(1 + 4 * horizon / alpha) - 1) / 2
    smallest = 1 / (4 * least**2)
    if sizes is not None:
        smallest = sizes.before(smallest)
    if smallest * (MOST_RELABELLINGS + 1) <= 1:
        return MOST_RELABELLINGS
    return min(1000 * math.ceil(1 / smallest / 1000 + 1e-9) - 1, MOST_RELABELLINGS)


def is_smallest(p: float, rows: int) -> bool:
    """Whether no other of `rows` relabellings was as extreme as the observed one: p = 1/rows.

    Only then a larger set is drawn, and its p-value counts, whatever it is: exact, like each of the two.
    """
    # Let p1 be the p-value of the smaller set of B + 1 rows, p2 that of the larger one, and p = p2 where p1 = 1/(B+1),
    # else p1. For u < 1/(B+1), p <= u implies p2 <= u. For u >= 1/(B+1), p <= u implies p1 <= u: p is p1, or p1 is
    # 1/(B+1) and so at most u. Either way P(p <= u) <= u, however p1 and p2 depend on each other. (Besag & Clifford
    # 1991, Biometrika 78:301, stop drawing early likewise; theirs needs a statistic that ignores the other rows, and
    # min-p ranks each row among all of them.)
    return p * rows < 1.5  # noqa: PLR2004  # p is a whole number of rows


def advanced(state: State, e: float, horizon: int) -> State:
    """The state after one more check with evidence `e`; `horizon` is H, the checks that the promise is for."""
    return replace(state, value=(state.value + 1 / horizon) * e, checks=state.checks + 1)


def judged(state: State, alpha: float) -> State:
    """The state with its alarm as the gate of one check sees it: raised at 1/alpha, and kept whatever comes after."""
    return replace(state, alarm=state.alarm or state.value >= threshold(alpha))


def path(p: Iterable[float], permutations: int, horizon: int) -> list[float]:
    """M after each of these p-values, in their order; all of them with B = `permutations`, from M = 0."""
    state, values = State(), []
    for p_value in p:
        state = advanced(state, e_value(p_value, permutations), horizon)
        values.append(state.value)
    return values


def reason(state: State, alpha: float, since: str | None, place: str) -> str:
    """One sentence on what the gate over many checks says.

    `since`: when an earlier check raised the alarm, None where none did; `place`: the history's file, as a
    command line names it.
    """
    limit = threshold(alpha)
    if since is not None:
        return (
            f"the alarm of {since} is not acknowledged: look into it, then driftcli history {place} "
            f"--acknowledge (evidence {state.value:.3g}, alarm at {limit:.3g})"
        )
    if state.alarm:
        many = "one check" if state.checks == 1 else f"{state.checks} checks"
        return (
            f"the evidence of {many} together has reached {state.value:.3g}, alarm at {limit:.3g} (1 / alpha)"
        )
    return (
        f"this batch alone does not fail the gate: the evidence of all checks is {state.value:.3g}, "
        f"alarm at {limit:.3g} (1 / alpha)"
    )
