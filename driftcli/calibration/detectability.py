"""Which corruptions a check can see: the gate on imagined batches, measured when a baseline is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.calibration.bench import PERMUTATIONS, Bench
from driftcli.calibration.paired import Change, Simulated, foreign, moved, simulate
from driftcli.core import threads
from driftcli.core.features import Features, State
from driftcli.core.progress import Progress
from driftcli.core.registry import load
from driftcli.core.sight import Detectable
from driftcli.corruptions.base import Corruption
from driftcli.reference.families import Family

if TYPE_CHECKING:
    from driftcli.config.settings import Settings
    from driftcli.reading.reader import Reader

SIZES = (10, 20, 50, 100, 200)
POWER = 0.8
HALF = 1_500
"""A half of C uses at most so many images, as in calibration."""
SPLITS = {"small": 2, "full": 10}
TRIALS = 10
"""Batches of every kind in each split of C: they share their good images, as all checks against one baseline do, and
several splits average over which these are. What is kept is p, not "found": power at any alpha is a share of them."""
FIRST = 2
"""Of them: where these leave no doubt in any split, the others are not tried."""
SURE = 1 / (PERMUTATIONS + 1)
"""The smallest p that a trial can have: a batch beyond all clean ones of its bench."""
HOPELESS = 0.2
"""A change whose first trials all lie above it is not found with power 0.8 at any alpha a gate has."""
CHANGES: Mapping[str, tuple[Change, ...]] = {
    "small": tuple(
        Change(name, severity)
        for name in ("gaussian_blur", "gaussian_noise", "jpeg", "darken")
        for severity in (1, 2, 3)
    ),
    "full": tuple(
        Change(name, severity)
        for name in (
            "gaussian_blur", "motion_blur", "gaussian_noise", "impulse_noise", "jpeg", "downscale",
            "brighten", "darken", "low_contrast", "white_balance", "crop", "occlusion",
        )
        for severity in (1, 2, 3, 4, 5)
    ),
}  # fmt: skip
FOREIGN = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of images of another kind in the batch."""
Views = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Study:
    """What a baseline simulates: images of C under corruptions, and images of another kind."""

    kind: Literal["small", "full"]
    simulated: Simulated
    foreign: Features


def study(reader: Reader, sources: Sequence[str], held_out: Features, settings: Settings) -> Study | None:
    """Some images of C, read again under every change; None where nothing is asked for, or C is too small."""
    kind = settings.calibrate.detectable
    if kind == "none" or len(held_out) < 2 * SIZES[0]:
        return None
    few = held_out.first(images_for(kind, len(held_out)))
    from driftcli.reading.entries import entries_again

    again = list(entries_again(sources, settings, few.names))
    again_only = reader.narrowed(reader.extractors)
    simulated = simulate(again_only, again, CHANGES[kind], settings.seed, "simulating corruptions")
    pictures = foreign()
    strangers = again_only.read_entries(pictures, len(pictures), "images of another kind").features
    return Study(kind, simulated, strangers) if len(simulated) else None


