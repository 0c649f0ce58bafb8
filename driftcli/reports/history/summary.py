"""What a history comes to, in one sentence above its page: the newest check, or the alarm of all together."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.verdict import LABELS
from driftcli.reports.history import trends
from driftcli.reports.layout.document import Banner, State

if TYPE_CHECKING:
    from driftcli.check_history.records import Past

FAR = 50
"""Times the limit: beyond it, how much evidence there is says nothing more."""
STATES: dict[str, State] = {
    "pass": "pass", "warn": "warn", "drift": "drift", "inconclusive": "inconclusive", "differs": "warn", "alarm": "drift",
}  # fmt: skip
WORDS: dict[str, str] = {str(outcome): label for outcome, label in LABELS.items()}
SAID = {
    "pass": "The newest batch, {}, looks like the baseline.",
    "warn": "The newest batch, {}, differs, but within the tolerance.",
    "drift": "The newest batch, {}, does not look like the baseline.",
    "inconclusive": "The newest batch, {}, was not audited.",
}


def banner(past: Past, model: str = "", figures: tuple[tuple[str, str], ...] = ()) -> Banner:
    """The state of the chosen series; `model`, `figures`: what is to be said of the classifier."""
    if not past.checks:
        return Banner("", "EMPTY", "No check is stored here.")
    newest, chosen = past.checks[-1], past.chosen
    sentence = SAID[newest.verdict].format(day(newest.when))
    outcome = trends.outcome(newest)
    state, label = STATES[outcome], WORDS[outcome]
    if chosen is not None and chosen.since is not None:
        state, label = "drift", "ALARM"
        sentence = f"All checks together are in alarm since {day(chosen.since)}. {sentence}"
    elif past.standing:
        sentence = f"{sentence} An alarm of {day(past.standing[-1].since or '')}, against the baseline of before, is not acknowledged."
    sentence = f"{sentence} {model}".rstrip()
    return Banner(state, label, sentence, sure=_counted(past), figures=(*figures, *_figures(past)))


def day(time: str) -> str:
    """`4 November 2026, 06:00` of a time as stored; as it is where it is none."""
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{at.day} {at:%B %Y, %H:%M}"


def when(time: str) -> str:
    """`2026-11-04 06:00` of a time as stored."""
    return time[:16].replace("T", " ")


def _counted(past: Past) -> str:
    """As in "2 of 14 checks differ; 1 was not audited."."""
    differ = sum(check.verdict in ("drift", "warn") for check in past.checks)
    lost = sum(check.verdict == "inconclusive" for check in past.checks)
    said = numbers.differing(differ, len(past.checks), "check")
    missed = f"; {numbers.count(lost)} {'was' if lost == 1 else 'were'} not audited" if lost else ""
    return f"{said[:1].upper()}{said[1:]}{missed}."


def _figures(past: Past) -> tuple[tuple[str, str], ...]:
    newest, limit = past.checks[-1], trends.threshold(past)
    p = (
        [("newest p-value", numbers.p_value(newest.p_value, newest.alpha))]
        if newest.p_value is not None
        else []
    )
    value = None if past.chosen is None else past.chosen.value
    evidence = []
    if value is not None:
        far = value > FAR * limit
        so_far = f"> {numbers.value(FAR * limit)}" if far else numbers.value(value)
        evidence = [(f"evidence, alarm at {numbers.value(limit)}", so_far)]
    return (*p, ("alpha", numbers.p_value(newest.alpha)), ("images", numbers.count(newest.images)), *evidence)
