"""The report as JUnit XML: GitLab, Jenkins and others show it beside the tests of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final
from xml.etree import ElementTree as ET

from driftcli.core.text import safe_name
from driftcli.reports._junit import Case, cases
from driftcli.reports.base import ReportFormat
from driftcli.reports.content import figures
from driftcli.reports.layout.writing import plain

if TYPE_CHECKING:
    from driftcli.core.report import Report

_ILLEGAL = re.compile("[\ufffe\uffff]")
"""What XML 1.0 forbids beside the characters that `safe_name` spells out."""
_TAG = re.compile(r"\[(?=\[ATTACHMENT)", re.IGNORECASE)
"""Foreign text must not have Jenkins publish a file of its choice."""
_NO_TAG = re.compile(r"[|!]|\]\]|^\s|\s$|^$")
"""It would end a tag `[[ATTACHMENT|path]]` early, or is a member of an archive: no file to attach."""


def _any(_path: str) -> bool:
    return True


@final
@dataclass(frozen=True)
class Junit(ReportFormat):
    """One suite, valid by Jenkins' junit-10.xsd: the gate, every family, rule and group, and the sequence.

    Something fails exactly where the gate failed, whatever `--exit-zero` returns; what was found without having a
    say is skipped and says so; a batch that was not audited is an error. Figures are properties of the suite,
    the only place where that schema allows them. Worst images are attached as GitLab and Jenkins read it.
    """

    top_k: int = 10
    is_file: Callable[[str], bool] = _any
    """Whether a path can be attached: rendering itself looks at no disk."""

    def render(self, report: Report) -> str:
        """The whole document, ending in a newline."""
        found = list(cases(report, self.top_k))
        root = ET.Element("testsuites", name="driftcli")
        suite = _element(root, "testsuite", name="driftcli", **_counts(found, report))
        listed = _element(suite, "properties")
        for name, value in _properties(report).items():
            _element(listed, "property", name=name, value=value)
        for case in found:
            self._add(suite, case)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'

    def _add(self, suite: ET.Element, case: Case) -> None:
        entry = _element(suite, "testcase", classname=case.kind, name=case.name)
        said = [_TAG.sub("[ ", _legal(line)) for line in (case.message, *case.lines)]
        if case.outcome != "passed":
            _element(entry, case.outcome, message=case.message, type=case.kind).text = "\n".join(said)
            said = []
        said += [f"[[ATTACHMENT|{path}]]" for path in case.images if self._attachable(path)]
        if said:
            _element(entry, "system-out").text = "\n".join(said)

    def _attachable(self, path: str) -> bool:
        return _legal(path) == path and not _NO_TAG.search(path) and self.is_file(path)


def _counts(found: Sequence[Case], report: Report) -> dict[str, str]:
    outcomes = [case.outcome for case in found]
    seconds = figures.known({"time": report.timing.get("seconds")})
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
        "timestamp": report.created.removesuffix("Z"),
        **{name: f"{value:.3f}" for name, value in seconds.items()},
    }


def _properties(report: Report) -> dict[str, str]:
    reference = report.reference
    found: dict[str, object] = {
        "verdict": report.verdict,
        "outcome": report.outcome,
        "artifact": reference.artifact,
        "baseline": reference.baseline,
        "images": report.batch.images,
        **({"report": report.link} if report.link else {}),
        **figures.known(figures.gate(report)),
    }
    for family in report.families:
        known = figures.known(figures.family(family))
        found |= {f"{family.name}.{name}": value for name, value in known.items()}
    return {name: str(plain(value)) for name, value in found.items()}


def _element(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, {name: _legal(value) for name, value in attributes.items()})


def _legal(text: str) -> str:
    """On one line, of characters that XML 1.0 allows; the others spelt out."""
    return _ILLEGAL.sub(lambda found: f"\\u{ord(found.group()):04x}", safe_name(text))
