"""Progress as people and logs want it: bars on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from driftcli.core.progress import Progress
from driftcli.core.text import safe_name
from driftcli.core.times import rough_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

INTERVAL = 10.0
WORTH_TELLING = 0.01
"""Share of a stage below which a part of it is not told."""


class Speaker(Protocol):
    """What progress needs of a terminal: standard error, and how it is spoken to."""

    @property
    def log_format(self) -> str:
        """`text` or `json`."""

    def warn(self, message: str) -> None:
        """Something to know, whatever the options."""

    def note(self, message: str) -> None:
        """Something for those who asked for more."""

    def say(self, level: str, message: str, **more: Any) -> None:
        """One event."""

    def took(self, stage: str, seconds: float, steps: int | None = None, unit: str = "images") -> None:
        """How long a stage took, for those who asked for more."""

    def colour(self, stream: IO[Any] | None = None) -> bool:
        """Whether to colour the stream."""


class TerminalProgress(Progress):
    """Draws nothing, but passes warnings on, and with -v says how long every stage took."""

    clock: Callable[[], float] = staticmethod(time.monotonic)
    restore = ""
    """What makes the terminal usable again if the process ends now."""

    def __init__(self, terminal: Speaker) -> None:
        self.terminal = terminal
        self.stages: list[tuple[str, float, int]] = []
        self.parts: list[tuple[str, float, int | None]] = []

    def start(self, stage: str, total: int | None = None) -> None:  # noqa: ARG002
        self.stages.append((stage, self.clock(), 0))

    def advance(self, steps: int = 1, note: str = "") -> None:  # noqa: ARG002
        if self.stages:
            stage, began, done = self.stages[-1]
            self.stages[-1] = stage, began, done + steps

    def finish(self) -> None:
        if self.stages:
            stage, began, done = self.stages.pop()
            unit = "files" if stage.startswith("reading") else "steps"
            took = self.clock() - began
            self.terminal.took(stage, took, done, unit)
            for part, seconds, steps in self.parts:
                if seconds >= WORTH_TELLING * took:
                    self.terminal.took(f"  of that {part}", seconds, steps)
        self.parts.clear()

    def took(self, part: str, seconds: float, steps: int | None = None) -> None:
        self.parts.append((part, seconds, steps))

    def warn(self, message: str) -> None:
        self.terminal.warn(message)

    def close(self) -> None:
        """Nothing was drawn."""


class Lines(TerminalProgress):
    """A line a stage, at most one every ten seconds: a cron mail and a CI log stay short."""

    def __init__(self, terminal: Speaker) -> None:
        super().__init__(terminal)
        self.stage = ""
        self.total: int | None = None
        self.done = 0
        self.began = self.spoke = self.clock()

    def start(self, stage: str, total: int | None = None) -> None:
        self.stage, self.total, self.done = stage, total, 0
        self.began = self.spoke = self.clock()
        super().start(stage, total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        super().advance(steps)
        self.done += steps
        now = self.clock()
        if now - self.spoke >= INTERVAL:
            self.spoke = now
            self._say(now - self.began, note)

    def finish(self) -> None:
        """Said only of a stage that was long enough to be heard of."""
        if self.spoke > self.began:
            self._say(self.clock() - self.began, "done")
        self.spoke = self.began
        super().finish()

    def _say(self, seconds: float, note: str) -> None:
        left = None
        if self.total and self.done:
            left = max(0.0, seconds / self.done * (self.total - self.done))
        if self.terminal.log_format == "json":
            facts = {"done": self.done, "total": self.total, "seconds": round(seconds, 1)}
            remaining = None if left is None else round(left)
            self.terminal.say(
                "info", self.stage, event="progress", **facts, seconds_left=remaining, note=note
            )
            return
        words = f"{self.done}" + (f" of {self.total} ({self.done / self.total:.0%})" if self.total else "")
        when = f", about {rough_duration(left)} left" if left else f", {rough_duration(seconds)}"
        self.terminal.say("info", f"{self.stage}: {words}{when}{f', {note}' if note else ''}")


class Bars(TerminalProgress):
    """One bar a stage with its time to go; it stays while the stage lasts."""

    def __init__(self, terminal: Speaker) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Drawn

        super().__init__(terminal)
        colour = terminal.colour(sys.stderr)
        console = Console(
            file=sys.stderr,
            force_terminal=True,
            no_color=not colour,
            markup=False,
            highlight=False,
            emoji=False,
        )
        self.bars = Drawn(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
            redirect_stdout=False,
        )
        self.tasks: list[Any] = []

    def start(self, stage: str, total: int | None = None) -> None:
        super().start(stage, total)
        if not self.tasks:
            self.restore = "\r\x1b[J\x1b[?25h"  # what is drawn goes, the cursor comes back
            self.bars.start()
        self.tasks.append(self.bars.add_task(safe_name(stage), total=total, note=""))

    def advance(self, steps: int = 1, note: str = "") -> None:
        super().advance(steps)
        if self.tasks:
            fields: dict[str, Any] = {"note": safe_name(note)} if note else {}
            self.bars.update(self.tasks[-1], advance=steps, **fields)

    def finish(self) -> None:
        if self.tasks:
            self.bars.remove_task(self.tasks.pop())
        if not self.tasks:
            self.bars.stop()
            self.restore = ""
        super().finish()

    def close(self) -> None:
        while self.tasks:
            self.finish()
