"""GitHub Actions: annotations for the log, a job summary, and outputs for the steps that follow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from driftcli.core.text import safe_name
from driftcli.reports.base import ReportFormat
from driftcli.reports.content import changes, figures, numbers, verdict, words
from driftcli.reports.layout.address import clickable
from driftcli.reports.layout.writing import plain
from driftcli.reports.markdown import Markdown
from driftcli.reports.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftcli.core.report import Report

MOST = 10
"""GitHub shows ten annotations of a step, the first."""
LONGEST = 4000
"""Characters of one annotation."""
NAMED = 5
"""Images named in an annotation."""
SUMMARY = 1024 * 1024
"""Bytes that the summary of a step may have; a larger one is dropped whole."""
CUT = "\n\nCut here: GitHub shows one MiB of a summary. The JSON result has everything.\n"


@final
@dataclass(frozen=True)
class Github(ReportFormat):
    """Workflow commands, ten at most and the gravest first, after one line for who reads the log.

    Errors are for a check that fails the step; with `--exit-zero` the same is a warning. A run in which all is well
    has no warning, and what is known of the baseline anyway is one notice.

    In GitHub Actions the command line also appends `summary` and `outputs` where the runner asks for them.
    """

    top_k: int = 10

    def render(self, report: Report) -> str:
        """Lines for the log of a step."""
        found = list(_annotations(report))
        if len(found) > MOST:
            rest = f"and {numbers.count(len(found) - MOST + 1)} more in the job summary"
            found = [*found[: MOST - 1], command("warning", "driftcli", rest)]
        log = Text(quiet=True).render(report).replace("##[", "## [")
        return "".join((f"driftcli: {log}", *(f"{line}\n" for line in found)))


def _annotations(report: Report) -> Iterator[str]:
    """The verdict, broken rules, what changed, where to look, cautions."""
    gravest = "error" if report.exit_code else "warning"
    if report.verdict != "pass" or verdict.failed(report):
        why = (
            verdict.remedies(report)
            if report.verdict == "inconclusive"
            else [verdict.evidence(report), *changes.why(report)]
        )
        yield command(gravest, verdict.label(report), verdict.headline(report), *why)
    for rule in verdict.broken(report):
        yield command(gravest, "rule failed", rule)
    for found in report.diagnosis:
        yield command("warning", "what changed", found.statement)
    if report.images and report.verdict in ("drift", "warn"):
        ranked = sorted(report.images, key=lambda image: image.rank)[:NAMED]
        lines = (
            f"{image.path}: {words.reasons(image, report) or words.words(image.family)}" for image in ranked
        )
        yield command("warning", "most drifted images", *lines)
    green = report.verdict == "pass" and not verdict.failed(report)
    if not green:
        yield from (command("warning", "caution", caution) for caution in report.cautions)
    notices = (*(report.cautions if green else ()), *report.notices)
    if notices:
        yield command("notice", "good to know", *notices)


def command(level: str, title: str, *lines: str) -> str:
    """One workflow command, escaped as the runner takes it apart (actions/toolkit, `command.ts`)."""
    shown = "\n".join(map(safe_name, lines))
    text = _escape(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…")
    name = _escape(safe_name(f"driftcli: {title}")).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{text}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def summary(report: Report, *, top_k: int = 10, room: int = SUMMARY) -> str:
    """The Markdown report in at most `room` bytes of UTF-8, cut after a whole line and said so."""
    text = Markdown(top_k).render(report)
    if address := clickable(report.link):
        text = f"{text}\n[The report](<{address}>)\n"
    if len(text.encode()) <= room:
        return text
    left, kept = room - len(CUT.encode()), []
    for line in text.splitlines(keepends=True):
        left -= len(line.encode())
        if left < 0:
            break
        kept.append(line)
    return "".join((*kept, CUT)) if kept else ""


def outputs(report: Report) -> str:
    """`$GITHUB_OUTPUT` of the step: numbers are empty where nothing was tested, `reasons` has a line for each."""
    found: dict[str, str] = {
        "verdict": report.verdict,
        "outcome": report.outcome,
        "failed": json.dumps(verdict.failed(report)),
    }
    values: Mapping[str, float | None] = {**figures.gate(report), "images": report.batch.images}
    known = figures.known(dict(values))
    found |= {name: json.dumps(plain(known[name])) if name in known else "" for name in values}
    found["report"] = safe_name(report.link or "")
    found["reasons"] = "\n".join(map(safe_name, report.reasons))
    return "".join(_output(name, value) for name, value in found.items())


def _output(name: str, value: str) -> str:
    """Between lines that cannot stand in the value: they are its own hash."""
    end = f"driftcli_{hashlib.sha256(value.encode()).hexdigest()[:32]}"
    return f"{name}<<{end}\n{value}\n{end}\n"
