"""How a run ended, for a log: the same fields whatever the command and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftcli.core.addresses import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftcli.core.report import Report

SOURCES = ("source", "result", "database", "path", "artifact")
"""The parameter, of those that a command has, that names what it is about; the first counts."""


@dataclass
class Ending:
    """What is known of a run by its end; what was never known stays None."""

    command: str | None = None
    source: Sequence[str] | None = None
    verdict: str | None = None
    """The gate's, as `Report.outcome`."""
    p: float | None = None
    images: int | None = None
    sentence: str | None = None
    error: str | None = None
    hint: str | None = None

    def began(self, command: str | None, arguments: Mapping[str, Any]) -> None:
        """The command line was understood."""
        named = next((arguments[name] for name in SOURCES if arguments.get(name)), None)
        names = [named] if isinstance(named, str) else named
        self.command, self.source = command, names and [shown(name) for name in names]

    def told(self, report: Report) -> None:
        """A check came to its end, or a saved one was shown."""
        from driftcli.reports.content import verdict

        self.source, self.verdict = report.batch.source, report.outcome
        self.p, self.images, self.sentence = report.gate.p_value, report.batch.images, verdict.told(report)

    def fields(self, code: int) -> dict[str, Any]:
        """The event's, after time, level and message; all of them are always there."""
        return {
            "event": "result",
            "command": self.command,
            "source": None if self.source is None else list(self.source),
            "verdict": self.verdict,
            "exit_code": code,
            "p": self.p,
            "images": self.images,
            "sentence": self.sentence,
            "error": self.error,
            "hint": self.hint,
        }

    def level(self, code: int) -> str:
        """`error` where the command failed, `warning` where it passed with something to look at."""
        if code:
            return "error"
        return "info" if self.verdict in {None, "pass"} else "warning"

    @property
    def message(self) -> str:
        """What a viewer of logs shows of the event."""
        return self.error or self.sentence or f"{self.command or 'driftcli'}: done"
