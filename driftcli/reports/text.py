"""The report on the terminal: the verdict first, in words, what supports it, and the verdict again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from driftcli.reports.base import ReportFormat
from driftcli.reports.content import files, numbers, verdict
from driftcli.reports.content.report import document
from driftcli.reports.content.subject import FEW_LINES, TERMINAL
from driftcli.reports.layout.document import Bullets, Facts, Name, Paragraph, Section
from driftcli.reports.layout.page import Page
from driftcli.reports.layout.to_text import to_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.report import Report
    from driftcli.reports.layout.document import Document

LINES = 40
"""Of a report that nobody asked more of: a screen."""
TOP_K = 10
"""Where nobody asked for another number of images, half of them fit."""
FIRST = (
    "harm",
    "why",
    "changes",
    "images",
    "cautions",
    "rules",
    "evidence",
    "composition",
    "predictions",
    "groups",
    "files",
    "properties",
)
"""What stays where not all that was found has room, by the sections' anchors."""
REASON = 240
"""Characters of the reason in the quiet line."""


@final
@dataclass(frozen=True)
class Text(ReportFormat):
    """Plain lines of at most `width` cells (40 at least), the verdict above and below.

    Without `full`, what was found in 40 lines at most; where more images than usual are asked for, so many more.
    With `quiet` one line of `key=value` for a log, which is not cut to the width: logs and `grep` want it whole.
    """

    width: int = 100
    color: bool = False
    quiet: bool = False
    ascii: bool = False
    """Only ASCII, for LC_ALL=C: other characters are replaced or spelt out."""
    top_k: int = TOP_K
    full: bool = False
    """All sections, as with `-v`."""

    def render(self, report: Report) -> str:
        """The whole report as text, ending in a newline."""
        if self.quiet:
            return f"{Page(self.width, ascii_only=self.ascii).say(quiet_line(report))}\n"
        if self.full:
            return self._set(document(report, replace(TERMINAL, images=self.top_k)))
        images = FEW_LINES.images if self.top_k == TOP_K else self.top_k
        whole = document(report, replace(FEW_LINES, images=images))
        kept = [section for section in whole.sections if section.found and not section.detail]
        most = LINES + max(0, images - FEW_LINES.images)
        while True:
            text = self._set(_shortened(whole, kept, report, brief=True))
            if len(text.splitlines()) > most:
                text = self._set(_shortened(whole, kept, report, brief=False))
            if len(text.splitlines()) <= most or not kept:
                return text
            last = max(kept, key=_place)
            kept.remove(last)
            if not kept and (fewer := _halved(last)) is not None:
                kept.append(fewer)

    def _set(self, whole: Document) -> str:
        return to_text(whole, width=self.width, color=self.color, ascii_only=self.ascii)


def _place(section: Section) -> int:
    return FIRST.index(section.anchor) if section.anchor in FIRST else len(FIRST)


def _halved(section: Section) -> Section | None:
    """With half of its sentences; None where nothing can be halved."""
    for place, block in enumerate(section.blocks):
        if isinstance(block, Bullets) and len(block.items) > 1:
            half = replace(block, items=block.items[: len(block.items) // 2])
            return replace(section, blocks=(*section.blocks[:place], half, *section.blocks[place + 1 :]))
    return None


def _shortened(whole: Document, kept: Sequence[Section], report: Report, *, brief: bool) -> Document:
    """The document with these sections alone, and what the others are; with `brief` what each says in a few words."""
    shown = {section.anchor for section in kept if section in whole.sections}
    others = [section for section in whole.sections if section.anchor not in shown and section.title]
    said = tuple((section.title, section.brief) for section in others if section.brief) if brief else ()
    titles = ", ".join(section.title for section in others)
    blocks = (
        *([Facts(said, "soft")] if said else []),
        Paragraph(_compared(report), "soft"),
        *([Paragraph(f"With -v also: {titles}.", "soft")] if titles else []),
    )
    return replace(whole, sections=(*kept, Section("more", "", blocks)))


def _compared(report: Report) -> tuple[str | Name, ...]:
    """What with what: `incoming/today against ref/, baseline default (2,560 images)`."""
    reference = report.reference
    sources = [part for name in report.batch.source[:3] for part in (", ", Name(name))][1:] or [
        Name("nothing")
    ]
    more = f" and {len(report.batch.source) - 3} more" if len(report.batch.source) > 3 else ""  # noqa: PLR2004
    baseline = (
        (", baseline ", Name(reference.baseline), f" ({numbers.plural(reference.images, 'image')})")
        if reference.baseline
        else ()
    )
    return (*sources, f"{more} against ", Name(reference.artifact), *baseline)


def quiet_line(report: Report) -> str:
    """`time=2026-11-28T06:17:04Z verdict=drift exit=1 source=images/today images=127 p=0.0002 effect=18% … reason="…"`.

    Fields as logfmt writes them, on one line; `verdict` is the gate's (`Report.outcome`), `reason` its sentence,
    `effect` the lower bound of the share of images that differ.
    """
    gate, source = report.gate, report.batch.source
    known = numbers.known(gate.p_value)
    fields = {
        "time": report.created,
        "verdict": report.outcome,
        "exit": str(report.exit_code),
        "source": ",".join(source),
        "images": str(report.batch.images),
        "p": numbers.p_value(gate.p_value, gate.alpha) if known else "none",
    }
    if report.verdict in ("drift", "warn") and numbers.known(gate.effect_lower) and gate.effect_lower:
        fields["effect"] = numbers.at_least(gate.effect_lower, gate.tolerance).replace(" ", "")
    if report.reference.baseline:
        fields["baseline"] = report.reference.baseline
    if report.sequence is not None:
        fields["evidence"] = numbers.value(report.sequence.value).replace(",", "")
        fields |= {"group": report.sequence.group} if report.sequence.group else {}
    fields |= {"date": report.batch.date[:10]} if report.batch.date else {}
    broken = ",".join(rule.name for rule in report.rules if rule.failed)
    fields |= {"rule": broken} if broken else {}
    fields |= {"unreadable": lost} if (lost := files.lost(report)) else {}
    line = " ".join(f"{name}={_token(value)}" for name, value in fields.items())
    return f'{line} reason="{_one_line(verdict.told(report))}"'


def _token(name: str) -> str:
    return f'"{_one_line(name)}"' if set(name) & set(" \"'\\=") or not name else name


def _one_line(text: str) -> str:
    """Plain punctuation, no double quotes, and an end."""
    plain = text.replace("−", "-").replace("≥", ">=").replace("≤", "<=").replace("→", "->").replace('"', "'")
    return plain if len(plain) <= REASON else f"{plain[: REASON - 3]}..."
