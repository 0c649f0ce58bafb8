"""One batch against one baseline: relabel, gather the evidence of all families, judge."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from driftcli.config.settings import GateSettings, Settings
from driftcli.core import amounts, threads
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.evidence import Evidence
from driftcli.core.features import Features
from driftcli.core.findings import CompositionResult
from driftcli.gate import composition, good_days
from driftcli.gate.composition import Mix
from driftcli.gate.dependence import Alone, Found, found
from driftcli.gate.within_classes import within_classes
from driftcli.reading.reading import Reading
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline
from driftcli.stats import minp, sequential
from driftcli.stats.own_rate import HeldOut
from driftcli.stats.relabelling import Blocks, Relabellings, choose_permutations, draw


@dataclass(frozen=True)
class Outcome:
    """The verdict and what it rests on."""

    verdict: minp.Verdict
    relabellings: Relabellings
    permutations: int
    tolerance: float
    tested: Features
    """The images of the batch that the test used; of thinned groups all."""
    composition: CompositionResult | None = None
    days: good_days.Measured | None = None
    """What `--tolerance auto` rests on."""
    neighbours: Found | Alone | None = None
    """What was seen in neighbours that resemble each other; None: nothing, or somebody named the groups."""

    @property
    def dependence(self) -> Found | None:
        """Which images were found to depend on each other, and were tested together."""
        return self.neighbours if isinstance(self.neighbours, Found) else None

    @property
    def independent(self) -> int:
        """Images of the batch that the test used, or its groups: as if the images of a group were copies of one."""
        return self.relabellings.labels.shape[1] if self.relabellings.kind == "groups" else len(self.tested)

    @property
    def own_p_value(self) -> float | None:
        """The gate's p for this artifact alone; None where C has less than five units for each of the batch."""
        sizes = sizes_of(self.relabellings)
        if sizes.held_out < sequential.LEAST_RATIO * sizes.batch:
            return None
        return sizes.p_value(self.verdict.p_value)


def run_gate(settings: Settings, baseline: Baseline, reading: Reading, mix: Mix | None = None) -> Outcome:
    """The gate of `check`, and what became of the mix. Raises NotAuditedError when alpha cannot be attained."""
    chosen = settings.gate
    tested = reading.features.first(chosen.max_test_images)
    gates = {f.name: f.gate for f in baseline.families}
    count = sum(g == "on" for g in gates.values())
    permutations = choose_permutations(chosen.permutations, chosen.alpha, count)
    seed = batch_seed(settings.seed, str(baseline.facts["digest"]), reading.digest)
    groups = _both(baseline, baseline.features.group, tested.group, settings.input.group_by, "group")
    strata = _both(
        baseline, baseline.features.stratum, tested.stratum, settings.input.stratify_by, "stratify"
    )
    if strata is None and chosen.ignore_composition:
        strata = composition.required(mix).strata(len(tested))
    neighbours = _look(chosen, baseline, tested) if groups is None else None
    tied = neighbours if isinstance(neighbours, Found) else None
    grouped = groups is not None or tied is not None

    def relabel(strata: Sequence[str] | None, permutations: int = permutations) -> Relabellings:
        rng = np.random.default_rng(seed)
        content = np.concatenate([baseline.features.content, tested.content])
        blocks = Blocks(groups, strata, content, _wanted_p(chosen))
        if tied is not None:
            blocks = replace(blocks, groups=tied.within(strata), left_out=tied.unit < 0)
        return draw(len(baseline.features), len(tested), permutations, rng, blocks)

    relabellings = relabel(strata)
    if relabellings.smallest_p > chosen.alpha:
        raise NotAuditedError(
            _unattainable(relabellings, chosen.alpha),
            _how_many(relabellings, chosen.alpha) if tied is None else tied.hint,
        )
    _require_enough(relabellings, len(tested), chosen.min_images, tied)
    _require_share(relabellings, chosen)
    days = good_days.measure(chosen, baseline, tested)
    tolerance = float(chosen.tolerance) if days is None else days.tolerance

    def judged(relabellings: Relabellings) -> minp.Verdict:
        evidence = _evidence(baseline, tested, relabellings)
        if strata is not None and not grouped:
            evidence = within_classes(evidence, baseline.families, baseline.features, tested, strata)
        verdict = minp.judge(evidence, gates, chosen.alpha, tolerance)
        return verdict if days is None else replace(verdict, outcome=days.outcome(verdict, chosen.alpha))

    verdict = judged(relabellings)
    more = more_relabellings(verdict.p_value, relabellings, permutations, chosen)
    if more is not None:
        permutations, relabellings = more, relabel(strata, more)
        verdict = judged(relabellings)
    mix_result = None
    if mix is not None:
        p_images = _of_images(verdict, baseline.families)
        residual: tuple[float | None, str | None] = (p_images, None)
        if strata is None:
            within = None if grouped else mix.strata(len(tested))
            unit = "groups" if tied is None else "images in a row"
            residual = _residual(baseline, tested, relabel, within, p_images <= chosen.alpha, unit)
        mix_result = composition.result(
            mix, relabellings if strata is None else relabel(None), residual, p_images, settings
        )
    return Outcome(verdict, relabellings, permutations, tolerance, tested, mix_result, days, neighbours)


def _look(gate: GateSettings, baseline: Baseline, tested: Features) -> Found | Alone | None:
    """What belongs together though nobody said so."""
    return found(baseline, tested, _wanted_p(gate)) if gate.dependence == "auto" else None


def _wanted_p(gate: GateSettings) -> float:
    """The p-value that groups, thinned to change sides, should still be able to give."""
    if gate.mode != "sequence":
        return gate.alpha
    return min(gate.alpha, 1 / (sequential.relabellings_for(gate.alpha, gate.horizon) + 1))


