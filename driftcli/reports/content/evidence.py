"""The evidence: families, the user's rules, and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from driftcli.reports.content import numbers, words
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import Cell, Column, Name, Section, Table, Tone

if TYPE_CHECKING:
    from driftcli.core.findings import GroupResult
    from driftcli.core.report import FamilyResult, GateResult, RuleResult

State = Literal["off", "nothing", "advisory", "tolerated", "differs"]
STATES: dict[State, str] = {
    "off": "not computed", "nothing": "nothing found", "advisory": "differs",
    "tolerated": "below tolerance", "differs": "differs",
}  # fmt: skip
_MARKS: dict[State, tuple[str, Tone]] = {
    "off": ("·", "soft"), "nothing": ("·", "soft"), "advisory": ("!", "warn"), "tolerated": ("!", "warn"),
    "differs": ("✗", "bad"),
}  # fmt: skip


def families(subject: Subject) -> Section | None:
    """Every family of evidence: what it found, how sure, how much."""
    report, gate = subject.report, subject.report.gate
    if not report.families:
        return None
    columns = (
        Column("family", shorten="end"), Column("gate"), Column("p", right=True), Column("adjusted p", right=True),
        Column("images differ", right=True), Column("estimate", right=True, wide=True),
        Column("finding", shorten="end", hidden=True),
    )  # fmt: skip
    raw = numbers.aligned([numbers.p_value(family.p_value, gate.alpha) for family in report.families])
    adjusted = numbers.aligned([numbers.p_value(family.p_adjusted, gate.alpha) for family in report.families])
    ps = zip(raw, adjusted, strict=True)
    rows = tuple(_row(family, p, gate) for family, p in zip(report.families, ps, strict=True))
    caption = "Adjusted p counts all families with a say."
    differ = sum(state(family, gate) not in ("off", "nothing") for family in report.families)
    brief = numbers.differing(differ, len(rows), "family")
    return Section(
        "evidence", "Evidence", (Table(columns, rows, caption),), _limits(gate), found=differ > 0, brief=brief
    )


def _row(family: FamilyResult, ps: tuple[str, str], gate: GateResult) -> tuple[Cell, ...]:
    """One family; a dash where there is nothing to say."""
    bound = family.effect_lower if family.significant else None
    share = numbers.at_least(bound, gate.tolerance) if bound else numbers.DASH
    differ = f"≥ {share}" if share != numbers.DASH else share
    estimate = numbers.percent(family.effect) if family.significant else numbers.DASH
    mark, tone = _MARKS[state(family, gate)]
    return (
        Cell(words.words(family.name)), Cell(family.gate, "" if family.gate == "on" else "soft"), *map(Cell, ps),
        Cell(differ), Cell(estimate), Cell(f"{mark} {STATES[state(family, gate)]}", tone),
    )  # fmt: skip


def state(family: FamilyResult, gate: GateResult) -> State:
    """What a family has to say."""
    if family.gate == "off":
        return "off"
    if not family.significant:
        return "nothing"
    if family.gate == "advisory":
        return "advisory"
    days = gate.good_days
    if days is not None and (days.farther or not days.share_decides):
        return "differs" if days.farther else "tolerated"
    below = gate.tolerance and not (family.effect_lower or 0) > gate.tolerance
    return "tolerated" if below else "differs"


def _limits(gate: GateResult) -> str:
    """`alpha 0.01, tolerance off`."""
    tolerance = numbers.percent(gate.tolerance) if gate.tolerance else "off"
    tolerance = tolerance if gate.good_days is None else "what good groups differ by"
    return f"alpha {numbers.p_value(gate.alpha)}, tolerance {tolerance}"


def rules(subject: Subject) -> Section | None:
    """Rules that the user added; no p-value stands behind them."""
    if not subject.report.rules:
        return None
    columns = (Column("state", hidden=True), Column("rule", shorten="end", hidden=True))
    rows = tuple((_kept(rule), Cell(words.rule(rule))) for rule in subject.report.rules)
    aside = "outside alpha: their false alarms are not controlled"
    failed = sum(rule.failed for rule in subject.report.rules)
    brief = f"{numbers.count(failed)} failed" if failed else f"{numbers.plural(len(rows), 'rule')} kept"
    return Section("rules", "Rules", (Table(columns, rows),), aside, found=failed > 0, brief=brief)


def _kept(rule: RuleResult) -> Cell:
    return Cell("✗ failed", "bad") if rule.failed else Cell("✓ kept", "good")


def groups(subject: Subject) -> Section | None:
    """The breakdown by group or slice, the surest first."""
    breakdown, alpha = subject.report.groups, subject.report.gate.alpha
    if not breakdown:
        return None
    tested = any(numbers.known(group.p_value) for group in breakdown)
    aside = (
        "each against the baseline; no say in the verdict"
        if tested
        else "descriptive: no verdict of their own"
    )
    columns = [
        Column("group", shorten="middle"), Column("images", right=True), Column("mean score", right=True),
        Column("estimate", right=True),
        *([Column("adjusted p", right=True), Column("finding", hidden=True)] if tested else []),
    ]  # fmt: skip
    ranked = sorted(breakdown, key=_surest)
    ps = numbers.aligned([numbers.p_value(group.p_value, alpha) for group in ranked])
    rows = [
        (
            Cell((Name(group.name),)), Cell(numbers.count(group.images)),
            Cell(numbers.value(group.mean_score, 2), shade=group.mean_score),
            Cell(numbers.percent(group.effect), shade=group.effect),
            *((Cell(p), Cell("✗ differs" if group.significant else "", "bad")) if tested else ()),
        )
        for group, p in zip(ranked, ps, strict=True)
    ]  # fmt: skip
    most = subject.room.groups
    table = Table(tuple(columns), tuple(rows[:most]), "The darker, the more drifted.")
    differ = sum(group.significant for group in breakdown)
    brief = numbers.differing(differ, len(rows), "group")
    # Untested groups are asked for by name: their order is the finding.
    found = differ > 0 or not tested
    return Section("groups", "Groups", (table, *more(len(rows) - most)), aside, found=found, brief=brief)


def _surest(group: GroupResult) -> tuple[float, float, str]:
    """A key: the surest first; those that were not tested last."""
    p = group.p_value
    return (2.0 if p is None else p, -group.mean_score, group.name)
