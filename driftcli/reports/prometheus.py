"""Gauges for the textfile collector of Prometheus' node exporter: `-o prometheus=/var/lib/node_exporter/driftcli.prom`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, final, get_args, get_type_hints

from driftcli.core.report import Report
from driftcli.core.text import safe_name
from driftcli.reports.base import ReportFormat
from driftcli.reports.content import figures, verdict
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

HELP = {
    "build_info": "Version that made this check.",
    "last_run_timestamp_seconds": "When this check was made, in seconds since the epoch.",
    "duration_seconds": "How long this check took.",
    "verdict": "1 for the verdict on this batch, 0 for the others; what to act on is driftcli_failed.",
    "failed": "1 where the gate failed: this batch, a rule, or all checks together; whatever --exit-zero returned.",
    "exit_code": "What the process returned: 0 passed, 1 failed, 3 not audited.",
    "p_value": "Of the gate; absent when nothing was tested.",
    "alpha": "False-alarm rate of the gate.",
    "tolerance": "Share of shifted images that is accepted.",
    "effect": "Shifted share of the images, estimated.",
    "effect_lower": "Shifted share of the images, lower bound.",
    "images": "Entries of the batch, by what became of them.",
    "images_tested": "Images that the test used.",
    "family_p_value": "Of one family of evidence.",
    "family_p_adjusted": "Of one family of evidence, adjusted over the families of the gate.",
    "family_effect": "Shifted share by one family, estimated.",
    "family_effect_lower": "Shifted share by one family, lower bound.",
    "family_significant": "1 where this family differs from the baseline.",
    "property_batch": "A measured value of the batch: median, share or circular mean.",
    "property_baseline": "The same of the baseline.",
    "property_shift_sd": "How far a value moved, in standard deviations of the baseline.",
    "rule_value": "A rule beside the test: its value.",
    "rule_failed": "1 where the rule failed.",
    "sequence_value": "Evidence over all checks of the sequence.",
    "sequence_threshold": "Evidence at which the sequence alarms.",
    "sequence_alarm": "1 from the first crossing until it is acknowledged.",
}
"""Every metric, without its prefix `driftcli_`, in the order in which they are written."""
VERDICTS: tuple[str, ...] = get_args(get_type_hints(Report)["verdict"])
Sample = tuple[str, dict[str, str], float]


@final
@dataclass(frozen=True)
class Prometheus(ReportFormat):
    """Text exposition format 0.0.4, gauges only, without time stamps.

    Every sample carries the labels `artifact` and `baseline`: two files for the same pair in one collector's
    folder would name a metric twice. What was not measured is absent.
    """

    def render(self, report: Report) -> str:
        """All metrics, ending in a newline."""
        from prometheus_client import exposition

        return exposition.generate_latest(Gauges(report)).decode()


@dataclass(frozen=True)
class Gauges:
    """The metrics of one report, as `prometheus_client` asks a collector for them: nothing is registered anywhere."""

    report: Report

    def describe(self) -> list[Metric]:
        """None: names are known only from the report."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Metrics in the order of HELP, the samples of each together and each once; those without samples left out."""
        from prometheus_client.metrics_core import Metric

        reference = self.report.reference
        common = {"artifact": reference.artifact, "baseline": reference.baseline}
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {name: {} for name in HELP}
        for name, labels, value in _samples(self.report):
            shown = {label: safe_name(text) for label, text in (common | labels).items()}
            found[name][tuple(shown.items())] = plain(float(value))
        for name, samples in found.items():
            gauge = Metric(f"driftcli_{name}", HELP[name], "gauge")
            for labels_of, value in samples.items():
                gauge.add_sample(gauge.name, dict(labels_of), value)
            if samples:
                yield gauge


def _samples(report: Report) -> Iterator[Sample]:
    yield "build_info", {"version": report.tool.get("version", "")}, 1
    run = {
        "last_run_timestamp_seconds": _epoch(report.created),
        "duration_seconds": report.timing.get("seconds"),
    }
    yield from _all("", {}, run | figures.gate(report))
    for word in VERDICTS:
        yield "verdict", {"verdict": word}, word == report.verdict
    yield "failed", {}, verdict.failed(report)
    for state, count in figures.images(report).items():
        yield "images", {"state": state}, count
    for family in report.families:
        yield from _all("family_", {"family": family.name, "gate": family.gate}, figures.family(family))
    for family, row, values in figures.measured(report):
        yield from _all("property_", {"family": family.name, "property": row.name}, values)
    for rule in report.rules:
        labels = {"rule": rule.name, "limit": f"{rule.limit:g}"}
        yield from _all("rule_", labels, {"value": rule.value, "failed": rule.failed})
    if report.sequence is not None:
        found = report.sequence
        labels = {} if found.group is None else {"group": found.group}
        values = {"value": found.value, "threshold": found.threshold, "alarm": found.alarm}
        yield from _all("sequence_", labels, values)


def _all(prefix: str, labels: dict[str, str], values: dict[str, float | None]) -> Iterator[Sample]:
    for name, value in figures.known(values).items():
        yield f"{prefix}{name}", labels, value


def _epoch(created: str) -> float | None:
    """Seconds since the epoch; None of what is no time with its zone."""
    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return None
    return found.timestamp() if found.tzinfo else None
