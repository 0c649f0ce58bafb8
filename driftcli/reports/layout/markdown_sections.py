"""The sections of the Markdown report: what the text report says, in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.text import label
from driftcli.reports.content import account, mix, sections
from driftcli.reports.content import closing as _closing
from driftcli.reports.content import numbers as number
from driftcli.reports.content import verdict as told
from driftcli.reports.content import words as say
from driftcli.reports.layout.markdown import bullets, name, prose, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.report import Report

MARKS = {"pass": "✓", "warn": "!", "drift": "✗", "inconclusive": "!"}
COPIES = {
    ("exact", "batch"): "the same image more than once",
    ("near", "batch"): "nearly the same images",
    ("exact", "baseline"): "images that the baseline has too",
    ("near", "baseline"): "images nearly like one of the baseline",
}
MOST_ROWS = 50
"""Of groups; the JSON result has them all."""
MOST_NAMES = 3
"""Images named in a sentence."""


def verdict(report: Report) -> list[str]:
    """The verdict as the heading, then how sure and how much."""
    mark = "✗" if report.exit_code == 1 else MARKS[report.verdict]
    said = [f"## {mark} {told.label(report)}", prose(told.headline(report))]
    return said if report.verdict == "inconclusive" else [*said, prose(told.evidence(report))]


def reasons(report: Report) -> list[str]:
    """Why this verdict; for an inconclusive one, what to do."""
    if report.verdict == "inconclusive":
        return ["### What to do", bullets(told.remedies(report))]
    why = account.why(report)
    return ["### Why", bullets(why)] if why else []


def changes(report: Report) -> list[str]:
    """The diagnosis, a likeness first."""
    if not report.diagnosis:
        return []
    ordered = sorted(report.diagnosis, key=lambda found: found.corruption is None)
    note = ["The mix of images may be all of it."] if say.only_mix(report) else []
    return ["### What changed", *note, bullets(found.statement for found in ordered)]


def composition(report: Report) -> list[str]:
    """Shares of classes or clusters, where they or the images within them changed."""
    found, alpha = report.composition, report.gate.alpha
    if found is None or not mix.worth_telling(found, alpha):
        return []
    rows = [
        (name(share.name) if share.name else "no label", number.percent(share.baseline), number.percent(share.batch))
        for share in found.shares[: mix.MOST]
    ]  # fmt: skip
    return [
        "### Mix of images",
        prose(f"{mix.reading(found)} {mix.tests(found, alpha)}"),
        table((prose(mix.by(found)), "baseline:", "batch:"), rows),
        *_more(len(found.shares) - len(rows)),
    ]


def families(report: Report) -> list[str]:
    """Every family of evidence: what it found, how sure, how much."""
    if not report.families:
        return []
    head = ("family", "gate", "p:", "adjusted p:", "images differ:", "estimate:", "")
    rows = [
        (
            prose(line.family), line.gate, line.p.strip(), line.adjusted.strip(), line.differ, line.estimate,
            f"{sections.MARKS[line.state][0]} {account.STATES[line.state]}",
        )
        for line in account.evidence(report)
    ]  # fmt: skip
    return ["### Evidence", account.limits(report.gate), table(head, rows)]


def properties(report: Report) -> list[str]:
    """What moved, from where to where."""
    moved = say.moved(report)
    rows = []
    for family, row in moved[: sections.MOST_MOVED]:
        advisory = " (advisory)" if family.gate == "advisory" else ""
        before, after = number.pair(row.baseline, row.batch)
        rows.append(
            (prose(f"{label(row.name)}{advisory}"), say.direction(row), before, after, say.shift(row))
        )
    if not rows:
        return []
    head = ("", "", "baseline:", "batch:", "shift:")
    return ["### What moved", table(head, rows), *_more(len(moved) - len(rows))]


def images(report: Report, most: int) -> list[str]:
    """The most drifted images; only a few where nothing was found."""
    ranked = sorted(report.images, key=lambda image: image.rank)
    shown = ranked[: min(most, 3) if report.verdict == "pass" else most]
    if not shown:
        return []
    folder = say.folder([image.path for image in shown])
    tested = any(number.known(image.p_value) for image in shown)
    rows = [
        (
            f"{image.rank}", name(image.path[len(folder) :]), prose(say.words(image.family)),
            *((_image_p(image.p_value, significant=image.significant),) if tested else ()),
            prose(say.reasons(image, report)),
        )
        for image in shown
    ]  # fmt: skip
    amount = f"{number.count(len(shown))} of {number.count(report.batch.images)}"
    where = f", in {name(folder)}" if folder else ""
    bold = f"; bold: strange, of which {number.percent(report.gate.alpha)} may be good" if tested else ""
    return [
        f"### {'Least typical' if report.verdict == 'pass' else 'Most drifted'} images",
        f"{amount}{where}; compared with the baseline{bold}",
        table(("", "image", "family", *(("p:",) if tested else ()), "why"), rows),
        *_removal(report),
    ]


def _image_p(p: float | None, *, significant: bool) -> str:
    return f"**{number.p_value(p)}**" if significant else number.p_value(p)


def _removal(report: Report) -> list[str]:
    found = report.removal
    if found is None or not (found.images or found.reason):
        return []
    if not found.images:
        return [prose(f"No few images explain it: {found.reason}.")]
    count = number.plural(len(found.images), "most drifted image")
    return [f"Without the {count} the gate passes (p = {number.p_value(found.p_value, report.gate.alpha)})."]


def rules(report: Report) -> list[str]:
    """Rules that the user added."""
    said = [f"{'✗ failed' if rule.failed else '✓ kept'}: {say.rule(rule)}" for rule in report.rules]
    return ["### Rules", bullets(said)] if said else []


def groups(report: Report) -> list[str]:
    """The breakdown by group or slice."""
    if not report.groups:
        return []
    gate, shown = report.gate, report.groups[:MOST_ROWS]
    tested = any(number.known(group.p_value) for group in shown)
    head = ("group", "images:", "mean score:", "estimate:", *(("p:",) if tested else ()))
    rows = [
        (
            name(group.name), number.count(group.images), number.value(group.mean_score, 2), number.percent(group.effect),
            *((number.p_value(group.p_value, gate.alpha) + (" ✗" if group.significant else ""),) if tested else ()),
        )
        for group in shown
    ]  # fmt: skip
    return ["### Groups", table(head, rows), *_more(len(report.groups) - len(shown))]


def files(report: Report) -> list[str]:
    """Where every entry went, copies, and the first few files that were not used."""
    shown = account.unused(report, sections.MOST_FILES)
    rows = [(prose(file.state), prose(say.words(file.reason)), name(file.path)) for file in shown]
    listed = [f"- {line}" for line in (*account.copies(report), *_alike(report))]
    return [
        "### Files",
        prose(say.ledger(report.ledger)),
        *(["\n".join(listed)] if listed else []),
        *([table(("state", "reason", "file"), rows)] if rows else []),
        *_more(len(report.files) - len(shown)),
    ]


def _alike(report: Report) -> list[str]:
    """Like images, by kind, the first of each by name; and what the batch lacks."""
    said = []
    for (kind, where), words in COPIES.items():
        found = [entry.images for entry in report.duplicates if (entry.kind, entry.where) == (kind, where)]
        if found:
            said.append(f"{words}: {number.plural(len(found), 'set')}, such as {_names(found[0])}")
    if report.missing:
        lacking = _names([image.name for image in report.missing])
        said.append(f"too few images like these of the baseline: {lacking}")
    return said


def _names(found: Sequence[str]) -> str:
    more = len(found) - MOST_NAMES
    return ", ".join(map(name, found[:MOST_NAMES])) + (f" and {number.count(more)} more" if more > 0 else "")


def sight(report: Report) -> list[str]:
    """What the gate can see, and how often it fires on good images."""
    if report.verdict == "inconclusive":
        return []
    corruptions, shifts, power = account.seen(report)
    found = [say.detectable(entry) for entry in corruptions]
    if shifts:
        found.append(f"a shift of {', '.join(say.detectables(shifts, _closing.MOST_SHIFTS))}")
    seen = [f"Found in {power} of such batches: {', '.join(found)}."] if found else []
    missed = account.unseen(report.gate)
    return [
        "### What this gate can see",
        *(prose(line) for line in (*seen, missed) if line),
        "### How often it fires on good images",
        prose(say.false_alarms(report)),
    ]


def closing(report: Report) -> list[str]:
    """The sequence, cautions, and how to get it again."""
    said: list[str] = []
    if report.sequence is not None:
        said += ["### Sequence of checks", prose(account.sequence(report.sequence))]
    if report.cautions:
        said += ["### Cautions", bullets(report.cautions)]
    facts, reference = account.provenance(report), report.reference
    baseline = f", baseline {name(reference.baseline)}" if reference.baseline else ""
    places = f"artifact {name(reference.artifact)}{baseline}, batch {_names(report.batch.source)}"
    return [*said, "---", f"{places}; {prose(facts['run'])}; {prose(facts['by'])}"]


def _more(hidden: int) -> list[str]:
    return [f"and {number.count(hidden)} more in the JSON result"] if hidden > 0 else []
