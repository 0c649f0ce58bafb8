"""One artifact has one held-out set C: how often do *its* checks alarm falsely, and what does it cost to promise that?

    python tests/benchmarks/own_rate.py range [--artifacts 200] [--batches 1000]
    python tests/benchmarks/own_rate.py years [--artifacts 200] [--years 200]
    python tests/benchmarks/own_rate.py real --cache FOLDER [--artifacts 40] [--batches 150]

`range`: 200 fixed C, many good batches each, p by relabelling (min-p over three families of features with common
causes: 20 bounded, 16 normal, 32 skewed and their indicators); how far the artifacts' own rates at alpha 0.05
lie apart, and the share of them inside the printed range, before (C's share in the variance of a difference of means
alone) and after (`driftcli.stats.own_rate`). Both without the noise of counting few batches: own rates are taken as
normal on the scale of scores, with the variance that is left between artifacts.

`years`: the same C for every one of its years of 365 checks. Sixteen normal features of falling variance; p of the
squared distance of means among relabellings by Pearson's type III with their three moments, then drawn with
as many relabellings as the gate takes. Before: evidence of p itself. After: of p for this artifact alone. Pooled:
C and all earlier batches (online conformal). Own past: the rank of a check among the earlier checks of this
artifact, ties at random. Per image, for delay only: ranks of a known direction in C with a Dvoretzky-Kiefer-Wolfowitz margin
(Shaer et al. 2026, arXiv 2602.13848, in spirit): bets 1 + c (1/2 - p) mixed over c. The share of artifacts whose own
rate of years with an alarm is at most alpha, as counted, and without the noise of counting. Then drift from day 100
(power of one check at alpha 0.01: 0.16, 0.5, and beyond doubt), years that were quiet until then, 60 days at most.

`real`: the whole gate on CIFAR-10 features as `failing_loudly.py --datasets cifar10 --extract` keeps them, as `range`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from _lab import machine
from scipy.special import gammaincc

from driftcli.stats import minp, sequential
from driftcli.stats.own_rate import SPREAD, HeldOut
from driftcli.stats.relabelling import draw

ALPHA, YEAR, BEGIN, LONGEST, BATCH = 0.05, 365, 100, 60, 20
RATIOS = (100, 20, 10, 5)
"""Images of C for one of the batch."""
NORMAL = NormalDist()
Values = np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("range", "years", "real"))
    parser.add_argument("--artifacts", type=int, default=200)
    parser.add_argument("--batches", type=int, default=1_000)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--ratios", default=",".join(map(str, RATIOS)))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.process_time()
    if given.part == "years":
        years(given)
    else:
        ranges(given, simulated if given.part == "range" else real)
    print(f"\nSeed {given.seed}; {machine()}; {time.process_time() - started:.0f} s of processor.")


# ---------------------------------------------------------------- the range of one check


def ranges(given: argparse.Namespace, drawn: Callable[..., Values]) -> None:
    """One row a ratio."""
    print(
        f"{given.artifacts} artifacts, {given.batches} good batches of {BATCH} each, alpha {ALPHA}\n\n"
        "| C : batch | rate over all | own rates lie apart (sd) | in the range, before | in the range, after | range, after |"
        "\n|---|---|---|---|---|---|"
    )
    for ratio in map(int, given.ratios.split(",")):
        p = drawn(given, HeldOut(BATCH, ratio * BATCH))
        found = (p <= ALPHA).astype(float)
        own = found.mean(axis=1)
        left = max(own.var(ddof=1) - found.var(axis=1, ddof=1).mean() / found.shape[1], 1e-12) ** 0.5
        # On the scale of scores one unit is worth the normal density at alpha's quantile.
        luck = left / NORMAL.pdf(NORMAL.inv_cdf(1 - ALPHA))
        sizes = HeldOut(BATCH, ratio * BATCH)
        score = NORMAL.inv_cdf(1 - ALPHA)
        share = (sizes.batch / (sizes.batch + sizes.held_out)) ** 2
        before, after = share**0.5, (share + SPREAD * (1 + score**2) / sizes.held_out) ** 0.5
        inside = [2 * NORMAL.cdf(1.645 * said / luck) - 1 for said in (before, after)]
        low, high = sizes.rates(ALPHA)
        print(
            f"| {ratio} | {own.mean():.4f} | {left:.4f} | {inside[0]:.2f} | {inside[1]:.2f} | {low:.3f}–{high:.3f} |",
            flush=True,
        )


WIDTHS, CAUSES, ROWS, TOGETHER = (20, 16, 8), 8, 199, 20


def images(rng: np.random.Generator, n: int) -> Values:
    """[n, 68]: three families of features of n images, with common causes."""
    causes = rng.standard_normal((n, CAUSES))
    made = []
    for i, width in enumerate(WIDTHS):
        mix = np.random.default_rng([7, i]).normal(size=(CAUSES, width)) / CAUSES**0.5
        made.append(causes @ mix + 0.6 * rng.standard_normal((n, width)))
    skewed = np.concatenate([np.exp(made[2][:, :4]), made[2][:, 4:]], axis=1)
    below = [skewed < edge for edge in (-0.5, 0.5, 1.5)]
    return np.concatenate([np.tanh(made[0]), made[1], skewed, *below], axis=1, dtype=np.float32)


def simulated(given: argparse.Namespace, sizes: HeldOut) -> Values:
    """[artifacts, batches]: min-p over the families, p by relabelling; a set of relabellings serves TOGETHER batches."""
    m, n = sizes.batch, sizes.held_out
    found = np.empty((given.artifacts, given.batches))
    for artifact in range(given.artifacts):
        rng = np.random.default_rng([given.seed, n, artifact])
        good = images(rng, n)
        centre, spread = good.mean(axis=0), good.std(axis=0) + 1e-6
        good = (good - centre) / spread
        for start in range(0, given.batches, TOGETHER):
            count = min(TOGETHER, given.batches - start)
            some = ((images(rng, count * m) - centre) / spread).reshape(count, m, -1)
            labels = np.zeros((ROWS + 1, n + m), np.float32)
            labels[0, n:] = 1
            chosen = np.argpartition(rng.random((ROWS, n + m), np.float32), m, axis=1)[:, :m]
            np.put_along_axis(labels[1:], chosen, 1, axis=1)
            sums = labels[:, n:] @ some + labels[:, :n] @ good
            total = some.sum(axis=1) + good.sum(axis=0)
            found[artifact, start : start + count] = _ranked(sums * (1 / m + 1 / n) - total[:, None] / n)
    return found


def _ranked(differences: Values) -> Values:
    """[batches] p of row 0 from differences of means [batches, rows, features]: min-p, ties by height."""
    one, two, three = np.split(differences, np.cumsum(WIDTHS[:2]), axis=2)
    largest = np.abs(three) / np.maximum(three.std(axis=1, keepdims=True), 1e-6)
    values = np.stack([(one**2).sum(axis=2), (two**2).sum(axis=2), largest.max(axis=2)], axis=2)
    z = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
    ranks = np.argsort(np.argsort(-z, axis=1), axis=1)
    least = ranks.min(axis=2)
    peak = np.where(ranks == least[..., None], z, -np.inf).max(axis=2)
    extreme = (least < least[:, :1]) | ((least == least[:, :1]) & (peak >= peak[:, :1]))
    return extreme.mean(axis=1)


def real(given: argparse.Namespace, sizes: HeldOut) -> Values:
    """[artifacts, batches]: the gate of all families on features of photographs, 199 relabellings."""
    from calibration import good

    families, views = good(given.cache)
    m, n = sizes.batch, sizes.held_out
    found = np.empty((given.artifacts, given.batches))
    for artifact in range(given.artifacts):
        rng = np.random.default_rng([given.seed, n, artifact])
        order = rng.permutation(len(views["properties"]))
        kept, others = order[:n], order[n:]
        states = [{**f.state, **f.detector.calibrate(f.state, views[f.view][kept])} for f in families]
        for start in range(0, given.batches, TOGETHER):
            batches = [
                rng.choice(others, m, replace=False) for _ in range(min(TOGETHER, given.batches - start))
            ]
            rows = np.concatenate([kept, *batches])
            among = [
                f.detector.among(state, views[f.view][rows], f.columns).against(np.arange(n))
                for f, state in zip(families, states, strict=True)
            ]
            for k in range(len(batches)):
                drawn = draw(n, m, ROWS, rng)
                own = np.arange(n + k * m, n + (k + 1) * m)
                found[artifact, start + k] = minp.joint_p(
                    [f.evidence(one.values(own, drawn)) for f, one in zip(families, among, strict=True)]
                )
    return found


# ---------------------------------------------------------------- years of one artifact


FALLING = 1 / np.arange(1, 17) ** 0.5
"""Variances of the sixteen features, before they are scaled to a sum of 16."""
SCALES = (16 * FALLING / FALLING.sum()) ** 0.5
POWERS = {"0.16": 0.16, "0.5": 0.5, "beyond doubt": None}
FEW = 999


@dataclass(frozen=True)
class Rule:
    """What a check is worth."""

    name: str
    allowed: bool = False
    """Whether p is that of this artifact alone."""
    pooled: bool = False
    """Whether earlier batches join C."""


POOLED, PAST = "C and earlier batches", "own past"
LEVELS, FOLLOWED = (0.05, 1e-3, 1e-4), 4
"""Years of each artifact that are followed through each drift."""
RULES = (
    Rule("before: p itself"),
    Rule("after: p for this artifact", allowed=True),
    Rule(POOLED, pooled=True),
)


@dataclass(frozen=True)
class World:
    """One C: its mean, and the moments of its relabellings' covariance."""

    mean: Values
    covariance: Values
    sizes: HeldOut

    @staticmethod
    def drawn(rng: np.random.Generator, sizes: HeldOut) -> World:
        x = rng.standard_normal((sizes.held_out, len(SCALES))) * SCALES
        mean = x.mean(axis=0)
        return World(mean, (x - mean).T @ (x - mean) / sizes.held_out, sizes)

    def p_values(self, means: Values, *, pooled: bool) -> Values:
        """[years, days] p of batches with these means [years, days, features]."""
        m, n = self.sizes.batch, self.sizes.held_out
        days = means.shape[1]
        earlier = np.arange(days) * (m if pooled else 0)
        sums = np.cumsum(means, axis=1) - means
        centre = (n * self.mean + m * sums * pooled) / (n + earlier)[:, None]
        total = n + earlier + m  # images that are relabelled
        difference = means - centre
        # Covariance W of all that is relabelled: a share `own` of C's (S), the rest of good images (D), and what lies
        # between the two sides' means. Its traces, and those of its square and cube.
        own, part = n / total, (earlier + m - 1) / total  # a batch lies closer to its own mean
        s, d = self.covariance, np.diag(SCALES**2)
        t = _Traces(own, part, s, d)
        between = m * (n + earlier) / total**2
        squared = (difference**2).sum(axis=2)
        linear = own * _form(difference, s) + part * _form(difference, d)
        square = own**2 * _form(difference, s @ s) + part**2 * _form(difference, d @ d)
        square += own * part * _form(difference, s @ d + d @ s)
        first = t.of(1) + between * squared
        second = t.of(2) + 2 * between * linear + (between * squared) ** 2
        third = t.of(3) + 3 * between * square + 3 * between**2 * squared * linear + (between * squared) ** 3
        scale = 1 / m + 1 / (n + earlier)
        scale = scale * total / (total - 1)
        mean, variance = first * scale, 2 * second * scale**2
        skew = 8 * third * scale**3 / variance**1.5
        shape = 4 / skew**2
        z = (squared - mean) / np.sqrt(variance)
        return np.asarray(gammaincc(shape, np.maximum(shape + z * np.sqrt(shape), 0)))


