"""Commands measured in turn: wall and CPU seconds and memory of the whole process tree, ratios round by round."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SAMPLED_EVERY = 0.02
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Cost:
    """Of one run of a command."""

    wall: float
    cpu: float
    """User and system time, of the processes that it started too."""
    memory: float = 0.0
    """MB: the largest sum of the resident memory of all its processes; pages that they share count once for each."""
    main: float = 0.0
    """MB: the largest resident memory of the process itself, as the kernel noted it."""
    worker: float = 0.0
    """MB: that of the largest process that it started."""
    output: str = ""


def run(
    command: Sequence[object],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0, 1),
) -> Cost:
    """One run in a process of its own. Ends the benchmark where the command fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], cwd=cwd, env=env, stdout=out, stderr=err)
        watch = _Memory(child.pid)
        with watch:
            _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if child.returncode not in ok:
            err.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: exit {child.returncode}\n{err.read()[-2000:]}")
        cpu = usage.ru_utime + usage.ru_stime
        return Cost(wall, cpu, watch.sum / 1e6, watch.main / 1e6, watch.worker / 1e6, out.read())


class _Memory:
    """Looks at /proc until told to stop; bytes. Files that lie in memory for others' sake are in none of the figures."""

    def __init__(self, pid: int) -> None:
        self.pid, self._stop = pid, threading.Event()
        self.sum = self.main = self.worker = 0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(SAMPLED_EVERY):
            now, peaks = zip(*map(_resident, _tree(self.pid)), strict=True)
            self.sum, self.main = max(self.sum, sum(now)), max(self.main, peaks[0])
            self.worker = max(self.worker, *peaks[1:], 0)


def _tree(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split()
            found += [below for child in children for below in _tree(int(child))]
    return found


def _resident(pid: int) -> tuple[int, int]:
    """Bytes now, and the most so far; zeros for a process that is gone."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        found = dict(re.findall(r"^(VmRSS|VmHWM):\s*(\d+) kB", status, re.MULTILINE))
        return int(found.get("VmRSS", 0)) << 10, int(found.get("VmHWM", 0)) << 10
    return 0, 0


def in_turn(rounds: int, what: Mapping[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """Every one once untimed (bytecode, disk cache), then all of them in turn, `rounds` times."""
    for one in what.values():
        one()
    found: dict[str, list[Cost]] = {name: [] for name in what}
    for _ in range(rounds):
        for name, one in what.items():
            found[name].append(one())
    return found


@dataclass
class Table:
    """Rows of Markdown, one a comparison."""

    title: str
    about: str
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def compare(self, name: str, ours: list[Cost], theirs: list[Cost], *, times: bool = False) -> None:
        """Ours beside theirs, round by round; `times`: how many times as long theirs takes, else ours."""
        cells = []
        for value in ("wall", "cpu"):
            a, b = (np.array([getattr(cost, value) for cost in side]) for side in (ours, theirs))
            cells += [spread(a, "s"), spread(b, "s"), spread(b / a if times else a / b, "×")]
        self.rows.append((name, *cells, str(len(ours))))
        print(" | ".join(self.rows[-1]), file=sys.stderr, flush=True)

    def markdown(self) -> str:
        head = ("", "ours, wall", "other, wall", "ratio", "ours, CPU", "other, CPU", "ratio, CPU", "rounds")
        lines = [f"## {self.title}", "", self.about, "", _row(head), _row(["---"] * len(head))]
        return "\n".join([*lines, *map(_row, self.rows), ""])


def spread(values: np.ndarray, unit: str) -> str:
    """Median, and the middle half where there are at least three values."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    gap = " " if unit == "s" else ""
    between = f" ({low:.3g}–{high:.3g})" if len(values) > 2 else ""
    return f"{middle:.3g}{gap}{unit}{between}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
