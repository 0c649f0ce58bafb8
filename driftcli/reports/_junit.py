"""The test cases of a result: what each is called, how it went, what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from driftcli.reports.content import changes, evidence, numbers, sight, verdict, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftcli.core.findings import GroupResult
    from driftcli.core.report import FamilyResult, Report

Outcome = Literal["passed", "failure", "error", "skipped"]
GATE, FAMILY = "driftcli", "driftcli.family"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; the message is one line."""

    kind: str
    name: str
    outcome: Outcome
    message: str
    lines: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    """Those to look at, most drifted first."""


def cases(report: Report, most: int) -> Iterator[Case]:
    """The gate, every family, rule and group, and the sequence; at most so many images each."""
    yield _gate(report, most)
    for family in report.families:
        yield _family(family, report, most)
    for rule in report.rules:
        outcome: Outcome = "failure" if rule.failed else "passed"
        yield Case("driftcli.rule", f"{rule.name}:{rule.limit:g}", outcome, words.rule(rule))
    for group in report.groups:
        yield _group(group, report)
    if report.sequence is not None:
        outcome = "failure" if report.sequence.alarm else "passed"
        yield Case("driftcli.sequence", report.sequence.group or "all", outcome, sight.state(report.sequence))


def _gate(report: Report, most: int) -> Case:
    link = (f"report: {report.link}",) if report.link else ()
    if report.verdict == "inconclusive":
        return Case(GATE, "gate", "error", verdict.headline(report), (*verdict.remedies(report), *link))
    outcome: Outcome = "failure" if verdict.failed(report) else "passed"
    lines = (
        verdict.evidence(report),
        *changes.why(report),
        *(found.statement for found in report.diagnosis),
        *(f"caution: {caution}" for caution in report.cautions),
        *link,
    )
    return Case(GATE, "gate", outcome, verdict.headline(report), lines, _worst(report, most))


def _family(family: FamilyResult, report: Report, most: int) -> Case:
    gate = report.gate
    state = evidence.state(family, gate)
    adjusted = family.p_value if family.p_adjusted is None else family.p_adjusted
    p = numbers.p_value(adjusted, gate.alpha)
    message = f"{evidence.STATES[state]}: p = {p}, estimate {numbers.percent(family.effect)} of the images"
    moved = [row for found, row in words.moved(report) if found is family]
    lines = tuple(
        f"{row.name}: {numbers.value(row.baseline)} → {numbers.value(row.batch)} ({words.shift(row)})"
        for row in moved
    )
    if family.gate != "on":
        return Case(FAMILY, family.name, "skipped", f"{family.gate}, no say in the verdict; {message}", lines)
    if state != "differs":
        return Case(FAMILY, family.name, "passed", message, lines)
    outcome: Outcome = "failure" if verdict.failed(report) else "skipped"
    return Case(FAMILY, family.name, outcome, message, lines, _worst(report, most, family.name))


def _group(group: GroupResult, report: Report) -> Case:
    p = f", p = {numbers.p_value(group.p_value, report.gate.alpha)}" if numbers.known(group.p_value) else ""
    message = f"{numbers.plural(group.images, 'image')}, mean score {numbers.value(group.mean_score, 2)}{p}"
    outcome: Outcome = "passed"
    if group.significant:
        outcome = "failure" if verdict.failed(report) else "skipped"
    return Case("driftcli.group", group.name or "(no name)", outcome, message)


def _worst(report: Report, most: int, family: str | None = None) -> tuple[str, ...]:
    """The most drifted images of a batch that looks drifted, of one family or of all."""
    if report.verdict not in ("drift", "warn"):
        return ()
    ranked = sorted(report.images, key=lambda image: image.rank)[:most]
    return tuple(image.path for image in ranked if family in (None, image.family))