def _form(x: Values, matrix: Values) -> Values:
    """X' A x along the last axis."""
    return ((x @ matrix) * x).sum(axis=-1)


@dataclass(frozen=True)
class _Traces:
    """Of powers of own·S + part·D, one of each for every day."""

    own: Values
    part: Values
    s: Values
    d: Values

    def of(self, power: int) -> Values:
        w = self.own[:, None, None] * self.s + self.part[:, None, None] * self.d
        found = w
        for _ in range(power - 1):
            found = found @ w
        return np.trace(found, axis1=1, axis2=2)


def ranked(p: Values, rng: np.random.Generator, sizes: HeldOut | None) -> Values:
    """The p of as many relabellings as the gate takes, for batches whose exceedance probability is p."""
    few = (1 + rng.binomial(FEW, p)) / (FEW + 1)
    more = sequential.relabellings_for(ALPHA, YEAR, sizes)
    sure = few * (FEW + 1) < 1.5
    finer = few.copy()
    finer[sure] = (1 + rng.binomial(more - FEW, p[sure])) / (more + 1)
    return finer


def own_p(p: Values, sizes: HeldOut) -> Values:
    """`HeldOut.p_value` of every element."""
    grid = np.concatenate([np.logspace(-7, -1, 3_000), np.linspace(0.1001, 1, 2_000)])
    known = np.log([sizes.p_value(float(x)) for x in grid])
    return np.exp(np.interp(np.log(p), np.log(grid), known))


