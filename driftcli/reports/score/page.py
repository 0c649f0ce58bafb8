"""What `score` found, as a document: how good the model is, whether limits hold, then by class and day, and who labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.layout.document import (
    Banner,
    Bullets,
    Cell,
    Column,
    Document,
    Facts,
    Name,
    Paragraph,
    Section,
    Table,
)

if TYPE_CHECKING:
    from driftcli.core.score_report import Interval, ScoreReport
    from driftcli.reports.layout.document import State, Words

FEW = "too few labels"


def share(value: float) -> str:
    """`93.4 %`; a drop below nothing has a minus sign."""
    return f"{points(value)} %"


def points(value: float) -> str:
    """Of a share: `93.4`."""
    return f"{100 * value:.1f}".replace("-", "−")


def between(found: Interval | None) -> str:
    """`93.4 % (88.1 to 96.2)`."""
    if found is None:
        return FEW
    return f"{share(found.value)} ({points(found.low)} to {points(found.high)})"


def document(report: ScoreReport) -> Document:
    """The whole result; sections that have nothing to say are left out."""
    made = (
        _cautions(report),
        _figures(report),
        _days(report),
        _classes(report),
        _classes_by_day(report),
        _confusion(report),
        _people(report),
    )
    sections = (*(section for section in made if section is not None), _provenance(report))
    return Document(
        _lead(report),
        sections,
        title="Accuracy from labels",
        created=report.created,
        tool=f"{report.tool['name']} {report.tool['version']}",
    )


def _lead(report: ScoreReport) -> Banner:
    found, queue = report.accuracy, report.queue
    state: State = "drift" if report.exit_code else "inconclusive" if _doubt(report) else "pass"
    if not report.rules:
        state = ""
    label = {"drift": "BELOW", "inconclusive": "CANNOT SAY", "pass": "HOLDS", "": "SCORE", "warn": ""}[state]
    sentence = report.reasons[0] if report.reasons else f"accuracy {between(found)}"
    sure = (
        f"Of the model on {numbers.plural(queue.images, 'image')}, from {numbers.count(queue.labelled)} labelled ones; "
        "in brackets the 95 % interval."
    )
    return Banner(
        state,
        label,
        sentence,
        exit="" if not report.rules else f"exit {report.exit_code}",
        sure=sure,
        figures=(
            ("accuracy", share(found.value)),
            ("95 % interval", f"{points(found.low)} to {points(found.high)}"),
        ),
    )


def _doubt(report: ScoreReport) -> bool:
    return any(rule.undecided for rule in report.rules)


def _cautions(report: ScoreReport) -> Section | None:
    said = (*report.reasons[1:], *report.cautions)
    return Section("cautions", "To know", (Bullets(said, "!", "warn"),)) if said else None


# ---------------------------------------------------------------- figures


def _figures(report: ScoreReport) -> Section:
    rows: list[tuple[str, Words]] = [("accuracy", between(report.accuracy))]
    if report.label_error is not None:
        rows.append(
            (
                "as labelled",
                f"{share(report.as_labelled)}; {share(report.label_error)} of the labels are probably wrong, after those of several people were made one",
            )
        )
    if report.baseline is not None:
        count = report.baseline.labels
        on = "" if count is None else f", on {numbers.plural(count, 'image')}"
        rows.append(("baseline", f"{share(report.baseline.accuracy)}{on}"))
    if report.drop is not None:
        fallen = (
            f"{points(report.drop.value)} points ({points(report.drop.low)} to {points(report.drop.high)})"
        )
        rows.append(("drop", fallen))
    if report.most_drifted is not None or report.others is not None:
        rows += [("most drifted tenth", between(report.most_drifted)), ("the others", between(report.others))]
    if report.monitor is not None:
        rows.append(("over the days", _monitored(report)))
    return Section("figures", "The model", (Facts(tuple(rows)),))


def _monitored(report: ScoreReport) -> str:
    watched = report.monitor
    if watched is None:
        return ""
    limit, alarm = share(watched.limit), f"{1 / watched.alpha:.0f}"
    evidence = numbers.value(watched.evidence)
    if watched.alarm is not None:
        return (
            f"alarm on {watched.alarm}: the error rate rose above {limit} (evidence {evidence}; it reaches {alarm} in at most "
            f"{share(watched.alpha)} of all runs that keep to the limit, however often one looks)"
        )
    return f"no alarm on any day: nothing proves an error rate above {limit} (evidence {evidence}, alarm at {alarm})"


def _days(report: ScoreReport) -> Section | None:
    if len(report.days) < 2:  # noqa: PLR2004 - a day alone is the whole
        return None
    watched = any(day.evidence is not None for day in report.days)
    columns = (
        Column("day"), Column("accuracy", right=True), Column("95 % interval", right=True), Column("labelled", right=True),
        *([Column("evidence", right=True)] if watched else []),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(day.date),
            Cell(share(day.accuracy.value)),
            Cell(f"{points(day.accuracy.low)} to {points(day.accuracy.high)}"),
            Cell(f"{day.labelled} of {numbers.count(day.images)}"),
            *([Cell("" if day.evidence is None else numbers.value(day.evidence))] if watched else []),
        )
        for day in report.days
    )
    return Section("days", "By day", (Table(columns, rows),))


def _classes(report: ScoreReport) -> Section:
    columns = (
        Column("class", shorten="end"), Column("labelled", right=True), Column("recall", right=True),
        Column("precision", right=True), Column("F1", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell((Name(each.name),)),
            Cell(numbers.count(each.labelled)),
            *(
                Cell(between(found), "" if found else "soft")
                for found in (each.recall, each.precision, each.f1)
            ),
        )
        for each in report.classes
    )
    return Section(
        "classes",
        "By class",
        (Table(columns, rows),),
        f"{_labels_are(report)}; recall: of its images, those found",
    )


def _labels_are(report: ScoreReport) -> str:
    return "labels taken for right" if report.label_error is None else "wrong labels allowed for"


def _classes_by_day(report: ScoreReport) -> Section | None:
    """Where a day has labels enough for any class."""
    columns = (
        Column("day"), Column("class", shorten="end"), Column("labelled", right=True), Column("recall", right=True),
        Column("precision", right=True), Column("F1", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(day.date),
            Cell((Name(each.name),)),
            Cell(numbers.count(each.labelled)),
            *(
                Cell(between(found), "" if found else "soft")
                for found in (each.recall, each.precision, each.f1)
            ),
        )
        for day in report.days
        for each in day.classes
        if each.recall or each.precision
    )
    if not rows:
        return None
    return Section(
        "class-days", "By class and day", (Table(columns, rows),), _labels_are(report), found=False
    )


def _confusion(report: ScoreReport) -> Section | None:
    wrong = sorted(
        (cell for cell in report.confusion if cell.label != cell.prediction), key=lambda cell: -cell.labelled
    )
    if not wrong:
        return None
    columns = (
        Column("is", shorten="end"), Column("taken for", shorten="end"), Column("labelled", right=True),
        Column("share of its class", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell((Name(cell.label),)),
            Cell((Name(cell.prediction),)),
            Cell(numbers.count(cell.labelled)),
            Cell(between(cell.share), "" if cell.share else "soft"),
        )
        for cell in wrong[:20]
    )
    return Section("confusion", "What is taken for what", (Table(columns, rows),), found=False)


# ---------------------------------------------------------------- labels


def _people(report: ScoreReport) -> Section:
    columns = (
        Column("annotator", shorten="end"), Column("labels", right=True), Column("probably right", right=True),
        Column("control tasks right", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell((Name(each.name),)),
            Cell(numbers.count(each.labels)),
            Cell(
                "not known" if each.skill is None else share(each.skill), "soft" if each.skill is None else ""
            ),
            Cell(f"{each.controls_right} of {each.controls}" if each.controls else "none"),
        )
        for each in report.annotators
    )
    agreed = report.agreement
    if agreed.alpha is None:
        said = f"Agreement: no figure, {agreed.reason}."
    else:
        within = (
            "" if agreed.low is None or agreed.high is None else f" ({agreed.low:.2f} to {agreed.high:.2f})"
        )
        said = (
            f"Agreement: Krippendorff's alpha {agreed.alpha:.2f}{within} on {numbers.plural(agreed.images, 'image')}; 1 is "
            "agreement, 0 chance."
        )
    return Section("annotators", "Who labelled", (Paragraph(said), Table(columns, rows)))


def _provenance(report: ScoreReport) -> Section:
    queue = report.queue
    how = {
        "by correctness": "most often where the model is least sure",
        "mixed": "some queues by correctness",
    }
    rows: tuple[tuple[str, Words], ...] = (
        ("queue", (Name(queue.folder), f" of {queue.created}")),
        (
            "chosen",
            f"{numbers.count(queue.queued)} of {numbers.count(queue.images)} images, {how.get(queue.design, 'every image of a part alike')}",
        ),
        ("labelled", f"{numbers.count(queue.labelled)} of them"),
    )
    return Section("provenance", "Made from", (Facts(rows),), found=False)
