"""The gate over many checks: every batch is a bet against "nothing has changed", mixed over all days on which it may have begun.

A check's p-value becomes e = ½·p^(−1/2) (Vovk & Wang 2021, calibrators: its mean on good images is at most 1).
The mixture M_t = (M_{t−1} + 1/H)·e_t puts 1/H of the stake on a change at each of the next H checks. On good
images M_t − t/H is a supermartingale, so that P(M reaches 1/alpha within H checks) ≤ alpha (Ville 1939, Doob).
After t > H checks without an acknowledgement the bound is alpha·t/H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_RATIO = 5
"""Images of C for one of the batch: with fewer, what a year's checks share (their C) breaks the promise."""


@dataclass(frozen=True, slots=True)
class State:
    """Where one series of checks stands: one baseline and one group."""

    value: float = 0.0
    """M."""
    checks: int = 0
    """That moved M since the start, or since the last acknowledgement."""
    alarm: bool = False
    """Latched: only an acknowledgement ends it."""


def threshold(alpha: float) -> float:
    """M at which the alarm is raised."""
    return 1 / alpha


def e_value(p: float, permutations: int) -> float:
    """½·p^(−1/2), at most ½√(B+1): what one check is worth. Raises ValueError unless 0 ≤ p ≤ 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"p = {p}")
    return 0.5 / math.sqrt(max(p, 1 / (permutations + 1)))


def advanced(state: State, e: float, horizon: int) -> State:
    """The state after one more batch."""
    return replace(state, value=(state.value + 1 / horizon) * e, checks=state.checks + 1)


def judged(state: State, alpha: float) -> State:
    """The alarm as the gate of one check sees it: raised at 1/alpha, and kept whatever comes after."""
    return replace(state, alarm=state.alarm or state.value >= threshold(alpha))


def path(p: Iterable[float], permutations: int, horizon: int) -> list[float]:
    """M after each of these p-values."""
    state, values = State(), []
    for one in p:
        state = advanced(state, e_value(one, permutations), horizon)
        values.append(state.value)
    return values


def reason(state: State, alpha: float, since: str | None, place: str) -> str:
    """What the gate over many checks says, in words. `since`: when an earlier check raised the alarm."""
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
