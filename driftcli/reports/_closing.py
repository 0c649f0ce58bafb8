"""The end of the text report: what the gate can see, what to be careful about, how to get it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports import _numbers as number
from driftcli.reports import _words as say

if TYPE_CHECKING:
    from driftcli.records import Report
    from driftcli.reports._page import Page

DIGEST = 12
NAMES = 10
MOST_SHIFTS = 6


def sight(page: Page, report: Report) -> None:
    """The smallest change this gate finds with so many images, or why that is not known."""
    if report.verdict == "inconclusive" and not report.gate.detectable:
        return
    page.heading("What this gate can see", f"with {number.plural(report.gate.images_tested, 'image')}")
    found = report.gate.detectable
    if not found:
        page.paragraph(f"Not measured: {report.gate.detectable_reason or 'no reason was given'}.")
        return
    power = number.percent(min(entry.power for entry in found))
    corruptions = [say.detectable(entry) for entry in found if entry.shift_sd is None]
    shifts = say.detectables([entry for entry in found if entry.shift_sd is not None], MOST_SHIFTS)
    if corruptions:
        page.paragraph(f"Found in {power} of such batches: {', '.join(corruptions)}.")
    if shifts:
        page.paragraph(f"Found in {power} of such batches, a shift of: {', '.join(shifts)}.")
    if report.gate.detectable_reason:
        page.paragraph(f"{report.gate.detectable_reason[:1].upper()}{report.gate.detectable_reason[1:]}.")


def alarms(page: Page, report: Report) -> None:
    """How often this gate fires on good images."""
    if report.verdict != "inconclusive":
        page.heading("How often it fires on good images")
        page.paragraph(say.false_alarms(report))


def sequence(page: Page, report: Report) -> None:
    """The state of the sequential gate."""
    found = report.sequence
    if found is not None:
        page.heading("Sequence of checks")
        state = "ALARM" if found.alarm else "no alarm"
        where = "" if found.group is None else f" of {found.group}"
        page.paragraph(
            f"{state}{where}: evidence {number.value(found.value)}, alarm at {number.value(found.threshold)}; "
            f"{number.plural(found.checks, 'check')} of a horizon of {found.horizon:,}."
        )


def cautions(page: Page, report: Report) -> None:
    """What a careful reader should know; never part of the verdict."""
    if report.cautions:
        page.heading("Cautions")
        page.bullets(report.cautions, mark="!", style="yellow")


def footer(page: Page, report: Report) -> None:
    """All it takes to get this result again."""
    reference, gate, environment = report.reference, report.gate, report.environment
    groups = f" in {number.plural(reference.groups, 'group')}" if reference.groups else ""
    seconds, rate = report.timing.get("seconds"), report.timing.get("images_per_second")
    speed = f" ({number.value(rate)} images/s)" if number.known(rate) else ""
    run = [
        f"seed {environment['seed']}" if "seed" in environment else "",
        "" if gate.permutations is None else number.plural(gate.permutations, "permutation"),
        str(environment.get("device", "")),
        f"torch {environment['torch']}" if environment.get("torch") else "",
        f"{number.duration(seconds)}{speed}" if seconds is not None and number.known(seconds) else "",
    ]
    lines = {
        "artifact": f"{reference.artifact}{_digest(reference.digest)}",
        "baseline": f"{reference.baseline}, {number.plural(reference.images, 'image')}{groups}",
        "batch": f"{', '.join(report.batch.source)}{_digest(report.batch.digest)}",
        "run": ", ".join(part for part in run if part),
        "by": f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}, {report.created}",
    }
    page.gap()
    for name, line in lines.items():
        if name == "baseline" and not reference.baseline:
            continue
        page.paragraph(line, "dim", lead=f"  {name:<{NAMES}}", lead_style="dim")


def _digest(digest: str) -> str:
    return f" ({digest[:DIGEST]})" if digest else ""