def mixture(p: Values) -> Values:
    """[years, days] evidence after every check."""
    e, value, path = 0.5 / np.sqrt(p), np.zeros(len(p)), np.empty_like(p)
    for day in range(p.shape[1]):
        value = (value + 1 / YEAR) * e[:, day]
        path[:, day] = value
    return path


def paths(world: World, means: Values, rng: np.random.Generator) -> tuple[dict[str, Values], list[Values]]:
    """[years, days] of every rule, and the p of C alone and with earlier batches."""
    alone, pooled = (world.p_values(means, pooled=joined) for joined in (False, True))
    found = {}
    for rule in RULES:
        p = ranked(pooled if rule.pooled else alone, rng, world.sizes if rule.allowed else None)
        found[rule.name] = mixture(own_p(p, world.sizes) if rule.allowed else p)
    return {**found, PAST: mixture(past_ranks(-alone, rng))}, [alone, pooled]


def past_ranks(scores: Values, rng: np.random.Generator) -> Values:
    """[years, days] p of a check: the rank of its score among the earlier ones of its artifact, ties at random."""
    p = np.empty_like(scores)
    for day in range(scores.shape[1]):
        above = (scores[:, :day] > scores[:, day : day + 1]).sum(axis=1)
        equal = (scores[:, :day] == scores[:, day : day + 1]).sum(axis=1) + 1
        p[:, day] = (above + rng.random(len(scores)) * equal) / (day + 1)
    return np.maximum(p, 1e-12)


