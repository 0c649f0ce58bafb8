"""The numbers as one flat JSON object: for `dvc metrics`, MLflow, or any dashboard that reads a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from driftcli.core.text import safe_name
from driftcli.reports.base import ReportFormat
from driftcli.reports.content import figures, verdict
from driftcli.reports.layout.writing import plain, write

if TYPE_CHECKING:
    from driftcli.core.report import Report


@final
@dataclass(frozen=True)
class Metrics(ReportFormat):
    """Numbers only, under names such as `p_value`, `style.effect`, `properties.sharpness.shift_sd`.

    What was not measured is absent.
    """

    def render(self, report: Report) -> str:
        """One object, ending in a newline."""
        found: dict[str, float] = {"drift": int(report.outcome in {"drift", "alarm"})}
        found |= {"failed": int(verdict.failed(report))}
        found |= figures.known(figures.gate(report))
        found |= {f"images.{state}": count for state, count in figures.images(report).items()}
        for family in report.families:
            found |= _under(family.name, figures.known(figures.family(family)))
        for family, row, values in figures.measured(report):
            found |= _under(f"{family.name}.{row.name}", figures.known(values))
        for rule in report.rules:
            found |= _under(
                f"rule.{rule.name}", figures.known({"value": rule.value, "failed": int(rule.failed)})
            )
        if report.sequence is not None:
            sequence = report.sequence
            state: dict[str, float | None] = {"value": sequence.value, "threshold": sequence.threshold}
            state["alarm"] = int(sequence.alarm)
            found |= _under("sequence", figures.known(state))
        seconds = figures.known({"seconds": report.timing.get("seconds")})
        return f"{write(plain({**found, **seconds}))}\n"


def _under(name: str, found: dict[str, float]) -> dict[str, float]:
    return {f"{safe_name(name)}.{key}": value for key, value in found.items()}
