"""All it takes to get a result again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.core.times import duration
from driftcli.reports.content import numbers
from driftcli.reports.layout.document import Facts, Name, Paragraph, Section, Words
from driftcli.reports.layout.pictured import Command

if TYPE_CHECKING:
    from driftcli.core.report import Report
    from driftcli.reports.content.subject import Subject

ANCHOR = "again"
LEAD = (
    "The same images, the same artifact and this command line give the same numbers on the same machine, if nothing else "
    "was set:"
)
SAID = ("device", "driftcli", "seed", "runtime")
"""Of the environment: what stands in the lines `run` and `by`; without `runtime`, torch's version too."""


def again(subject: Subject) -> Section:
    """Artifact, baseline, batch, run and versions; on a page the command line too."""
    report = subject.report
    facts = _provenance(report, subject.room.digits)
    if not subject.room.page:
        return Section(ANCHOR, "", (Facts(facts, "soft"),), found=False, detail=True)
    said = SAID if report.environment.get("runtime") else (*SAID, "torch")
    versions = [
        (name, str(value))
        for name, value in report.environment.items()
        if name not in said and not isinstance(value, dict | list)
    ]
    blocks = (Paragraph(LEAD), Command(_command(report)), Facts((*facts, *versions)))
    return Section(ANCHOR, "How to get this result again", blocks, found=False, detail=True)


def _provenance(report: Report, digits: int) -> tuple[tuple[str, Words], ...]:
    reference, batch = report.reference, report.batch
    groups = f" in {numbers.plural(reference.groups, 'group')}" if reference.groups else ""
    images = f", {numbers.plural(reference.images, 'image')}{groups}"
    sources = [part for name in batch.source for part in (", ", Name(name))][1:]
    return (
        ("artifact", (Name(reference.artifact), _digest(reference.digest, digits))),
        *([("baseline", (Name(reference.baseline), images))] if reference.baseline else []),
        ("batch", (*sources, _digest(batch.digest, digits))),
        ("run", _run(report)),
        ("by", f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}, {report.created}"),
    )


def _run(report: Report) -> str:
    """`seed 0, 4,999 permutations, cpu, torch 2.6.0, 3.2 s (40.1 images/s)`."""
    environment, permutations = report.environment, report.gate.permutations
    seconds, rate = report.timing.get("seconds"), report.timing.get("images_per_second")
    speed = f" ({numbers.value(rate)} images/s)" if numbers.known(rate) else ""
    parts = [
        f"seed {environment['seed']}" if "seed" in environment else "",
        "" if permutations is None else numbers.plural(permutations, "permutation"),
        str(environment.get("device", "")),
        str(
            environment.get("runtime")
            or (f"torch {environment['torch']}" if environment.get("torch") else "")
        ),
        f"{duration(seconds)}{speed}" if seconds is not None and numbers.known(seconds) else "",
    ]
    return ", ".join(part for part in parts if part)


def _digest(digest: str, digits: int) -> str:
    return f" ({digest[:digits]})" if digest else ""


def _command(report: Report) -> str:
    """A command line that gives this result again, where nothing but these options was set."""
    gate, baseline = report.gate, report.reference.baseline
    line = ["driftcli", "check", report.reference.artifact, *(report.batch.source or ("SOURCE",))]
    line += ["--baseline", baseline] if baseline else []
    line += ["--alpha", f"{gate.alpha:g}"]
    tolerance = f"{gate.tolerance:g}" if gate.good_days is None else "auto"
    line += ["--tolerance", tolerance] if gate.tolerance or gate.good_days else []
    line += [] if gate.permutations is None else ["--permutations", str(gate.permutations)]
    line += ["--seed", str(report.environment["seed"])] if "seed" in report.environment else []
    return " ".join(shlex.quote(safe_name(word)) for word in line)