def years(given: argparse.Namespace) -> None:
    """Both tables, one ratio after the other."""
    print(f"{given.artifacts} artifacts, {given.years} years each, batches of {BATCH}, alpha {ALPHA}\n")
    print(
        "| C : batch | evidence | p ≤ .05, .001, .0001 of good checks | years with an alarm, all artifacts | artifacts at most alpha: counted, without noise "
        "| delay in days at power 0.16 | 0.5 | beyond doubt |\n|---|---|---|---|---|---|---|---|"
    )
    for ratio in map(int, given.ratios.split(",")):
        one_ratio(given, HeldOut(BATCH, ratio * BATCH))


def one_ratio(given: argparse.Namespace, sizes: HeldOut) -> None:
    """The rows of one ratio."""
    shifts = {name: shift_for(power, sizes) for name, power in POWERS.items()}
    names = (*(rule.name for rule in RULES), PAST)
    alarms = {name: np.empty(given.artifacts) for name in names}
    late: dict[str, dict[str, list[Values]]] = {name: {k: [] for k in shifts} for name in names}
    seen = []
    for artifact in range(given.artifacts):
        rng = np.random.default_rng([given.seed, sizes.held_out, artifact])
        world = World.drawn(rng, sizes)
        means = rng.standard_normal((given.years, YEAR, len(SCALES))) * SCALES / sizes.batch**0.5
        found, p = paths(world, means, rng)
        seen.append([[(one <= u).mean() for u in LEVELS] for one in p])
        for name, path in found.items():
            alarms[name][artifact] = (path >= 1 / ALPHA).any(axis=1).mean()
        for shift_name, shift in shifts.items():
            moved = means[:FOLLOWED, : BEGIN - 1 + LONGEST].copy()
            moved[:, BEGIN - 1 :, 0] += shift
            for name, path in paths(world, moved, rng)[0].items():
                late[name][shift_name].append(delays(path))
    levels = np.mean(seen, axis=0)
    for name, rates in alarms.items():
        print(_row(given, sizes, name, rates, levels[int(name == POOLED)], late[name]), flush=True)
    if sizes.held_out >= 20 * sizes.batch:
        cells = [
            _told(np.concatenate([by_image(sizes, shift, k) for k in range(200)]))
            for shift in shifts.values()
        ]
        print(
            f"| {sizes.held_out // sizes.batch} | per image, margin of DKW | – | by theorem | by theorem | {' | '.join(cells)} |"
        )


