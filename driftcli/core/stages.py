"""Where the time of a call goes: its stages, told to whoever draws progress and remembered for the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from driftcli.core.progress import Progress

_WORKERS = " in workers"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, or a part of one, and how long it took."""

    name: str
    seconds: float
    """By the clock, without the stages within it, with its parts; of workers: summed over them, beside all else."""
    images: int | None = None
    """Or files, or steps: what it counted, if it did."""
    of: str | None = None
    """The stage that it is a part of."""
    workers: bool = False
    """Whether decode workers spent it, at the same time as the rest."""


def in_workers(part: str) -> str:
    """The name that such a part is told by (`Progress.took`): decode workers spent those seconds, all together."""
    return part + _WORKERS


class Stopwatch(Progress):
    """Passes everything on to another progress, and remembers the stages in the order in which they began.

    A stage that comes again is added to the first of its name.
    """

    def __init__(
        self,
        told: Progress,
        loading: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = told
        self._clock = clock
        self._stages: dict[tuple[str | None, str], Stage] = {}
        self._open: list[_Open] = []
        if loading is not None:
            self._add(Stage("loading libraries", loading))
        self._began = clock()

    def start(self, stage: str, total: int | None = None) -> None:
        """A stage begins, here and there."""
        self._add(Stage(stage, 0.0))
        self._open.append(_Open(stage, self._clock()))
        self._told.start(stage, total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Steps are counted."""
        if self._open:
            self._open[-1].steps += steps
        self._told.advance(steps, note)

    def took(self, part: str, seconds: float, steps: int | None = None) -> None:
        """A part of the stage, with its own count."""
        of = self._open[-1].name if self._open else None
        self._add(Stage(part.removesuffix(_WORKERS), seconds, steps, of, part.endswith(_WORKERS)))
        self._told.took(part, seconds, steps)

    def finish(self) -> None:
        """The stage's time, without that of the stages within it."""
        if self._open:
            stage = self._open.pop()
            whole = self._clock() - stage.began
            self._add(Stage(stage.name, whole - stage.within, stage.steps or None))
            if self._open:
                self._open[-1].within += whole
        self._told.finish()

    def warn(self, message: str) -> None:
        """As it is."""
        self._told.warn(message)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage that ends however what happens in it ends."""
        self.start(name)
        try:
            yield
        finally:
            self.finish()

    def stages(self) -> tuple[Stage, ...]:
        """All so far, each before its parts; `other` is what no stage claims."""
        found = [stage for stage in self._stages.values() if stage.of is None]
        claimed = sum(stage.seconds for stage in found if stage.name != "loading libraries")
        other = Stage("other", max(0.0, self._clock() - self._began - claimed))
        parts = [stage for stage in self._stages.values() if stage.of is not None]
        ordered = [one for stage in found for one in (stage, *(p for p in parts if p.of == stage.name))]
        return tuple(replace(one, seconds=round(one.seconds, 3)) for one in (*ordered, other))

    def _add(self, more: Stage) -> None:
        key = (more.of, more.name)
        known = self._stages.get(key)
        if known is not None:
            images = None if known.images is more.images is None else (known.images or 0) + (more.images or 0)
            more = replace(more, seconds=known.seconds + more.seconds, images=images)
        self._stages[key] = more


@dataclass
class _Open:
    """A stage that has begun."""

    name: str
    began: float
    within: float = 0.0
    steps: int = 0


def table(stages: Sequence[Stage]) -> list[str]:
    """Lines for people: each stage with its seconds and its share of all, parts below it, what workers did last."""
    whole = sum(stage.seconds for stage in stages if stage.of is None) or 1.0
    shown = [s for s in stages if s.seconds >= 0.005 * whole and not s.workers]
    names = [("    " if s.of else "  ") + s.name for s in shown]
    width = max(map(len, names), default=0)
    lines = [
        f"{name:<{width}} {s.seconds:>9,.1f} s {s.seconds / whole:>5.0%}"
        for name, s in zip(names, shown, strict=True)
    ]
    spent: dict[str, float] = {}
    for stage in stages:
        if stage.workers:
            spent[stage.name] = spent.get(stage.name, 0.0) + stage.seconds
    workers = ", ".join(f"{name} {seconds:,.1f} s" for name, seconds in spent.items() if seconds > 0)
    return [*lines, *([f"  beside that, all workers together: {workers}"] if workers else [])]
