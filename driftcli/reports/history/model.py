"""The images and the model, day by day: drift beside the classifier's accuracy, as estimated and as labelled."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from driftcli.core.findings import AccuracyEstimate
from driftcli.reports.content import harm, numbers
from driftcli.reports.history.days import baseline, days
from driftcli.reports.history.summary import when
from driftcli.reports.layout.document import Block, Cell, Column, Paragraph, Section, Table, Tone
from driftcli.reports.layout.pictured import Fold, Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.check_history.records import Past, PastCheck, PastHarm, PastLabelled
    from driftcli.reports.history.days import Day

HURTS, HARMLESS = "hurts", "harmless"
"""What labels settle, beyond the tolerance that the check had; "probably" is for estimates."""
Z = 1.96
TITLE = "Does it hurt the model?"
WEEK = 7
"""Days that a page shows at once."""
INTERVALS = (
    "Both are about these very images, with 95 % intervals. The estimate takes the right answers for such images to be what they were; "
    'labels need no such assumption, and where they settle it the verdict is theirs, without "probably".'
)


def section(past: Past, *, page: bool) -> list[Section]:
    """Nothing where no classifier was ever asked."""
    shown = days(past)
    if not shown:
        return []
    blocks = _on_page(shown) if page else (_table(shown), Paragraph(INTERVALS, "soft"))
    good = baseline(shown)
    aside = ""
    if good is not None:
        aside = f"baseline: {numbers.percent(good.baseline_accuracy)} right on {numbers.count(good.baseline_images)} labelled good images"
    return [Section("model", TITLE, blocks, aside, lead=True)]


def _on_page(shown: tuple[Day, ...]) -> tuple[Block, ...]:
    """Accuracy above drift, on the same days; then the newest days in figures."""
    from driftcli.reports.plots import history

    level = baseline(shown)
    accuracy = Plot(
        partial(history.accuracy, shown, None if level is None else level.baseline_accuracy),
        f"The model. A cross is a day that probably hurts it, or of which it is less sure than harmless changes explain. {INTERVALS}",
    )
    drift = Plot(
        partial(history.p_values, [day.check for day in shown]),
        "The images, and where they take part the model's answers: the gate's p-value. A cross is a batch that differs by itself. "
        "A daily rule p ≤ 0.01 alarms falsely in 97 % of years.",
    )
    newest = shown[::-1]
    older = newest[WEEK:]
    fold = (Fold(numbers.plural(len(older), "earlier batch"), (_table(older),)),) if older else ()
    return (accuracy, drift, _table(newest[:WEEK], "The newest first."), *fold)


def _table(shown: Sequence[Day], caption: str = "") -> Table:
    columns = (
        Column("date (UTC)"), Column("the images", shorten="end"), Column("the model"), Column("estimated", right=True),
        Column("as labelled", right=True), Column("labels", right=True),
    )  # fmt: skip
    clock = len({day.check.when[:10] for day in shown}) < len(shown)
    return Table(columns, tuple(_row(day, clock=clock) for day in shown), caption)


def _row(day: Day, *, clock: bool) -> tuple[Cell, ...]:
    images, tone = _images(day.check)
    verdict, tone_of_model = _verdict(day)
    labelled = day.labelled
    return (
        Cell(when(day.check.when) if clock else day.check.when[:10]),
        Cell(images, tone),
        Cell(verdict, tone_of_model),
        Cell(between(day.estimated)),
        Cell("" if labelled is None else between(labelled.accuracy)),
        Cell("" if labelled is None else numbers.count(labelled.labelled)),
    )


def _verdict(day: Day) -> tuple[str, Tone]:
    """On the model: what labels settle; else the estimate; where it cannot say how much is lost, whether the harm test found that something is."""
    found = day.harm
    if found is None:
        return "", ""
    lost = None if day.labelled is None else _lost(found, day.labelled)
    if lost is not None and lost.low > found.tolerance:
        return HURTS, "alarm"
    if lost is not None and lost.high < found.tolerance:
        return HARMLESS, "good"
    worse = found.alarm and found.verdict == "cannot say"
    return ("less sure" if worse else found.verdict), harm.tone(found.verdict, alarm=found.alarm)


def _lost(found: PastHarm, labelled: PastLabelled) -> AccuracyEstimate:
    """How much less accurate than on the good images, whose accuracy was counted, too: independent errors add in squares (95 %)."""
    good, here = found.baseline_accuracy, labelled.accuracy
    of_good = Z * math.sqrt(good * (1 - good) / max(found.baseline_images, 1))
    less, more = here.high - here.value, here.value - here.low
    value = good - here.value
    return AccuracyEstimate(value, value - math.hypot(less, of_good), value + math.hypot(more, of_good))


def _images(check: PastCheck) -> tuple[str, Tone]:
    """Whether they changed, whatever the model's answers did."""
    if check.verdict == "inconclusive":
        return "not audited", "warn"
    p = harm.of_the_images(check.families)
    if p is None:
        return "not tested", ""
    if p > check.alpha:
        return harm.UNCHANGED, "good"
    return ("changed, tolerated", "warn") if check.verdict == "warn" else (harm.CHANGED, "alarm")


def between(found: AccuracyEstimate | None) -> str:
    """`71 % (64–78)`."""
    return (
        "" if found is None else f"{100 * found.value:.0f} % ({100 * found.low:.0f}–{100 * found.high:.0f})"
    )


SAID = {
    HURTS: "It hurts the model: people's labels say so.",
    HARMLESS: "It is harmless to the model: people's labels say so.",
    "probably hurts": "It probably hurts the model.",
    "probably harmless": "It is probably harmless to the model.",
    "less sure": "It makes the model less sure",
    "cannot say": "Whether it hurts the model only labels can say.",
}


def newest(past: Past) -> tuple[str, tuple[tuple[str, str], ...]]:
    """One sentence on the newest batch's model, and its figures, for whoever reads no further; empty where no classifier was asked."""
    shown = days(past)
    day, good = (shown[-1] if shown else None), baseline(shown)
    if day is None:
        return "", ()
    figures = []
    if day.estimated is not None:
        figures.append(("accuracy, estimated", between(day.estimated)))
    if day.labelled is not None:
        figures.append(("as labelled", between(day.labelled.accuracy)))
    if figures and good is not None:
        figures.append(("on the baseline", numbers.percent(good.baseline_accuracy)))
    return _said(day), tuple(figures)


def _said(day: Day) -> str:
    """On the model; that only labels can say more, where there are none."""
    verdict, _ = _verdict(day)
    if verdict == "less sure":
        return SAID[verdict] + ("." if day.labelled else "; what that costs only labels can say.")
    return "" if verdict == "cannot say" and day.labelled else SAID.get(verdict, "")
