"""Rules beside the test: thresholds that a user sets, outside alpha; each can fail the gate by itself."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.findings import HarmResult
from driftcli.core.registry import kinds
from driftcli.core.report import RuleResult
from driftcli.core.sight import Detectable
from driftcli.extractors.base import families, views
from driftcli.reference.families import yardstick
from driftcli.reference.reference import Baseline

DROP = "max_accuracy_drop"


def refuse_impossible(settings: Settings, baseline: Baseline) -> None:
    """Raise UsageError (2) for a rule that this artifact can never answer, before anything is read."""
    gate = settings.gate
    if settings.harm.max_accuracy_drop is not None and (
        baseline.harm is None or baseline.harm.simulation is None
    ):
        raise UsageError(
            f"--max-accuracy-drop needs what your classifier says of corrupted good images, and baseline {baseline.name} has none",
            "driftcli baseline ARTIFACT GOOD_IMAGES --model FILE asks it, with labels; or --export-corrupted DIR writes them, and its "
            "answers come with --predictions",
        )
    if gate.max_loss_increase is not None and baseline.facts.get("mean_loss") is None:
        with_loss = next(kind for kind, view in families().values() if view.loss)
        raise UsageError(
            f"--max-loss-increase needs an {with_loss}, and the artifact has none",
            f"leave the option out, or fit with --method {with_loss}",
        )
    measuring = yardstick(baseline.families)
    properties = [] if measuring is None else [column.name for column in measuring.columns]
    simulated = sorted({str(row["corruption"]) for row in baseline.facts.get("detectable", ())})
    for wanted in gate.require_detectable:
        name = wanted.partition(":")[0]
        if name in properties or name in simulated:
            continue
        if name in kinds("corruptions"):
            raise UsageError(
                f"--require-detectable {wanted}: {name} was not simulated for this baseline",
                "run driftcli baseline again with --detectable full"
                + (f", or name one of: {', '.join(simulated)}" if simulated else ""),
            )
        close = get_close_matches(name, [*simulated, *properties], 1)
        raise UsageError(
            f"--require-detectable {wanted}: {name!r} is not measured",
            f"did you mean {close[0]!r}?"
            if close
            else f"one of: {', '.join([*simulated, *properties]) or 'none'}",
        )


def refuse_unanswered(baseline: str, reason: str | None) -> NoReturn:
    """Raise NotAuditedError (3): a rule about the classifier's accuracy was asked for, and nothing is known of its answers."""
    raise NotAuditedError(
        "--max-accuracy-drop cannot be judged: "
        + (reason or "of these images only predicted classes are known, no probabilities"),
        f"give what the classifier says of these images (--predictions FILE), or itself (--model FILE, where baseline {baseline} "
        "was made with it); or leave the rule out",
    )


def judge(
    settings: Settings,
    baseline: Baseline,
    batch: Features,
    detectable: Sequence[Detectable],
    harm: HarmResult | None,
) -> tuple[RuleResult, ...]:
    """The result of every rule that is set, the loss rule first; none where none is set."""
    results, gate, drop = [], settings.gate, settings.harm.max_accuracy_drop
    if gate.max_loss_increase is not None:
        results.append(_loss(gate.max_loss_increase, baseline, batch))
    if drop is not None and harm is not None:
        results.append(RuleResult(DROP, harm.drop, drop, harm.verdict == "probably hurts"))
    for wanted in gate.require_detectable:
        name, _, limit = wanted.partition(":")
        reach = next((_reach(d) for d in detectable if name in {d.statistic, d.corruption}), None)
        failed = reach is None or reach > float(limit)
        results.append(RuleResult(f"require_detectable {name}", reach, float(limit), failed))
    return tuple(results)


def _reach(change: Detectable) -> float | None:
    """The smallest change that is seen: in sd of a property, severity, or share of foreign images."""
    if change.shift_sd is not None:
        return change.shift_sd
    return change.share if change.severity is None else change.severity


def _loss(limit: float, baseline: Baseline, batch: Features) -> RuleResult:
    """The classic rule: mean per-image loss against the baseline's, relative increase."""
    losses = next(
        batch.views[view.name] for view in views().values() if view.loss and view.name in batch.views
    )
    now = float(losses[:, 0].mean(dtype=np.float64))
    increase = now / max(float(baseline.facts["mean_loss"]), 1e-12) - 1
    return RuleResult("max_loss_increase", increase, limit, increase > limit)


def reason(rule: RuleResult) -> str:
    """Why a rule failed, in words."""
    if rule.name == "max_loss_increase":
        rose = "" if rule.value is None else f" rose by {rule.value:.1%}"
        return f"mean loss{rose}; limit {rule.limit:.1%} (a rule of its own, outside alpha)"
    if rule.name == DROP:
        lost = "" if rule.value is None else f" about {rule.value:.1%}"
        return f"the classifier probably loses{lost} of its accuracy; limit {rule.limit:.1%} (a rule of its own, outside alpha)"
    reach = "" if rule.value is None else f", only one of {rule.value:.2g}"
    return f"{rule.name}: a change of {rule.limit:g} cannot be seen with this batch and baseline{reach}"
