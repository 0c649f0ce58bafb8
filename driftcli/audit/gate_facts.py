"""What a result says of the gate itself: its decision, what it promises on good data, and what it can see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from driftcli.calibration import detectability, false_alarms
from driftcli.config.settings import Settings
from driftcli.core.report import GateResult
from driftcli.core.sight import Detectable, FalseAlarmRate
from driftcli.core.text import label
from driftcli.gate.batch_test import Outcome
from driftcli.gate.dependence import Found
from driftcli.reference.reference import Baseline


@dataclass(frozen=True)
class GateFacts:
    """The gate of one check, before and after its verdict."""

    settings: Settings
    baseline: Baseline
    independent: int
    """What the batch counts for where sight is told: its images in the test, or as many as it has groups."""
    dependence: Found | None = None
    """What was found to belong together."""

    def decided(self, outcome: Outcome) -> GateResult:
        """What the gate found, what it promises, what it can see."""
        verdict = outcome.verdict
        changes, reason = self.detectable
        return GateResult(
            p_value=verdict.p_value,
            alpha=self.settings.gate.alpha,
            permutations=outcome.relabellings.rows - 1,
            images_tested=int(outcome.relabellings.batch_sizes[0]),
            tolerance=outcome.tolerance,
            effect=verdict.effect,
            effect_lower=verdict.effect_lower,
            effect_family=verdict.effect_family,
            false_alarm_rate=self._false_alarms(len(outcome.tested)),
            detectable=changes,
            detectable_reason=reason,
            good_days=None if outcome.days is None else outcome.days.days,
            own_p_value=outcome.own_p_value,
            images_independent=outcome.independent if outcome.relabellings.kind == "groups" else None,
        )

    @cached_property
    def detectable(self) -> tuple[tuple[Detectable, ...], str | None]:
        """Corruptions and property shifts that batches of this size show, and what they do not."""
        count = self.independent
        simulated = self.baseline.facts.get("detectable", ())
        seen, missed = detectability.detectable(
            self.baseline.measured, simulated, self.settings.gate.alpha, count
        )
        shifts = false_alarms.detectable_in(self.baseline, self.settings.gate.alpha, count)
        changes = (*seen, *shifts)
        if missed:
            names = ", ".join(f"{label(name)} ({limit})" for name, limit in missed.items())
            return changes, f"found less often: {names}"
        if not seen:
            few = "the batch or the baseline is too small to say which corruptions it shows"
            return changes, few if simulated else "corruptions were not simulated"
        return changes, None

    def _false_alarms(self, tested: int) -> FalseAlarmRate:
        """How often it fires on good batches of so many images."""
        blocked = None
        if self.settings.input.group_by is not None:
            blocked = "groups are the unit of the test"
        elif self.dependence is not None:
            blocked = "neighbouring images depend on each other"
        elif self.settings.gate.tolerance == "auto":
            blocked = "the tolerance comes from the good groups"
        return false_alarms.false_alarm_rate(
            self.baseline.measured,
            self.settings.gate.alpha,
            tested,
            len(self.baseline.features),
            blocked,
        )