def images_for(kind: str, held_out: int) -> int:
    """How many images of C are simulated: a share of them, so that it costs a share of their reading."""
    return min(128, held_out) if kind == "full" else int(min(128, max(8, held_out // 64)))


def measure(
    families: Sequence[Family],
    held_out: Features,
    study: Study,
    seed: int,
    progress: Progress,
) -> dict[str, NDArray[np.float64]]:
    """The gate's p-values on imagined batches: `power_m` [changes + shares, trials] for every size m, rows as `rows` lists them.

    Good images are one half of C, batches come from the other half; changes are added to clean features (`paired.moved`),
    foreign images replace some. No batch holds an image it is compared with. What every trial finds beyond doubt is
    found in larger batches and at higher severities, too, and not tried there.
    """
    n = len(held_out)
    gating = [f for f in families if f.gate == "on"]
    sizes = [m for m in SIZES if 2 * m <= n]
    rngs = [np.random.default_rng([seed, split, 3]) for split in range(SPLITS[study.kind])]
    halves = [_halves({f.view: held_out.views[f.view] for f in gating}, rng) for rng in rngs]
    measured: dict[str, NDArray[np.float64]] = {}
    sure: set[int] = (
        set()
    )  # rows of which every trial so far had the smallest p; sizes and severities only rise
    progress.start("measuring what the gate can see", len(sizes))
    for m in sizes:
        benches = threads.side_by_side(partial(_bench, gating, m), zip(halves, rngs, strict=True))
        splits = [
            _Split(bench, fresh, rng) for bench, (_, fresh), rng in zip(benches, halves, rngs, strict=True)
        ]
        p = np.full((len(rows(study)), len(rngs) * TRIALS), SURE)
        for row, milder in enumerate(_milder(study)):
            if milder in sure or row in sure:
                sure.add(row)
                continue
            p[row] = _tried(study, row, m, splits)
            if (p[row] <= SURE).all():
                sure.add(row)
        measured[f"power_{m}"] = p
        progress.advance(1)
    progress.finish()
    return measured


class _Split(NamedTuple):
    """One division of C: batches are drawn from one half of it, and judged against the other."""

    bench: Bench
    fresh: Views
    rng: np.random.Generator


def _bench(gating: Sequence[Family], m: int, split: tuple[tuple[Views, Views], np.random.Generator]) -> Bench:
    """One half of C with a clean batch of m from the other."""
    (kept, fresh), rng = split
    return Bench(gating, kept, _drawn(fresh, m, rng), rng)


def _tried(study: Study, row: int, m: int, splits: Sequence[_Split]) -> NDArray[np.float64]:
    """The p-values of batches of m under the change of this row, [trials]; the first ones repeated where they suffice."""

    def judged(count: int, split: _Split) -> list[float]:
        batches = (_batch(_drawn(split.fresh, m, split.rng), study, row, split.rng) for _ in range(count))
        return [float(split.bench.p(batch)[0]) for batch in batches]

    def some(count: int) -> list[float]:
        return [p for found in threads.side_by_side(partial(judged, count), splits) for p in found]

    # A row is settled where the first trials of all splits have the smallest p there is, or all lie above every alpha in
    # use: repeating them keeps the shape of the table and the share (1 or 0), at a fifth of the cost.
    p = np.array(some(FIRST))
    if (p <= SURE).all() or (p > HOPELESS).all():
        return np.resize(p, len(splits) * TRIALS)
    return np.concatenate([p, some(TRIALS - FIRST)])


def _halves(views: Views, rng: np.random.Generator) -> tuple[Views, Views]:
    """Good images to compare with, and as many others to draw batches from: disjoint halves of C, HALF images at most."""
    n = len(next(iter(views.values())))
    order, half = rng.permutation(n), min(n // 2, HALF)
    parts = order[:half], order[half : 2 * half]
    kept, fresh = ({name: x[part] for name, x in views.items()} for part in parts)
    return kept, fresh


def _drawn(fresh: Views, m: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """A clean batch of m different images."""
    chosen = rng.permutation(len(next(iter(fresh.values()))))[:m]
    return {name: x[chosen] for name, x in fresh.items()}


def _batch(clean: Views, study: Study, row: int, rng: np.random.Generator) -> Views:
    """The clean batch under the change of this row, or with its share of foreign images."""
    changes = tuple(study.simulated.changed)
    if row < len(changes):
        return moved(clean, study.simulated, changes[row], rng)
    m = len(next(iter(clean.values())))
    count = max(1, round(FOREIGN[row - len(changes)] * m))
    pick = rng.integers(len(study.foreign), size=count)
    return {k: np.concatenate([study.foreign.views[k][pick], x[count:]]) for k, x in clean.items()}


def _milder(study: Study) -> list[int | None]:
    """For each row the row of the same corruption one severity (or one share) lower."""
    known = rows(study)
    return [
        row - 1 if row and known[row - 1]["corruption"] == known[row]["corruption"] else None
        for row in range(len(known))
    ]


def rows(study: Study) -> list[dict[str, float | str]]:
    """What each row of `power_m` is, for the manifest."""
    changed: list[dict[str, float | str]] = [
        {"corruption": c.corruption, "severity": c.severity, "share": 1.0} for c in study.simulated.changed
    ]
    shares: list[dict[str, float | str]] = [
        {"corruption": "foreign", "severity": 0.0, "share": share} for share in FOREIGN if len(study.foreign)
    ]
    return changed + shares


def power_at(state: State, row: int, m: int, alpha: float) -> float | None:
    """The share of batches of m images that would fail at this alpha, in [0, 1]; None below the smallest measured size.

    Of row `row` of `power_m`: between measured sizes along log m, above the largest as at the largest. A dip between
    sizes is levelled: a larger batch sees no less, so that the running maximum is nearer the truth than the dip.
    """
    sizes = [size for size in SIZES if f"power_{size}" in state]
    if not sizes or m < sizes[0]:
        return None
    rates = [float((state[f"power_{size}"][row] <= alpha).mean()) for size in sizes]
    return float(np.interp(np.log(m), np.log(sizes), np.maximum.accumulate(rates)))


def detectable(
    state: State, known: Sequence[Mapping[str, float | str]], alpha: float, m: int
) -> tuple[tuple[Detectable, ...], dict[str, str]]:
    """Of each corruption the mildest measured severity (or smallest foreign share) that 80 % of batches of m would show.

    And, by name, the corruptions that not even the strongest measured one would, each with that limit in words.
    `known`: what the rows of `power_m` are, as `rows` lists them, mildest first within a corruption.
    """
    shown: dict[str, Detectable] = {}
    missed: dict[str, str] = {}
    for row, change in enumerate(known):
        name, power = str(change["corruption"]), power_at(state, row, m, alpha)
        if power is None or name in shown:
            continue
        if power < POWER:
            severity, share = change["severity"], float(change["share"])
            missed[name] = f"up to {share:.0%}" if name == "foreign" else f"up to severity {severity:g}"
            continue
        missed.pop(name, None)
        shown[name] = _described(change, round(power, 3))
    return tuple(shown.values()), missed


def _described(change: Mapping[str, float | str], power: float) -> Detectable:
    name, severity, share = str(change["corruption"]), float(change["severity"]), float(change["share"])
    if name == "foreign":
        return Detectable(name, None, share, power)
    kind: Corruption = load("corruptions", name)()
    return Detectable(
        name,
        severity,
        share,
        power,
        shift=kind.amount(severity),
        unit=kind.unit,
        short_unit=kind.short_unit or None,
    )