def _row(
    given: argparse.Namespace,
    sizes: HeldOut,
    name: str,
    rates: Values,
    levels: Values,
    late: dict[str, list[Values]],
) -> str:
    mean, noise = rates.mean(), (rates * (1 - rates)).mean() / (given.years - 1)
    left = max(rates.var(ddof=1) - noise, 0.0)
    if left > 0:
        total = mean * (1 - mean) / left - 1
        draws = np.random.default_rng(0).beta(mean * total, (1 - mean) * total, 200_000)
        within = f"{(draws <= ALPHA).mean():.3f}"
    else:
        within = "1.000" if mean <= ALPHA else "0.000"
    cells = [_told(np.concatenate(found)) for found in late.values()]
    shown = ", ".join(f"{level:.5f}".rstrip("0") for level in levels)
    return (
        f"| {sizes.held_out // sizes.batch} | {name} | {shown} | {mean:.4f} | {(rates <= ALPHA).mean():.3f}, {within} | "
        f"{' | '.join(cells)} |"
    )


def delays(path: Values) -> Values:
    """Days from the first drifted one to the alarm (1: that very day), of years that were quiet until then."""
    quiet = (path[:, : BEGIN - 1] < 1 / ALPHA).all(axis=1)
    above = path[quiet, BEGIN - 1 :] >= 1 / ALPHA
    return np.where(above.any(axis=1), above.argmax(axis=1) + 1, LONGEST + 1)


def _told(days: Values) -> str:
    middle, slow = (int(np.quantile(days, q, method="higher")) for q in (0.5, 0.9))
    return " ".join(
        (
            str(middle) if middle <= LONGEST else f"> {LONGEST}",
            f"({slow if slow <= LONGEST else f'> {LONGEST}'})",
        )
    )


def shift_for(power: float | None, sizes: HeldOut) -> float:
    """How far the first feature moves, so that a check at alpha 0.01 finds it with this power; None: five times that of 0.5."""
    if power is None:
        return 5 * shift_for(0.5, sizes)
    rng = np.random.default_rng(3)
    base = rng.standard_normal((20, 100, len(SCALES))) * SCALES / sizes.batch**0.5
    low, high = 0.0, 10.0
    worlds = [World.drawn(rng, sizes) for _ in range(20)]
    for _ in range(12):
        middle = (low + high) / 2
        moved = base.copy()
        moved[..., 0] += middle
        found = np.mean(
            [(w.p_values(moved[k : k + 1], pooled=False) <= 0.01).mean() for k, w in enumerate(worlds)]
        )
        low, high = (middle, high) if found < power else (low, middle)
    return high


def by_image(sizes: HeldOut, shift: float, seed: int) -> Values:
    """Delay of ranks of single images in the known direction of the drift, each rank raised by the DKW margin for C."""
    rng = np.random.default_rng([11, seed])
    good = np.sort(rng.standard_normal(sizes.held_out))
    margin = (np.log(1 / 0.05) / 2 / sizes.held_out) ** 0.5
    images_ = rng.standard_normal((BEGIN - 1 + LONGEST, sizes.batch))
    images_[BEGIN - 1 :] += shift / SCALES[0]
    p = np.minimum(1, 1 - np.searchsorted(good, images_) / sizes.held_out + margin)
    bets = np.array([0.25, 0.5, 1.0, 1.9])
    factors = np.exp(np.log1p(bets * (0.5 - p[..., None])).sum(axis=1))
    value, path = np.zeros(len(bets)), []
    for day in factors:
        value = np.minimum((value + 1 / YEAR / len(bets)) * day, 1e100)
        path.append(value.sum())
    return delays(np.array(path)[None])


if __name__ == "__main__":
    main()
