"""The numbers of a result under flat names: what metrics files and monitoring systems keep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.core.report import FamilyResult, Report, StatisticResult

Figure = float | None


def gate(report: Report) -> dict[str, Figure]:
    """The verdict's figures; None where nothing was tested."""
    found = report.gate
    return {
        "exit_code": report.exit_code,
        "p_value": found.p_value,
        "alpha": found.alpha,
        "tolerance": found.tolerance,
        "effect": found.effect,
        "effect_lower": found.effect_lower,
        "images_tested": found.images_tested,
    }


def images(report: Report) -> dict[str, int]:
    """Entries of the batch by what became of them."""
    ledger = report.ledger
    return {
        "used": ledger.used,
        "unreadable": sum(ledger.unreadable.values()),
        "skipped": sum(ledger.skipped.values()),
        "changed": ledger.changed,
    }


def family(found: FamilyResult) -> dict[str, Figure]:
    """What one family says."""
    return {
        "p_value": found.p_value,
        "p_adjusted": found.p_adjusted,
        "effect": found.effect,
        "effect_lower": found.effect_lower,
        "significant": None if found.p_value is None else int(found.significant),
    }


def measured(report: Report) -> Iterator[tuple[FamilyResult, StatisticResult, dict[str, Figure]]]:
    """Values measured on both sides, and how far they moved in standard deviations of the baseline."""
    for group in report.families:
        for row in group.statistics:
            shown = row.display_effect
            moved = shown.value if shown is not None and shown.kind == "sd_shift" else None
            if row.batch is not None and row.baseline is not None:
                yield group, row, {"batch": row.batch, "baseline": row.baseline, "shift_sd": moved}


def known(figures: dict[str, Figure]) -> dict[str, float]:
    """Those that are numbers: a metric that was not measured is absent, neither 0 nor NaN."""
    return {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