def _require_share(relabellings: Relabellings, gate: GateSettings) -> None:
    """Raise NotAuditedError where the gate over all checks cannot count this one: too few groups share one C."""
    sizes, least = sizes_of(relabellings), sequential.LEAST_RATIO
    if gate.mode == "sequence" and relabellings.kind == "groups" and sizes.held_out < least * sizes.batch:
        raise NotAuditedError(
            f"the baseline has {sizes.held_out:,} groups; --gate sequence needs {least} for every group of the batch, "
            f"{least * sizes.batch:,} here",
            "calibrate on more good groups (driftcli baseline), or check fewer at a time",
        )


def more_relabellings(p: float, relabellings: Relabellings, drawn: int, gate: GateSettings) -> int | None:
    """How many the gate over many checks wants instead of those `drawn`, of which none was as extreme as the batch; or None.

    Its horizon and alpha, and how many images share the luck of C, say how small p must be that two such days raise
    the alarm (`sequential.relabellings_for`).
    """
    if gate.mode != "sequence" or gate.permutations != "auto" or relabellings.rows < drawn + 1:
        return None  # the user's own number, or all that exist have been listed
    wanted = sequential.relabellings_for(gate.alpha, gate.horizon, sizes_of(relabellings))
    return wanted if wanted > drawn and sequential.is_smallest(p, relabellings.rows) else None


def sizes_of(relabellings: Relabellings) -> HeldOut:
    """How many units are relabelled: of the batch, and of C."""
    batch = relabellings.labels.shape[1]
    return HeldOut(batch, len(relabellings.sizes) - batch)


def _of_images(verdict: minp.Verdict, families: Sequence[Family]) -> float:
    """The smallest adjusted p of a family that tells of images: the gate's own where no classifier was asked."""
    asked = {f.name for f in families if f.tells == "answers"}
    found = [f.p_adjusted for f in verdict.families if f.gate == "on" and f.name not in asked]
    return min((p for p in found if p is not None), default=1.0)


def _evidence(baseline: Baseline, tested: Features, relabellings: Relabellings) -> list[Evidence]:
    """Of all families, under the same relabellings."""
    held_out = baseline.features

    def of(f: Family) -> Evidence:
        views = held_out.views[f.view], tested.views[f.view]
        return f.evidence(*f.detector.test(f.state, *views, relabellings, f.columns))

    return list(threads.side_by_side(of, baseline.families))


def _residual(
    baseline: Baseline,
    tested: Features,
    relabel: Callable[[Sequence[str] | None], Relabellings],
    strata: Sequence[str] | None,
    differs: bool,
    unit: str,
) -> tuple[float | None, str | None]:
    """The gate's p-value within classes, exact given who belongs to which; or why there is none."""
    if not differs:
        return None, "the gate found nothing"
    if strata is None:
        return None, f"{unit} are the unit of the test"
    gating = tuple(f for f in baseline.families if f.gate == "on" and f.tells not in ("mix", "answers"))
    if not gating:
        return None, "no family but the mix has a say"
    try:
        relabellings = relabel(strata)
    except NotAuditedError:
        return None, "no class has images on both sides"
    return minp.joint_p(_evidence(replace(baseline, families=gating), tested, relabellings)), None


def batch_seed(user: int, baseline: str, batch: str) -> int:
    """SHA-256(user seed, baseline digest, batch digest) as an integer (contract: same numbers)."""
    return int.from_bytes(hashlib.sha256(f"{user}\n{baseline}\n{batch}".encode()).digest(), "big")


def _both(
    baseline: Baseline,
    held_out: tuple[str, ...] | None,
    batch: tuple[str, ...] | None,
    setting: str | None,
    word: str,
) -> tuple[str, ...] | None:
    """Keys of C and Y. Those of C are of the same making, or its sources where each was named as a group."""
    if setting is None or batch is None:
        return None
    made_by = baseline.facts.get(f"{word}_by")
    if held_out is None or made_by not in (None, setting):
        how = "without" if held_out is None else "with another"
        raise UsageError(
            f"baseline {baseline.name} was made {how} --{word}-by",
            f"run driftcli baseline again with --{word}-by {setting}"
            + (f", or check with --{word}-by {made_by}" if made_by else ""),
        )
    return held_out + batch


def _require_enough(relabellings: Relabellings, images: int, least: int, tied: Found | None) -> None:
    """Raise NotAuditedError where groups so thinned leave fewer images of the batch than a batch must have."""
    left = int(relabellings.batch_sizes[0])
    if relabellings.kind == "groups" and left < min(least, images):
        if tied is not None:
            raise NotAuditedError(
                f"only {left} of the batch's {images:,} images can be tested; at least {least} are needed",
                tied.hint,
            )
        raise NotAuditedError(
            f"only {left} of the batch's {images:,} images can be tested: its groups are compared with good groups "
            f"of as many images, and too many of those are small; at least {least} are needed",
            "give driftcli baseline more good groups that are as large as the batch's, or lower --min-images",
        )


def _unattainable(relabellings: Relabellings, alpha: float) -> str:
    return (
        f"the smallest p-value these {relabellings.kind} can give is {amounts.p_value(relabellings.smallest_p, alpha)}, "
        f"above alpha {amounts.p_value(alpha)}"
    )


def _how_many(relabellings: Relabellings, alpha: float) -> str:
    units = relabellings.labels.shape[1]
    if relabellings.kind != "groups":
        return "give a larger batch or baseline, or more images in each stratum"
    need = units
    while math.comb(need + units, units) < 1 / alpha - 1e-9:
        need += 1
    have = len(relabellings.sizes) - units
    return (
        f"{units} batch group(s) need at least {need} baseline groups at this alpha, there are {have}; "
        "or leave out --group-by and use --tolerance auto"
    )
