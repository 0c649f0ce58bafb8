"""The report of a batch that could not be audited: verdict `inconclusive`, no p-value, exit code 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.addresses import shown
from driftcli.core.images import Ledger
from driftcli.core.report import BatchFacts, GateResult, ReferenceFacts, Report
from driftcli.core.sight import FalseAlarmRate
from driftcli.core.times import now_utc
from driftcli.core.version import version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftcli.config.settings import GateSettings, Settings
    from driftcli.core.errors import NotAuditedError


def inconclusive(
    error: NotAuditedError,
    *,
    artifact: Path,
    sources: Sequence[str],
    settings: Settings,
    baseline: str | None = None,
) -> Report:
    """As little as is known for certain; `reasons` are what happened and what to do about it.

    Where more is known (the ledger, the reference's digest), `dataclasses.replace` it.
    """
    return Report(
        verdict="inconclusive",
        exit_code=error.exit_code,
        reasons=(error.what, error.hint),
        cautions=(),
        gate=undecided(settings.gate, "not audited"),
        batch=BatchFacts(0, 0, 0, tuple(map(shown, sources)), ""),
        ledger=Ledger(0, 0, {}, {}, 0),
        reference=ReferenceFacts(str(artifact), "", baseline or "", 0, None),
        created=now_utc(),
        tool={"name": "driftcli", "version": version()},
        environment={"seed": settings.seed, "device": settings.device},
    )


def undecided(gate: GateSettings, why: str) -> GateResult:
    """The gate of a batch that it gave no verdict on; `why` stands where its promises would."""
    return GateResult(
        p_value=None,
        alpha=gate.alpha,
        permutations=None,
        images_tested=0,
        tolerance=0.0 if gate.tolerance == "auto" else float(gate.tolerance),
        effect=None,
        effect_lower=None,
        effect_family=None,
        false_alarm_rate=FalseAlarmRate(gate.alpha, None, None, None, None, why),
        detectable=(),
        detectable_reason=why,
    )
